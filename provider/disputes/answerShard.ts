import type { Address, Hex } from "viem";
import type { ShardRef } from "../../protocol/challenge/sample.ts";
import { buildAnswer, type ShardAnswer } from "../../protocol/disputes/answer.ts";
import { appealPoint } from "../../protocol/disputes/draw.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import type { OrderTrees } from "../prove/orderTrees.ts";
import type { ShardReader } from "../read/shardReader.ts";
import type { ProviderStore } from "../store/store.ts";

/** Makes the proof that one shard is here; undefined when it is not. */
export function createAnswerShard(deps: {
  store: ProviderStore;
  treeOf: OrderTrees;
  readShard: ShardReader;
  kzg: Pick<Kzg, "open">;
  chainId: number;
  disputes: Address;
}) {
  const { store, chainId, disputes } = deps;
  return async (shard: ShardRef, draw: Hex, signal: AbortSignal): Promise<ShardAnswer | undefined> => {
    const { orderId, slot, stripe } = shard;
    const held = store.orders.get(orderId, slot);
    const commitment = held && store.uploads.commitmentAt(held.uploadId, slot, stripe);
    if (held === undefined || commitment === undefined) return undefined;
    const bytes = await deps.readShard(held.uploadId, stripe).catch((error: unknown) => {
      if (error instanceof MemoError && error.code === "SHARD_UNREADABLE") return undefined;
      throw error;
    });
    if (bytes === undefined) return undefined;
    return buildAnswer({
      order: held.order,
      tree: deps.treeOf(orderId),
      slot,
      stripe,
      shard: bytes,
      commitment,
      point: appealPoint({ chainId, disputes, draw, orderId, slot, stripe }),
      kzg: deps.kzg,
      signal,
    });
  };
}
