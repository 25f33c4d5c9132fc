import type { Hex } from "viem";
import type { Disturbances, Repairs } from "./acts/summary.ts";
import type { GasUse, IndexCounts } from "./askIndex.ts";
import type { Recovery } from "./secondHalf.ts";

/** What `npm start -- --json` prints as the last line of stdout. */
export interface StoryResult extends Disturbances {
  input: { path: string; bytes: number; sha256: string };
  /** Client and version of a chain that was running already; null of the network's own. */
  chain: { id: number; version: string | null };
  order: { id: Hex; slots: number; stripes: number; shards: number; gas: number; gasPerSlot: number };
  /** The order that the cheater holds a slot of too; null when the network is too small for the second half. */
  secondOrder: { id: Hex; slots: number; stripes: number } | null;
  /** Gaps: epochs of the order that no certificate covers. Missed: verdicts, over all providers and epochs. */
  epochs: { certified: number; certifyGas: number[]; gaps: number; missed: number };
  /** Proofs that providers made, how often a keeper found one valid, and bytes of all proof messages. */
  proofs: { made: number; verified: number; bytes: number };
  restored: { bytes: number; sha256: string; match: boolean; providersDown: number };
  recovered: { match: boolean };
  repairs: Repairs;
  /** null when the network is too small for the second half. */
  restoredAfterRepair: { match: boolean; providersDown: number } | null;
  recovery: Recovery | null;
  index: { block: number; behind: number } & IndexCounts;
  balances: { conserved: boolean; supply: string };
  /** Change of what everybody has, token wei; adds up to 0. */
  money: { who: string; part: string; change: string }[];
  gas: GasUse[];
  urls: { graphql: string; chain: string; keepers: string[] };
  seconds: Record<"install" | "boot" | "store" | "epochs" | "restore" | "faults" | "total", number>;
}
