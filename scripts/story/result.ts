import type { Hex } from "viem";
import type { GasUse } from "./askIndex.ts";

/** What `npm start -- --json` prints as the last line of stdout. */
export interface StoryResult {
  input: { path: string; bytes: number; sha256: string };
  order: { id: Hex; slots: number; stripes: number; shards: number; gas: number; gasPerSlot: number };
  /** Gaps: epochs of the order that no certificate covers. Missed: verdicts, over all providers and epochs. */
  epochs: { certified: number; certifyGas: number[]; gaps: number; missed: number };
  /** Proofs that providers made, how often a keeper found one valid, and bytes of all proof messages. */
  proofs: { made: number; verified: number; bytes: number };
  restored: { bytes: number; sha256: string; match: boolean; providersDown: number };
  recovered: { match: boolean };
  index: { block: number; behind: number };
  balances: { conserved: boolean; supply: string };
  gas: GasUse[];
  urls: { graphql: string; chain: string; keepers: string[] };
  seconds: { install: number; boot: number; store: number; epochs: number; restore: number; total: number };
}
