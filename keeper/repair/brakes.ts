import type { Hex } from "viem";
import { compareEntries } from "../../protocol/results/exceptions.ts";
import { SHARE } from "./clocks.ts";

/** A slot that the rule calls lost. */
export type LostCandidate = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly provider: number;
  readonly stripes: number;
  /** First epoch of the holder. */
  readonly since: number;
  /** First epoch that the order is not challenged in. */
  readonly endEpoch: number;
  readonly parities: number;
  /** Slots of the order that are unavailable or without holder, this one included. */
  readonly unavailable: number;
};

/** What holds back evictions: group parameters and the state of things. */
export type BrakeContext = {
  readonly epoch: number;
  /** Whether a mass outage holds up evictions. */
  readonly frozen: boolean;
  /** Shards in all slots of orders whose collateral is locked: what the cap is a share of. */
  readonly activeShards: number;
  readonly parameters: {
    readonly offerEpochs: number;
    readonly repairBudget: number;
    readonly evictionCap: number;
  };
};

/** Whether repairing a slot of the order still pays: not when it ends within twice the time to accept. */
export function isWorthRepair(endEpoch: number, { epoch, parameters }: BrakeContext): boolean {
  return endEpoch > epoch + 2 * parameters.offerEpochs;
}

/** Most endangered order first: by spare parities, then by place. */
export function byDanger(
  a: { orderId: Hex; slot: number; parities: number; unavailable: number },
  b: { orderId: Hex; slot: number; parities: number; unavailable: number },
): number {
  return a.parities - a.unavailable - (b.parities - b.unavailable) || compareEntries(a, b);
}

/** Those of the candidates that are given up in this epoch, most endangered first. */
export function applyBrakes(
  candidates: readonly LostCandidate[],
  context: BrakeContext,
): readonly LostCandidate[] {
  const { epoch, frozen, activeShards, parameters } = context;
  const eligible = candidates
    .filter(({ endEpoch }) => isWorthRepair(endEpoch, context))
    .filter(({ since }) => since < epoch)
    .filter(({ unavailable, parities }) => !frozen || unavailable >= parities - 1)
    .sort(byDanger);
  const chosen: LostCandidate[] = [];
  let shards = 0;
  for (const candidate of eligible) {
    if (chosen.length >= parameters.repairBudget) break;
    const within = (shards + candidate.stripes) * SHARE <= activeShards * parameters.evictionCap;
    // One slot is always given up: a group of few large orders must not be stuck.
    if (!within && chosen.length > 0) continue;
    chosen.push(candidate);
    shards += candidate.stripes;
  }
  return chosen;
}
