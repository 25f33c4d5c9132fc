import { createRequire } from "node:module";
import { bytesToBigInt, hexToBytes, keccak256, zeroHash } from "viem";
import {
  buildOpenings,
  type OpenedShard,
  openingsDigest,
  verifyOpenings,
} from "../../protocol/challenge/openings.ts";
import { proveChallenge } from "../../protocol/challenge/prove.ts";
import { sampleShards } from "../../protocol/challenge/sample.ts";
import type { ChallengeContext, CommittedShard } from "../../protocol/challenge/transcript.ts";
import { type ProofClaim, verifyBatch, verifyProof } from "../../protocol/challenge/verify.ts";
import { openWindow, verifyWindow } from "../../protocol/challenge/window.ts";
import { FIELD_MODULUS, PAYLOAD_BYTES, SHARD_BYTES } from "../../protocol/constants.ts";
import { createFieldPool } from "../../protocol/kzg/fieldPool.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../protocol/kzg/points.ts";
import { orderTree } from "../../protocol/merkle/slotRoot.ts";
import { treeRoot } from "../../protocol/merkle/tree.ts";
import { encodePacked31 } from "../../protocol/shard/packed31.ts";
import { encodeProofMessage } from "../../protocol/wire/proofMessage.ts";
import type { BenchRow } from "./row.ts";

const AREA = "challenge";
const SAMPLES = 64;
const STRIPES = 1024;
const SLOTS = 9;
const GROUP = "0x00000000000000000000000000000000c0ffee01";
const ORDER = keccak256("0x01");

/**
 * Challenges at 64 samples of an order with 9 slots of 1,024 stripes. All times are CPU times, and sums run on
 * the calling thread, so that they are those of one core.
 */
