import { glob, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Order } from "../../../protocol/order.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import type { OrderLink } from "./orderLink.ts";
import { slotOf } from "./play.ts";

/** Paths of the shard files of one slot on a provider's disk, by stripe. */
export type SlotFiles = readonly string[];

/**
 * Finds where a provider keeps the shards of its slot: the directory whose first file is what it serves.
 */
export async function findSlotFiles(
  network: EmbeddedNetwork,
  link: OrderLink,
  order: Order,
  provider: number,
): Promise<SlotFiles> {
  const served = await link.shard(order, slotOf(order, provider), 0);
  const root = network.dataDirOf(`provider ${provider}`);
  for await (const path of glob(join(root, "shards", "**", "0.shard"))) {
    const kept = await readFile(path);
    if (kept.equals(served)) {
      return Array.from({ length: order.stripes }, (_, stripe) => join(dirname(path), `${stripe}.shard`));
    }
  }
  return [];
}

/** Deletes the files, as a disk that fails does. */
export async function loseAll(files: SlotFiles): Promise<void> {
  await Promise.all(files.map((path) => rm(path)));
}
