import { type Address, isAddressEqual } from "viem";
import { termOf } from "../protocol/chain/epochs.ts";
import {
  type CertificateInfo,
  type GroupState,
  type Milestone,
  rosterOf,
} from "../protocol/chain/groupTypes.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import { createChallenges } from "./challenge/challenges.ts";
import type { Decision, InstanceView } from "./consensus/effects.ts";
import type { EquivocationWatch } from "./consensus/equivocation.ts";
import type { Journal } from "./consensus/journal.ts";
import { createEpochEntries, type EpochEntry, type RunningEpoch } from "./epochEntries.ts";
import { createEpochInbox, type EpochInbox } from "./epochInbox.ts";
import type { EpochRecords } from "./epochRecords.ts";
import type { EpochSources } from "./epochSources.ts";
import { createBeginVote } from "./epochVote.ts";
import type { Peers } from "./peers.ts";
import type { RepairContext } from "./repair/context.ts";
import type { EpochRecord, KeeperStore } from "./store.ts";

/** Certified epochs whose proofs are kept for peers. */
const PROOFS_KEPT = 16;

/** A look at an epoch that runs. */
export type EpochView = {
  readonly epoch: number;
  readonly running: RunningEpoch | undefined;
  readonly instance: InstanceView | undefined;
  readonly decision: Decision | undefined;
};

/** All epochs of this keeper that are not certified yet. */
export type Epochs = EpochInbox & {
  /** Takes what a final block brought; `live` when no later final block is known. */
  apply(milestones: readonly Milestone[], live: boolean): void;
  /** Duties that no further block helps. */
  pending(): number;
  views(): EpochView[];
  /** What the lost slots and offers of the newest epoch that was voted on follow from. */
  repairs(): RepairContext | undefined;
  stop(): void;
};

