import { SHARD_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { fieldToBytes } from "../kzg/field.ts";
import type { FieldPool } from "../kzg/fieldPool.ts";
import type { Kzg } from "../kzg/kzg.ts";
import type { Points } from "../kzg/points.ts";
import { type ChallengeProof, challengePairs, coverOf, type ProofPart, wholeCover } from "./proof.ts";
import { type ShardRef, shardKey } from "./sample.ts";
import { type ChallengeContext, type CommittedShard, challengeTranscript } from "./transcript.ts";

/** Shards held in memory at a time: 8 MiB. */
const SHARDS_IN_MEMORY = 64;
/** Times that a proof is tried when reads contradict each other. */
const ATTEMPTS = 3;

/** What a provider needs to answer a challenge. */
export type ProveParameters = {
  readonly context: ChallengeContext;
  /** The challenge, as `sampleShards` orders it, with the orders' commitments. */
  readonly shards: readonly CommittedShard[];
  /** Bytes of a shard; undefined when they are gone. What it throws ends the proof. */
  readonly readShard: (shard: ShardRef, signal?: AbortSignal) => Promise<Uint8Array | undefined>;
  readonly kzg: Kzg;
  readonly points: Points;
  readonly fieldPool: FieldPool;
  readonly signal?: AbortSignal;
};

/** A proof, checked against the commitments before it is handed out, and what it leaves out. */
export type ProveResult = {
  /** Without parts: nothing could be proven, and there is nothing to send. */
  readonly proof: ChallengeProof;
  /** Shards that were gone or of wrong length. */
  readonly missing: ShardRef[];
  /** All shards of the pairs that are not covered: missing ones, corrupt ones and their companions. */
  readonly uncovered: ShardRef[];
};

/**
 * Answers a challenge: in one part if everything is held, else in one part per (order, slot) of which
 * everything asked for is held, so that a partial loss is not taken for silence.
 * @throws SHARDS_UNSTABLE, the signal's reason
 */
export async function proveChallenge(parameters: ProveParameters): Promise<ProveResult> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const result = await attemptProof(parameters);
    if (result !== undefined) return result;
  }
  throw new MemoError(
    "SHARDS_UNSTABLE",
    "The same shards read differently each time, so that no proof over all of them verifies; check the disk.",
    { details: { epoch: parameters.context.epoch, provider: parameters.context.provider }, retryable: true },
  );
}

/** Undefined when every pair verified though the whole did not: the disk answered differently. */
async function attemptProof(parameters: ProveParameters): Promise<ProveResult | undefined> {
  const { shards } = parameters;
  const pairs = challengePairs(shards);
  const missing = new Map<string, ShardRef>();
  const covered: number[] = [];
  const parts: ProofPart[] = [];
  const whole = shards.length === 0 ? undefined : await provePart(parameters, shards, missing);
  if (whole !== undefined) {
    return { proof: { cover: wholeCover(pairs.length), parts: [whole] }, missing: [], uncovered: [] };
  }
  // The part of an only pair is the whole, which has just failed.
  for (const [index, pair] of pairs.length > 1 ? pairs.entries() : []) {
    const part = await provePart(parameters, pair.shards, missing);
    if (part === undefined) continue;
    covered.push(index);
    parts.push(part);
  }
  if (covered.length === pairs.length && pairs.length > 0) return undefined;
  const uncovered = pairs
    .filter((_, index) => !covered.includes(index))
    .flatMap((pair) => pair.shards.map(place));
  return {
    proof: { cover: coverOf(covered, pairs.length), parts },
    missing: [...missing.values()],
    uncovered,
  };
}

async function provePart(
  { context, readShard, kzg, points, fieldPool, signal }: ProveParameters,
  shards: readonly CommittedShard[],
  missing: Map<string, ShardRef>,
): Promise<ProofPart | undefined> {
  const { weights, point } = challengeTranscript(context, shards);
  const options = signal ? { signal } : {};
  const sums: Uint8Array[] = [];
  for (let from = 0; from < shards.length; from += SHARDS_IN_MEMORY) {
    signal?.throwIfAborted();
    const group = shards.slice(from, from + SHARDS_IN_MEMORY);
    const bytes = await Promise.all(group.map((shard) => readShard(place(shard), signal)));
    const held = bytes.filter((shard) => shard?.length === SHARD_BYTES) as Uint8Array[];
    for (const [index, shard] of bytes.entries()) {
      if (shard?.length !== SHARD_BYTES) missing.set(shardKey(group[index]!), place(group[index]!));
    }
    if (held.length < group.length) return undefined;
    sums.push(await fieldPool.weightedSum(held, weights.slice(from, from + group.length), options));
  }
  const sum =
    sums.length === 1 ? sums[0]! : await fieldPool.weightedSum(sums, Array(sums.length).fill(1n), options);
  const { y, proof } = await kzg.open(sum, point, options);
  // A disk can hand out wrong bytes silently; a proof that does not verify would cost the whole epoch.
  const commitment = points.weightedSum(
    shards.map((shard) => points.expand(shard.commitment)),
    weights,
  );
  return kzg.verify({ commitment, z: point, y, proof }) ? { y: fieldToBytes(y), proof } : undefined;
}

function place({ orderId, slot, stripe }: ShardRef): ShardRef {
  return { orderId, slot, stripe };
}
