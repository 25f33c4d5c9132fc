import { epochAt } from "../protocol/chain/epochs.ts";
import type { GroupState, Roster } from "../protocol/chain/groupTypes.ts";
import { MemoError } from "../protocol/errors.ts";
import type { EpochChallenge } from "./challenge/challenges.ts";
import type { Collector } from "./challenge/collector.ts";
import type { EpochProofs } from "./challenge/epochProofs.ts";
import type { Decision } from "./consensus/effects.ts";
import type { ConsensusMessage } from "./consensus/messages.ts";
import type { EpochRun } from "./consensus/runEpoch.ts";

/** What one epoch is made of while it runs. */
export type RunningEpoch = {
  readonly epoch: number;
  readonly challenge: EpochChallenge;
  readonly roster: Roster;
  /** This keeper's roster index, −1 when it is no member. */
  readonly self: number;
  readonly book: EpochProofs;
  readonly collector: Collector;
};

/** How far this keeper is with an epoch. */
export type EpochEntry = {
  readonly epoch: number;
  seeded: boolean;
  cut: boolean;
  /** The cut-off came before this keeper was ready: proofs are asked of the providers. */
  late: boolean;
  opening: boolean;
  starting: boolean;
  readonly ready: PromiseWithResolvers<RunningEpoch>;
  running?: RunningEpoch;
  run?: EpochRun;
  decision?: Decision;
  readonly controller: AbortController;
  /** Consensus messages that came before this keeper voted, by member. */
  readonly early: Map<number, ConsensusMessage[]>;
};

/** The epochs that have not ended for this keeper. */
export type EpochEntries = {
  /** The entry of an epoch, made when there is none. */
  of(epoch: number): EpochEntry;
  get(epoch: number): EpochEntry | undefined;
  all(): EpochEntry[];
  /** Ends an epoch and whatever waits for it. */
  drop(entry: EpochEntry, reason: string): void;
  /** Whether an epoch can still come on chain and is near enough to care. */
  isNear(epoch: number): boolean;
};

/** Creates the entries, none at first. */
export function createEpochEntries(state: () => GroupState): EpochEntries {
  const entries = new Map<number, EpochEntry>();
  return {
    get: (epoch) => entries.get(epoch),
    all: () => [...entries.values()],
    of(epoch) {
      const known = entries.get(epoch);
      if (known !== undefined) return known;
      const entry: EpochEntry = {
        epoch,
        seeded: false,
        cut: false,
        late: false,
        opening: false,
        starting: false,
        ready: Promise.withResolvers(),
        controller: new AbortController(),
        early: new Map(),
      };
      // Nobody has to wait for it.
      entry.ready.promise.catch(() => undefined);
      entries.set(epoch, entry);
      return entry;
    },
    drop(entry, reason) {
      entry.run?.driver.stop();
      entry.controller.abort(new MemoError("EPOCH_OVER", `Epoch ${entry.epoch} is over: ${reason}.`));
      entry.ready.reject(entry.controller.signal.reason);
      entries.delete(entry.epoch);
    },
    isNear(epoch) {
      const { head, parameters, lastCertified } = state();
      const now = head === undefined ? 0 : epochAt(parameters, head.timestamp);
      return epoch > lastCertified && epoch >= now - 1 && epoch <= now + 1;
    },
  };
}
