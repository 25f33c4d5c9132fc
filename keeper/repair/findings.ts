import type { EpochSet, SetSlot } from "../../protocol/chain/groupTypes.ts";
import { slotKey } from "../../protocol/challenge/sample.ts";
import { coveredPairs } from "../../protocol/results/cover.ts";
import { VERDICT, type Verdict } from "../../protocol/results/judge.ts";
import type { EpochChallenge } from "../challenge/challenges.ts";

/** A slot in the hands of one holder, as an epoch's set has it. */
export type HeldSlot = Pick<SetSlot, "orderId" | "slot" | "provider" | "since" | "stripes">;

/** What the results of one epoch say about slots and providers: all that clocks and offers need of them. */
export type EpochFindings = {
  readonly epoch: number;
  /** Providers that missed it, ascending. */
  readonly missed: readonly number[];
  /** Slots whose holder was silent, or left a shard of them uncovered. */
  readonly unavailable: readonly HeldSlot[];
  /** Shards in all slots of the set. */
  readonly shards: number;
};

/** Verdict and cover of one provider: a judgement, or a leaf under `resultsRoot`. */
export type ProviderResult = {
  readonly provider: number;
  readonly verdict: Verdict;
  readonly cover: Uint8Array;
};

/** Reads an epoch's results; a provider that is not among them has passed. */
export function findingsOf(of: {
  set: EpochSet;
  challenge: EpochChallenge;
  results: readonly ProviderResult[];
}): EpochFindings {
  const missed = of.results
    .filter(({ verdict }) => verdict === VERDICT.missed)
    .sort((a, b) => a.provider - b.provider);
  return {
    epoch: of.set.epoch,
    missed: missed.map(({ provider }) => provider),
    unavailable: missed.flatMap((result) => unavailableOf(of, result)),
    shards: of.set.slots.reduce((sum, { stripes }) => sum + stripes, 0),
  };
}

function unavailableOf(
  { set, challenge }: { set: EpochSet; challenge: EpochChallenge },
  { provider, cover }: ProviderResult,
): HeldSlot[] {
  const slots = set.byProvider.get(provider) ?? [];
  const pairs = challenge.byProvider.get(provider)?.pairs ?? [];
  const covered = new Set(coveredPairs(cover));
  const isSilent = covered.size === 0 && pairs.length > 0;
  const uncovered = new Set(
    pairs.flatMap((pair, index) => (covered.has(index) || pair.length === 0 ? [] : [slotKey(pair[0]!)])),
  );
  return slots.filter((slot) => isSilent || uncovered.has(slotKey(slot))).map(heldSlot);
}

function heldSlot({ orderId, slot, provider, since, stripes }: SetSlot): HeldSlot {
  return { orderId, slot, provider, since, stripes };
}
