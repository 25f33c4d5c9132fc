import { concat, encodePacked, type Hex, keccak256 } from "viem";

/** Leader of a round: roster index (uint(keccak(seed ‖ "leader")) + round) mod n. */
export function leaderOf(seed: Hex, round: number, members: number): number {
  const start = BigInt(keccak256(concat([seed, encodePacked(["string"], ["leader"])])));
  return Number((start + BigInt(round)) % BigInt(members));
}

/**
 * Who submits a certificate first, second, …: a permutation of the roster indexes drawn from the seed and
 * the deciding round (Fisher–Yates, step i swaps with keccak(keccak(seed ‖ "submit" ‖ round) ‖ i) mod (i + 1)).
 */
export function submissionOrder(seed: Hex, round: number, members: number): number[] {
  const drawn = keccak256(concat([seed, encodePacked(["string", "uint32"], ["submit", round])]));
  const order = Array.from({ length: members }, (_, index) => index);
  for (let last = members - 1; last > 0; last--) {
    const draw = BigInt(keccak256(concat([drawn, encodePacked(["uint32"], [last])])));
    const chosen = Number(draw % BigInt(last + 1));
    [order[last], order[chosen]] = [order[chosen]!, order[last]!];
  }
  return order;
}

/** Milliseconds that a round may take: doubling from `base`, at most 64 times it. */
export function roundTimeout(base: number, round: number): number {
  return base * 2 ** Math.min(round, 6);
}