export async function measure(): Promise<BenchRow[]> {
  const kzg = createKzg();
  const points = await loadPoints();
  const fieldPool = createFieldPool({ threads: 0 });
  const distinct = Array.from({ length: SAMPLES }, (_, index) => shardOf(index));
  const commitments = await Promise.all(distinct.map((shard) => kzg.commit(shard)));
  // Every stripe is another shard: one of the distinct ones with a number in its first element's last byte.
  const unit = points.expand(await kzg.commit(variant(new Uint8Array(SHARD_BYTES), 1)));
  const shardAt = (stripe: number) => variant(distinct[stripe % SAMPLES]!, Math.floor(stripe / SAMPLES));
  const expanded = Array.from({ length: STRIPES }, (_, stripe) =>
    points.weightedSumPoint(
      [points.expand(commitments[stripe % SAMPLES]!), unit],
      [1n, BigInt(Math.floor(stripe / SAMPLES))],
    ),
  );
  const committed = expanded.map((point) => points.compress(point));
  const tree = orderTree(Array.from({ length: SLOTS }, () => committed));

  const contexts = Array.from(
    { length: 4 },
    (_, index): ChallengeContext => ({
      ...{ chainId: 31337, group: GROUP, epoch: 1 },
      ...{ seed: keccak256("0x02"), provider: index + 1 },
    }),
  );
  const challengeOf = ({ seed, provider }: ChallengeContext): CommittedShard[] =>
    sampleShards({
      ...{ seed, provider, samples: SAMPLES, owed: [] },
      slots: [{ orderId: ORDER, slot: provider, stripes: STRIPES, sequence: 1 }],
    }).map((shard) => ({ ...shard, commitment: committed[shard.stripe]! }));
  const proveOf = (context: ChallengeContext) =>
    proveChallenge({
      ...{ context, kzg, points, fieldPool, shards: challengeOf(context) },
      readShard: async ({ stripe }) => shardAt(stripe),
    });
  const openedOf = (context: ChallengeContext): OpenedShard[] =>
    challengeOf(context).map(({ orderId, slot, stripe }) => ({
      ...{ orderId, slot, stripe, point: expanded[stripe]! },
    }));
  const claims: ProofClaim[] = [];
  for (const context of contexts) {
    claims.push({ context, shards: openedOf(context), proof: (await proveOf(context)).proof });
  }
  const [claim] = claims as [ProofClaim];

  const rows: BenchRow[] = [];
  const row = (name: string, value: number, unit: string, rest: Partial<BenchRow> = {}) =>
    rows.push({ area: AREA, name, value, unit, ...rest });
  const atMost = (value: number, goal: number) => ({ goal: `≤ ${goal}`, met: value <= goal });

  const prove = await median(7, () => proveOf(contexts[0]!));
  const open = await median(7, () => kzg.open(distinct[0]!, 12345n));
  row("prove, 64 samples", prove, "ms", { ...atMost(prove, 150), compared: "an opening alone: next row" });
  row("of which the opening", open, "ms", { compared: "node-eth-kzg, one thread" });

  const warm = await median(15, () => assertValid(verifyProof({ ...claim, kzg, points }).valid));
  row("verify, warm (points held)", warm, "ms", atMost(warm, 6));
  const shards = challengeOf(contexts[0]!);
  const openings = buildOpenings({
    shards,
    pointOf: ({ stripe }) => expanded[stripe]!,
    treeOf: () => tree,
  });
  const orderOf = () => ({ shardRoot: treeRoot(tree.top), slots: SLOTS, stripes: STRIPES });
  const cold = await median(9, () => {
    const opened = verifyOpenings({ shards, openings, orderOf });
    assertValid(verifyProof({ ...claim, shards: opened, kzg, points }).valid);
  });
  row("verify, cold (openings pulled)", cold, "ms", atMost(cold, 15));
  const hundred = Array.from({ length: 100 }, (_, index) => claims[index % claims.length]!);
  const batch = await median(3, async () => {
    const checks = await verifyBatch({ claims: hundred, points });
    assertValid(checks.every(({ valid }) => valid));
  });
  row("verify in a batch of 100, each", batch / 100, "ms", {
    ...atMost(batch / 100, 6),
    compared: `warm, alone: ${warm.toFixed(1)} ms`,
  });

  const message = encodeProofMessage({
    ...{ v: 1, epoch: 1_000_000, provider: 100_000, signature: `0x${"ff".repeat(64)}` },
    ...{ cover: claim.proof.cover, parts: [...claim.proof.parts], openings: openingsDigest(openings.points) },
  });
  row("gossiped per proof", message.length, "B", atMost(message.length, 300));
  const hashes = openings.orders.reduce((sum, { multiproof }) => sum + multiproof.length, 0);
  row("openings pulled, 64 samples of one order", openings.points.length + 32 * (hashes + 1), "B", {
    compared: `${openings.points.length} B points, ${hashes} hashes`,
  });

  rows.push(...(await commitRows(distinct, kzg)));
  rows.push(...(await kernelRows(distinct)));

  const context = { ...contexts[0]!, nonce: zeroHash, slot: 0, firstStripe: 0 };
  const window = { context, shards: distinct, commitments };
  const answer = await openWindow({ ...window, kzg, fieldPool });
  const checked = await median(7, () => verifyWindow({ ...window, ...answer, kzg, points, fieldPool }));
  row("user's check of an upload window (64 shards, 8 MiB)", checked, "ms", {
    compared: `${((64 * SHARD_BYTES) / 1000 / checked).toFixed(0)} MB/s of shards`,
  });
  await fieldPool.close();
  return rows;
}

