import { concatHex, type Hex, keccak256 } from "viem";

/** Rolling hash of a contract that has emitted nothing. */
export const EMPTY_ROLLING_HASH: Hex = `0x${"00".repeat(32)}`;

/** h' = keccak256(h ‖ keccak256(topics ‖ data)), as the contracts compute it. */
export function nextRollingHash(hash: Hex, log: { topics: readonly Hex[]; data: Hex }): Hex {
  return keccak256(concatHex([hash, keccak256(concatHex([...log.topics, log.data]))]));
}
