import { MemoError } from "../errors.ts";

/**
 * What one keeper holds of one provider's answer: the single proof of the whole challenge, the proofs of
 * some (order, slot) pairs (bit i of byte i >> 3, lowest bit first), or nothing.
 */
export type Holding = "whole" | "nothing" | Uint8Array;

/** Bytes of a cover bitmap over `pairs` (order, slot) pairs. */
export function coverBytes(pairs: number): number {
  return (pairs + 7) >> 3;
}

/** Bitmap with every pair covered. */
export function fullCover(pairs: number): Uint8Array {
  const cover = new Uint8Array(coverBytes(pairs));
  for (let pair = 0; pair < pairs; pair++) setPair(cover, pair);
  return cover;
}

/** Marks one pair in place. */
export function setPair(cover: Uint8Array, pair: number): void {
  cover[pair >> 3]! |= 1 << (pair & 7);
}

/** Whether the pair's bit is set. */
export function hasPair(cover: Uint8Array, pair: number): boolean {
  return ((cover[pair >> 3] ?? 0) & (1 << (pair & 7))) !== 0;
}

/** Covered pairs, ascending. */
export function coveredPairs(cover: Uint8Array): number[] {
  const pairs: number[] = [];
  for (let pair = 0; pair < cover.length * 8; pair++) if (hasPair(cover, pair)) pairs.push(pair);
  return pairs;
}

/** Whether all `pairs` are covered. */
export function isFullCover(cover: Uint8Array, pairs: number): boolean {
  return coveredPairs(cover).length === pairs;
}

/**
 * Throws unless the holding is in its only legal form for a challenge of `pairs` pairs: a bitmap of the
 * exact length with no bit beyond the pairs, with at least one bit, and only where there are two pairs or
 * more (over one pair, the pair's proof is the whole proof).
 *
 * @throws MemoError HOLDING_MALFORMED
 */
export function assertHolding(holding: Holding, pairs: number): void {
  if (holding === "whole" || holding === "nothing") return;
  const covered = coveredPairs(holding);
  const legal =
    pairs >= 2 && holding.length === coverBytes(pairs) && covered.length > 0 && covered.at(-1)! < pairs;
  if (!legal) {
    throw new MemoError(
      "HOLDING_MALFORMED",
      `An inventory entry over ${pairs} (order, slot) pairs needs ${coverBytes(pairs)} bytes with at least one bit below ${pairs}.`,
      { details: { pairs, bytes: holding.length } },
    );
  }
}