/** Commitments per second and core, through the bounded queue and by the bare library. */
async function commitRows(
  shards: readonly Uint8Array[],
  kzg: ReturnType<typeof createKzg>,
): Promise<BenchRow[]> {
  const { DasContextJs } = createRequire(import.meta.url)("@crate-crypto/node-eth-kzg") as {
    DasContextJs: {
      create(options: { usePrecomp: boolean }): {
        asyncBlobToKzgCommitment(blob: Uint8Array): Promise<Uint8Array>;
      };
    };
  };
  const bare = DasContextJs.create({ usePrecomp: false });
  const some = shards.slice(0, 16);
  const perSecond = (milliseconds: number) => (1000 * some.length) / milliseconds;
  // Turn about, so that whatever else the machine does meets both.
  const times: { own: number[]; bare: number[] } = { own: [], bare: [] };
  for (let round = 0; round < 4; round++) {
    times.own.push(await elapsed(() => Promise.all(some.map((shard) => kzg.commit(shard)))));
    times.bare.push(
      await elapsed(() => Promise.all(some.map((shard) => bare.asyncBlobToKzgCommitment(shard)))),
    );
  }
  const own = perSecond(Math.min(...times.own));
  const reference = perSecond(Math.min(...times.bare));
  const share = (100 * own) / reference;
  return [
    {
      ...{ area: AREA, name: "provider's commitments, per core", value: own, unit: "/s" },
      compared: `bare node-eth-kzg ${reference.toFixed(1)}/s`,
    },
    {
      area: AREA,
      name: "of the bare library's rate",
      value: share,
      unit: "%",
      goal: "≥ 95",
      met: share >= 95,
    },
  ];
}

/** Weighted sums by the kernel and by BigInt, on the calling thread. */
async function kernelRows(shards: readonly Uint8Array[]): Promise<BenchRow[]> {
  const pool = createFieldPool({ threads: 0 });
  const weights = shards.map(
    (_, index) => bytesToBigInt(hexToBytes(keccak256(`0x${(index + 16).toString(16)}`))) >> 128n,
  );
  const rate = (count: number, milliseconds: number) => (count * SHARD_BYTES) / 1000 / milliseconds;
  const kernel = rate(shards.length, await median(9, () => pool.weightedSum(shards, weights)));
  const evaluation = await median(9, () => pool.weightedEvaluation([], [], 12345n));
  const few = shards.slice(0, 4);
  const bigint = rate(few.length, await median(3, () => bigintSum(few, weights)));
  await pool.close();
  return [
    {
      ...{
        area: AREA,
        name: "weighted sum in the kernel",
        value: kernel,
        unit: "MB/s",
        goal: "≥ 500",
        met: kernel >= 500,
      },
      compared: `BigInt ${bigint.toFixed(0)} MB/s`,
    },
    { area: AREA, name: "evaluation of a blob at a point", value: evaluation, unit: "ms" },
  ];
}

function bigintSum(shards: readonly Uint8Array[], weights: readonly bigint[]): bigint[] {
  const sums: bigint[] = Array(SHARD_BYTES / 32).fill(0n);
  for (const [index, shard] of shards.entries()) {
    const view = new DataView(shard.buffer, shard.byteOffset, shard.length);
    for (let at = 0; at < sums.length; at++) {
      let element = 0n;
      for (let word = 0; word < 4; word++) element = (element << 64n) | view.getBigUint64(32 * at + 8 * word);
      sums[at] = sums[at]! + element * weights[index]!;
    }
  }
  return sums.map((sum) => sum % FIELD_MODULUS);
}

function shardOf(number: number): Uint8Array {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  for (let at = 0; at < payload.length; at++)
    payload[at] = Math.imul(at + 1, number * 2654435761 + 97) >>> 13;
  return variant(encodePacked31(payload), 0);
}

/** A copy of a shard with another last byte in its first element. */
function variant(shard: Uint8Array, number: number): Uint8Array {
  return shard.with(31, number);
}

function assertValid(valid: boolean): void {
  if (!valid) throw new Error("what is measured does not verify");
}

/** CPU milliseconds of the process, all its threads: what the work takes on one core, whatever else runs. */
async function elapsed(work: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Median of `runs` after one run to warm up, in ms. */
async function median(runs: number, work: () => unknown): Promise<number> {
  await work();
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await elapsed(work));
  return times.sort((a, b) => a - b)[runs >> 1]!;
}
