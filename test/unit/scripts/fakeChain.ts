import { numberToHex } from "viem";

/** What the point evaluation precompile returns of any true claim. */
const POINT_EVALUATION =
  "0x000000000000000000000000000000000000000000000000000000000000100073eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

/** Answers `eth_call` as a chain that can do all that the contracts need: code without address returns 1. */
export function answerCall([{ to }]: readonly [{ to?: string }, ...unknown[]]): string {
  return to === undefined ? numberToHex(1, { size: 32 }) : POINT_EVALUATION;
}
