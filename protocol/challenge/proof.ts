import { concatBytes, type Hex, keccak256 } from "viem";
import { COMMITMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { type ShardRef, slotKey } from "./sample.ts";

/** Opening of one weighted sum: y as 32 big-endian bytes, the KZG proof as 48. */
export type ProofPart = { readonly y: Uint8Array; readonly proof: Uint8Array };

/**
 * Answer to a challenge. `cover` is a bitmap over the challenge's (order, slot) pairs by first appearance:
 * pair i is bit i % 8, lowest first, of byte i >> 3; what is left of the last byte is zero. A full cover has
 * one part over the whole challenge, any other has one part per covered pair, ascending.
 */
export type ChallengeProof = { readonly cover: Uint8Array; readonly parts: readonly ProofPart[] };

/** An (order, slot) pair of a challenge and its shards, in challenge order. */
export type ChallengePair<Shard extends ShardRef = ShardRef> = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly shards: readonly Shard[];
};

/** The (order, slot) pairs of a challenge by first appearance. */
export function challengePairs<Shard extends ShardRef>(challenge: readonly Shard[]): ChallengePair<Shard>[] {
  const pairs = Map.groupBy(challenge, slotKey);
  return [...pairs.values()].map((shards) => ({
    orderId: shards[0]!.orderId,
    slot: shards[0]!.slot,
    shards,
  }));
}

/** Bitmap of `count` pairs in which those of `pairs` are set. */
export function coverOf(pairs: Iterable<number>, count: number): Uint8Array {
  const cover = new Uint8Array(Math.ceil(count / 8));
  for (const pair of pairs) {
    if (!Number.isInteger(pair) || pair < 0 || pair >= count)
      throw new RangeError(`pair ${pair} of ${count}`);
    cover[pair >> 3]! |= 1 << (pair & 7);
  }
  return cover;
}

/** Bitmap in which all of `count` pairs are set. */
export function wholeCover(count: number): Uint8Array {
  return coverOf(Array(count).keys(), count);
}

/**
 * Indexes of the pairs that a cover sets, ascending.
 * @throws COVER_MALFORMED when the length is not that of `count` pairs or a bit beyond them is set
 */
export function coveredPairs(cover: Uint8Array, count: number): number[] {
  const spare = cover.length * 8 - count;
  const malformed =
    cover.length !== Math.ceil(count / 8) || (spare > 0 && cover.at(-1)! >> (8 - spare) !== 0);
  if (malformed) {
    throw new MemoError("COVER_MALFORMED", `The cover is no bitmap of ${count} (order, slot) pairs.`, {
      details: { bytes: cover.length, count },
    });
  }
  return Array.from({ length: count }, (_, pair) => pair).filter(
    (pair) => (cover[pair >> 3]! >> (pair & 7)) & 1,
  );
}

/**
 * Whether a cover sets all of `count` pairs.
 * @throws COVER_MALFORMED
 */
export function isWhole(cover: Uint8Array, count: number): boolean {
  return coveredPairs(cover, count).length === count;
}

/**
 * Union of two covers of the same challenge.
 * @throws COVER_MALFORMED when they differ in length
 */
export function mergeCovers(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length !== b.length) {
    throw new MemoError("COVER_MALFORMED", "Covers of different challenges cannot be merged.", {
      details: { bytes: [a.length, b.length] },
    });
  }
  return a.map((byte, index) => byte | b[index]!);
}

/** keccak over y ‖ proof of all parts in order: what a result leaf holds. */
export function partsHash(parts: readonly ProofPart[]): Hex {
  return keccak256(concatBytes(parts.flatMap(({ y, proof }) => [y, proof])));
}

/** keccak over cover ‖ y ‖ proof of all parts: what the provider signs, so that nobody can alter the cover. */
export function proofDigest({ cover, parts }: ChallengeProof): Hex {
  return keccak256(concatBytes([cover, ...parts.flatMap(({ y, proof }) => [y, proof])]));
}

/**
 * The shards that each part of a proof is over, in the order of the parts.
 * @throws COVER_MALFORMED, PROOF_MALFORMED when lengths or the number of parts are not canonical
 */
export function partShards<Shard extends ShardRef>(
  challenge: readonly Shard[],
  proof: ChallengeProof,
): (readonly Shard[])[] {
  const pairs = challengePairs(challenge);
  const covered = coveredPairs(proof.cover, pairs.length);
  const expected = covered.length === pairs.length ? 1 : covered.length;
  if (pairs.length === 0 || covered.length === 0 || proof.parts.length !== expected) {
    throw new MemoError(
      "PROOF_MALFORMED",
      `A proof that covers ${covered.length} of ${pairs.length} pairs has ${expected} parts, not ${proof.parts.length}.`,
      { details: { covered: covered.length, pairs: pairs.length, parts: proof.parts.length } },
    );
  }
  const wrong = proof.parts.find((part) => part.y.length !== 32 || part.proof.length !== COMMITMENT_BYTES);
  if (wrong !== undefined) {
    throw new MemoError("PROOF_MALFORMED", "A part of a proof is a value of 32 bytes and a point of 48.", {
      details: { y: wrong.y.length, proof: wrong.proof.length },
    });
  }
  return covered.length === pairs.length ? [challenge] : covered.map((pair) => pairs[pair]!.shards);
}
