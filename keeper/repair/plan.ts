import type { ExceptionPlan } from "../../protocol/results/exceptions.ts";
import { applyBrakes, type BrakeContext } from "./brakes.ts";
import { type FaultHistory, nextHistory } from "./clocks.ts";
import { indexRepairs, type RepairContext, type RepairIndex } from "./context.ts";
import { findingsOf, type ProviderResult } from "./findings.ts";
import { lostCandidates, lostLeaves, runningClocks } from "./lost.ts";
import { makeOffers } from "./offering.ts";

/** Lost slots and offers of an epoch, with what led to them, for people. */
export type RepairPlan = ExceptionPlan & {
  /** The history as it stands if the epoch is certified with these results. */
  readonly history: FaultHistory;
  readonly frozen: boolean;
};

/**
 * Makes plans for one epoch. A plan is a function of the results that are voted on and of the context, so
 * every keeper computes the same one and refuses any other.
 */
export function createRepairPlanner(
  context: RepairContext,
): (results: readonly ProviderResult[]) => RepairPlan {
  const index = indexRepairs(context);
  return (results) => planExceptions(context, index, results);
}

/** The plan for one set of results. */
export function planExceptions(
  context: RepairContext,
  index: RepairIndex,
  results: readonly ProviderResult[],
): RepairPlan {
  const { parameters } = context.state;
  const findings = findingsOf({ ...context, results });
  const history = nextHistory(context.history, findings, parameters.freezeShare);
  const running = runningClocks(context, history);
  const brakes = brakeContext(context, index, history);
  const given = applyBrakes(lostCandidates(context, running), brakes);
  return {
    lost: lostLeaves(context, results, given),
    offers: makeOffers({ context, index, history, running, brakes, given }),
    history,
    frozen: brakes.frozen,
  };
}

function brakeContext(context: RepairContext, index: RepairIndex, history: FaultHistory): BrakeContext {
  const { parameters } = context.state;
  return {
    epoch: context.epoch,
    frozen: history.outageEpochs > 0 && history.outageEpochs <= parameters.freezeEpochs,
    activeShards: index.activeShards,
    parameters,
  };
}
