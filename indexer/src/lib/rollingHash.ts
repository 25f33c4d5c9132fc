import { concatHex, type Hex, keccak256 } from "viem";

/** Rolling hash of a contract that has emitted nothing. */
export const EMPTY_ROLLING_HASH: Hex = `0x${"00".repeat(32)}`;

/** A log of fewer than four topics has null for the others when Ponder reads it back from its database. */
export type RawLog = { readonly topics: readonly (Hex | null)[]; readonly data: Hex };

/** h' = keccak256(h ‖ keccak256(topics ‖ data)), as the contracts compute it. */
export function nextRollingHash(hash: Hex, log: RawLog): Hex {
  const topics = log.topics.filter((topic) => topic !== null);
  return keccak256(concatHex([hash, keccak256(concatHex([...topics, log.data]))]));
}
