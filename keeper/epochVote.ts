import type { Address } from "viem";
import { termOf } from "../protocol/chain/epochs.ts";
import { type GroupState, maskedMembers } from "../protocol/chain/groupTypes.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { Challenges } from "./challenge/challenges.ts";
import type { DriverDeps } from "./consensus/driver.ts";
import type { Decision } from "./consensus/effects.ts";
import type { Journal } from "./consensus/journal.ts";
import { type EpochRun, runEpoch } from "./consensus/runEpoch.ts";
import type { InstanceContext } from "./consensus/value.ts";
import type { RunningEpoch } from "./epochEntries.ts";
import type { EpochSources } from "./epochSources.ts";
import type { Peers } from "./peers.ts";
import type { RepairContext } from "./repair/context.ts";
import { createRepairPlanner } from "./repair/plan.ts";

/** A vote that has begun, and what its lost slots and offers follow from. */
export type EpochVote = { readonly run: EpochRun; readonly repairs: RepairContext };

/** Begins the vote on an epoch once its cut-off has come. */
export type BeginVote = (of: {
  running: RunningEpoch;
  /** The cut-off was slept through: silent providers are asked once more. */
  late: boolean;
  signal: AbortSignal;
  onDecision: (decision: Decision) => void;
}) => Promise<EpochVote | undefined>;

/**
 * Creates it. What it returns is undefined when this keeper has no vote in the epoch, or the epoch is over;
 * it throws what `Challenges.repairs` throws, as no member votes on what it cannot recompute.
 */
export function createBeginVote(deps: {
  chainId: number;
  group: Address;
  timing: InstanceContext["timing"];
  state: () => GroupState;
  challenges: Challenges;
  journal: Journal;
  peers: Peers;
  sources: EpochSources;
  onFailure: (error: unknown) => void;
  clock: Clock;
  logger: Logger;
}): BeginVote {
  const { chainId, group, sources } = deps;

  async function askSilent({ challenge, book, collector, epoch }: RunningEpoch): Promise<void> {
    const silent = challenge.set.filter(({ provider }) => book.holding(provider) === "nothing");
    await Promise.allSettled(
      silent.map(async ({ provider }) => collector.submit(await sources.askProvider(provider, epoch))),
    );
  }

  return async ({ running, late, signal, onDecision }) => {
    const { epoch, challenge, roster, self, book, collector } = running;
    if (late) await askSilent(running);
    await collector.settled();
    const repairs = await deps.challenges.repairs(epoch);
    if (signal.aborted || self === -1 || repairs === undefined) return undefined;
    const term = termOf(deps.state().parameters, epoch);
    const fetchProofs: DriverDeps["fetchProofs"] = async (from, wants) => {
      const providers = wants.map(({ provider }) => provider);
      const messages = await sources.fetchProofs(roster, from, epoch, providers);
      await Promise.allSettled(messages.map((message) => collector.submit(message)));
    };
    const run = runEpoch({
      context: {
        ...{ epoch, term, self },
        seed: challenge.seed,
        members: roster.operators.length,
        set: challenge.set,
        masked: maskedMembers(repairs.state, term),
        plan: createRepairPlanner(repairs),
        timing: deps.timing,
      },
      ...{ chainId, group, roster, book, collector, fetchProofs, onDecision, signal },
      journal: deps.journal,
      signer: sources.signerOf(roster),
      peers: deps.peers,
      clock: deps.clock,
      onFailure: deps.onFailure,
      logger: deps.logger.child({ epoch }),
    });
    return { run, repairs };
  };
}
