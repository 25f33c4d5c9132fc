import { createHash } from "node:crypto";
import { keccak256 } from "viem";
import { openWindow, verifyWindow } from "../../protocol/challenge/window.ts";
import { SHARD_BYTES } from "../../protocol/constants.ts";
import { createFieldPool } from "../../protocol/kzg/fieldPool.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../protocol/kzg/points.ts";
import { parsePolicy } from "../../protocol/object/policy.ts";
import { concatBytes } from "../../protocol/object/rechunk.ts";
import { createReedSolomon } from "../../protocol/object/reedSolomon.ts";
import { sealSegments } from "../../protocol/object/segments.ts";
import { encodeStripe, stripePayloadBytes } from "../../protocol/object/stripes.ts";
import { shardCid } from "../../protocol/shard/cid.ts";
import type { BenchRow } from "./row.ts";

const AREA = "upload";
const POLICY = parsePolicy("rs(6,3)");
const MB = 1_000_000;
/** As in an upload: what fits 48 MiB of shards. */
const WINDOW = 40;
const ROUNDS = 3;
const GROUP = "0x00000000000000000000000000000000c0ffee02";

/** User CPU of the whole process, in milliseconds, per MB of payload. */
async function cpuPerMb(bytes: number, work: () => unknown): Promise<number> {
  await work();
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) await work();
  return process.cpuUsage(before).user / 1000 / ROUNDS / (bytes / MB);
}

/** Bytes that do not compress and differ in every stripe. */
function incompressible(length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let block = 0; block * 32 < length; block++) {
    blocks.push(createHash("sha256").update(String(block)).digest());
  }
  return concatBytes(blocks).subarray(0, length);
}

/**
 * User CPU of an upload under rs(6,3), by part, per MB (10^6 B) of payload; a window of 40 stripes. Work of other
 * threads (field arithmetic) counts too. What providers do (commitments, openings) does not.
 */
export async function measure(): Promise<BenchRow[]> {
  const size = stripePayloadBytes(POLICY);
  const data = incompressible(WINDOW * size);
  const payloads = Array.from({ length: WINDOW }, (_, stripe) =>
    data.subarray(stripe * size, (stripe + 1) * size),
  );
  const reedSolomon = createReedSolomon();
  const encode = () => payloads.map((payload) => encodeStripe(payload, POLICY, reedSolomon));
  const stripes = encode();
  const context = { key: data.slice(0, 32), objectId: data.slice(32, 48), version: 1 };
  const segmenting = async (compress: boolean) => {
    for await (const _ of sealSegments([data], context, compress));
  };

  const encryption = await cpuPerMb(data.length, () => segmenting(false));
  const compression = (await cpuPerMb(data.length, () => segmenting(true))) - encryption;
  const encoding = await cpuPerMb(data.length, encode);
  const hashing = await cpuPerMb(data.length, () => stripes.map((shards) => shards.map(shardCid)));
  const { checking, committing } = await checkPerMb(stripes, data.length);
  const plain = encoding + hashing + checking;
  const goal = "≥ 100 (at least 40)";

  const row = (name: string, value: number, more: Partial<BenchRow> = {}): BenchRow => ({
    area: AREA,
    name,
    value: Number(value.toFixed(2)),
    unit: "ms/MB",
    ...more,
  });
  return [
    row("segments and AES-256-GCM", encryption),
    row("zstd, on bytes that do not compress", compression),
    row("shard layout and Reed–Solomon 6+3", encoding, {
      compared: `${((SHARD_BYTES * POLICY.n) / size).toFixed(2)} bytes sent per byte stored`,
    }),
    row("CIDs of all shards", hashing),
    row("check of the window's commitments", checking, {
      compared: `to commit oneself: ${committing.toFixed(0)} ms/MB`,
    }),
    row("all of it without encryption, per core", 1000 / plain, {
      unit: "MB/s",
      goal,
      met: 1000 / plain >= 100,
    }),
    row("all of it with encryption, per core", 1000 / (plain + encryption), { unit: "MB/s" }),
  ];
}

/** The user's part of delegated commitments, for all slots, and what it would cost to make them oneself. */
async function checkPerMb(
  stripes: readonly (readonly Uint8Array[])[],
  bytes: number,
): Promise<{ checking: number; committing: number }> {
  const kzg = createKzg();
  const points = await loadPoints();
  const fieldPool = createFieldPool({ threads: 1 });
  const slots = Array.from({ length: POLICY.n }, (_, slot) => stripes.map((shards) => shards[slot]!));
  const before = process.cpuUsage();
  const commitmentsOf = await Promise.all(
    slots.map((shards) => Promise.all(shards.map((shard) => kzg.commit(shard)))),
  );
  const committing = process.cpuUsage(before).user / 1000 / (bytes / MB);
  const windows = await Promise.all(
    slots.map(async (shards, slot) => {
      const commitments = commitmentsOf[slot]!;
      const nonce = keccak256(new Uint8Array([slot]));
      const context = { chainId: 1, group: GROUP, nonce, provider: slot + 1, slot, firstStripe: 0 } as const;
      return {
        context,
        shards,
        commitments,
        ...(await openWindow({ context, shards, commitments, kzg, fieldPool })),
      };
    }),
  );
  try {
    const checking = await cpuPerMb(bytes, async () => {
      for (const window of windows) await verifyWindow({ ...window, kzg, points, fieldPool });
    });
    return { checking, committing };
  } finally {
    await fieldPool.close();
  }
}