/** Creates the manager of epochs. */
export function createEpochs(options: {
  chainId: number;
  group: Address;
  operator: Address;
  timing: { collectMs: number; demandMs: number; roundMs: number };
  state: () => GroupState;
  store: KeeperStore;
  records: EpochRecords;
  journal: Journal;
  watch: EquivocationWatch;
  peers: Peers;
  sources: EpochSources;
  onDecided: (record: EpochRecord, running: RunningEpoch) => void;
  onFailure: (error: unknown) => void;
  clock: Clock;
  logger: Logger;
}): Epochs {
  const { chainId, group, operator, records, store, journal, logger } = options;
  const entries = createEpochEntries(options.state);
  const inbox = createEpochInbox({
    domain: { chainId, group },
    state: options.state,
    entries,
    watch: options.watch,
    signerOf: options.sources.signerOf,
  });
  const challenges = createChallenges({
    chainId,
    group,
    samples: options.state().parameters.samples,
    resultsOf: records.resultsOf,
  });
  const beginVote = createBeginVote({ ...options, challenges });
  const incomplete = new Set<number>();
  let newest: RepairContext | undefined;
  let busy = 0;
  let stopped = false;

  /** Runs something that counts as pending; failures are logged, a later block tries again. */
  const work = (what: string, task: () => Promise<void>) => {
    busy++;
    task()
      .catch((error: unknown) => {
        if (!stopped) logger.warn({ error, what }, "could not do this now, trying again at the next block");
      })
      .finally(() => busy--);
  };

  async function open(entry: EpochEntry): Promise<void> {
    const challenge = await challenges.challenge(entry.epoch);
    const state = options.state();
    const roster = rosterOf(state, termOf(state.parameters, entry.epoch));
    if (entry.controller.signal.aborted) return;
    if (challenge === undefined || challenge.set.length === 0 || roster === undefined) {
      return entries.drop(entry, "nobody is challenged in it, or there is no roster");
    }
    const self = roster.operators.findIndex((address) => isAddressEqual(address, operator));
    const opened = options.sources.openEpoch(challenge, entry.controller.signal);
    entry.running = { epoch: entry.epoch, challenge, roster, self, ...opened };
    entry.ready.resolve(entry.running);
    logger.info({ epoch: entry.epoch, providers: challenge.set.length, member: self }, "epoch opened");
  }

  async function start(entry: EpochEntry, running: RunningEpoch): Promise<void> {
    const { signal } = entry.controller;
    const onDecision = (decision: Decision) => decided(entry, running, decision);
    const vote = await beginVote({ running, late: entry.late, signal, onDecision });
    if (vote === undefined || stopped) return;
    const { run, repairs } = vote;
    entry.run = run;
    newest = repairs;
    run.driver.start();
    for (const messages of entry.early.values()) for (const message of messages) run.driver.deliver(message);
    entry.early.clear();
  }

  function decided(entry: EpochEntry, running: RunningEpoch, decision: Decision): void {
    entry.decision = decision;
    const record = records.decided(decision);
    const { round, exceptions } = record.certificate;
    logger.info({ epoch: entry.epoch, round, exceptions }, "epoch decided");
    options.onDecided(record, running);
  }

  function certified(certificate: CertificateInfo, live: boolean): void {
    for (const entry of entries.all()) {
      if (entry.epoch <= certificate.epoch) entries.drop(entry, "it is certified, or a later one is");
    }
    journal.prune(certificate.epoch + 1);
    store.pruneProofs(certificate.epoch - PROOFS_KEPT);
    options.watch.prune(certificate.epoch - PROOFS_KEPT);
    if (live && !records.isComplete(certificate)) incomplete.add(certificate.epoch);
  }

  function advance(): void {
    for (const entry of entries.all()) {
      if (!entries.isNear(entry.epoch)) entries.drop(entry, "it has passed uncertified");
      else if (entry.seeded && entry.running === undefined && !entry.opening) {
        entry.opening = true;
        work(`open epoch ${entry.epoch}`, async () => {
          try {
            await open(entry);
          } finally {
            entry.opening = false;
          }
          if (entry.cut) startOnce(entry);
        });
      } else if (entry.cut) startOnce(entry);
    }
    for (const epoch of incomplete) {
      incomplete.delete(epoch);
      const certificate = options.state().certificates.get(epoch);
      if (certificate === undefined) continue;
      work(`records of epoch ${epoch}`, async () => {
        try {
          await records.complete(certificate);
        } catch (error) {
          // What is needed for what the chain waits for is asked for again.
          if (epoch > options.state().lastFinished) incomplete.add(epoch);
          throw error;
        }
      });
    }
  }

  function startOnce(entry: EpochEntry): void {
    const { running } = entry;
    if (running === undefined || entry.run !== undefined || entry.starting) return;
    entry.starting = true;
    work(`start epoch ${entry.epoch}`, async () => {
      try {
        await start(entry, running);
      } finally {
        entry.starting = running.self === -1;
      }
    });
  }

  return {
    ...inbox,
    apply(milestones, live) {
      for (const milestone of milestones) {
        if (milestone.type === "epochStarted") challenges.started(milestone.set, milestone.before);
        if (milestone.type === "seed") {
          challenges.seeded(milestone.epoch, milestone.seed);
          entries.of(milestone.epoch).seeded = true;
        }
        if (milestone.type === "cutoff") {
          challenges.cutOff(milestone.epoch, milestone.before);
          const entry = entries.get(milestone.epoch);
          if (entry !== undefined) {
            entry.cut = true;
            entry.late = entry.running === undefined;
          }
        }
        if (milestone.type === "certified") certified(milestone.certificate, live);
      }
      if (live) advance();
    },
    pending: () => {
      const running = entries.all();
      const voting = running.filter(
        (entry) => entry.run !== undefined && entry.decision === undefined,
      ).length;
      const verifying = running.reduce((sum, entry) => sum + (entry.running?.collector.pending() ?? 0), 0);
      return busy + voting + verifying;
    },
    views: () =>
      entries.all().map((entry) => ({
        epoch: entry.epoch,
        running: entry.running,
        instance: entry.run?.view(),
        decision: entry.decision,
      })),
    repairs: () => newest,
    stop() {
      stopped = true;
      for (const entry of entries.all()) entries.drop(entry, "the keeper stops");
    },
  };
}
