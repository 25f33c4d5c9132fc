import { type Address, isAddressEqual } from "viem";
import { epochAt, termOf } from "../protocol/chain/epochs.ts";
import {
  type CertificateInfo,
  type GroupState,
  type Milestone,
  type Roster,
  rosterOf,
} from "../protocol/chain/groupTypes.ts";
import { MemoError } from "../protocol/errors.ts";
import type { ResultLeaf } from "../protocol/results/results.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { ProofMessage } from "../protocol/wire/proofMessage.ts";
import { createChallenges, type EpochChallenge } from "./challenge/challenges.ts";
import type { Collector } from "./challenge/collector.ts";
import type { EpochProofs } from "./challenge/epochProofs.ts";
import type { DriverDeps, VoteSigner } from "./consensus/driver.ts";
import type { Decision, InstanceView } from "./consensus/effects.ts";
import type { Journal } from "./consensus/journal.ts";
import { decodeMessage } from "./consensus/messageEncoding.ts";
import type { ConsensusMessage } from "./consensus/messages.ts";
import { type EpochRun, runEpoch } from "./consensus/runEpoch.ts";
import type { Peers } from "./peers.ts";
import type { EpochRecord, KeeperStore } from "./store.ts";

/** Consensus messages kept of one member for an epoch that this keeper has not reached yet. */
const EARLY_PER_MEMBER = 16;
/** Proofs that may wait until this keeper sees their epoch's seed. */
const WAITING_PROOFS = 16_384;
/** Certified epochs whose proofs are kept for peers. */
const PROOFS_KEPT = 16;

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

type Entry = {
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
  readonly early: Map<number, ConsensusMessage[]>;
};

/** A look at an epoch that runs. */
export type EpochView = {
  readonly epoch: number;
  readonly running: RunningEpoch | undefined;
  readonly instance: InstanceView | undefined;
  readonly decision: Decision | undefined;
};

/** All epochs of this keeper that are not certified yet. */
export type Epochs = {
  /** Takes what a final block brought; `live` when no later final block is known. */
  apply(milestones: readonly Milestone[], live: boolean): void;
  /** @throws what `decodeMessage` throws, MESSAGE_NOT_AUTHENTIC, EPOCH_NOT_NEAR */
  receive(bytes: Uint8Array): Promise<void>;
  /** @throws EPOCH_NOT_NEAR, PROOF_LATE and what `Collector.submit` throws */
  submitProof(message: ProofMessage): Promise<void>;
  /** Duties that no further block helps. */
  pending(): number;
  views(): EpochView[];
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
  journal: Journal;
  peers: Peers;
  signerOf: (roster: Roster) => VoteSigner;
  /** Opens book and collector of an epoch. */
  openEpoch: (challenge: EpochChallenge, signal: AbortSignal) => { book: EpochProofs; collector: Collector };
  fetchResults: (certificate: CertificateInfo) => Promise<readonly ResultLeaf[]>;
  /** Proof messages of providers as a roster member has them. */
  fetchProofs: (
    roster: Roster,
    member: number,
    epoch: number,
    providers: number[],
  ) => Promise<ProofMessage[]>;
  /** Asks a provider for its answer, after the cut-off was slept through. */
  askProvider: (provider: number, epoch: number) => Promise<ProofMessage>;
  onDecided: (record: EpochRecord, running: RunningEpoch) => void;
  onFailure: (error: unknown) => void;
  clock: Clock;
  logger: Logger;
}): Epochs {
  const { chainId, group, operator, store, journal, logger } = options;
  const entries = new Map<number, Entry>();
  const missingRecords = new Set<number>();
  let waitingProofs = 0;
  let busy = 0;
  let stopped = false;

  const resultsOf = async (certificate: CertificateInfo): Promise<readonly ResultLeaf[]> => {
    const { epoch, signers } = certificate;
    const known = store.record(epoch);
    if (known?.certificate.resultsRoot === certificate.resultsRoot) return known.results;
    const results = await options.fetchResults(certificate);
    store.saveRecord({ epoch, certificate: plain(certificate), signers, signatures: [], results });
    return results;
  };
  const challenges = createChallenges({
    chainId,
    group,
    samples: options.state().parameters.samples,
    resultsOf,
  });

  /** Runs something that counts as pending; failures are logged, a later block tries again. */
  const work = (what: string, task: () => Promise<void>) => {
    busy++;
    task()
      .catch((error: unknown) => {
        if (!stopped) logger.warn({ error, what }, "could not do this now, trying again at the next block");
      })
      .finally(() => busy--);
  };

  const entryOf = (epoch: number): Entry => {
    const known = entries.get(epoch);
    if (known !== undefined) return known;
    const entry: Entry = {
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
  };

  const drop = (entry: Entry, reason: string) => {
    entry.run?.driver.stop();
    entry.controller.abort(new MemoError("EPOCH_OVER", `Epoch ${entry.epoch} is over: ${reason}.`));
    entry.ready.reject(entry.controller.signal.reason);
    entries.delete(entry.epoch);
  };

  /** Whether an epoch can still come on chain and is near enough to care. */
  const isNear = (epoch: number) => {
    const { head, parameters, lastCertified } = options.state();
    const now = head === undefined ? 0 : epochAt(parameters, head.timestamp);
    return epoch > lastCertified && epoch >= now - 1 && epoch <= now + 1;
  };

  async function open(entry: Entry): Promise<void> {
    const challenge = await challenges.challenge(entry.epoch);
    const state = options.state();
    const roster = rosterOf(state, termOf(state.parameters, entry.epoch));
    if (entry.controller.signal.aborted) return;
    if (challenge === undefined || challenge.set.length === 0 || roster === undefined) {
      return drop(entry, "nobody is challenged in it, or there is no roster");
    }
    const self = roster.operators.findIndex((address) => isAddressEqual(address, operator));
    const opened = options.openEpoch(challenge, entry.controller.signal);
    entry.running = { epoch: entry.epoch, challenge, roster, self, ...opened };
    entry.ready.resolve(entry.running);
    logger.info({ epoch: entry.epoch, providers: challenge.set.length, member: self }, "epoch opened");
  }

  async function start(entry: Entry, running: RunningEpoch): Promise<void> {
    const { epoch, challenge, roster, self, book, collector } = running;
    if (entry.late) {
      const silent = challenge.set.filter(({ provider }) => book.holding(provider) === "nothing");
      await Promise.allSettled(
        silent.map(async ({ provider }) => collector.submit(await options.askProvider(provider, epoch))),
      );
    }
    await collector.settled();
    const { parameters } = options.state();
    const { signal } = entry.controller;
    if (signal.aborted || stopped || self === -1) return;
    const fetchProofs: DriverDeps["fetchProofs"] = async (from, wants) => {
      const providers = wants.map(({ provider }) => provider);
      const messages = await options.fetchProofs(roster, from, epoch, providers);
      await Promise.allSettled(messages.map((message) => collector.submit(message)));
    };
    entry.run = runEpoch({
      context: {
        epoch,
        term: termOf(parameters, epoch),
        seed: challenge.seed,
        members: roster.operators.length,
        self,
        set: challenge.set,
        timing: options.timing,
      },
      chainId,
      group,
      roster,
      book,
      collector,
      journal,
      signer: options.signerOf(roster),
      peers: options.peers,
      clock: options.clock,
      fetchProofs,
      onDecision: (decision) => decided(entry, running, decision),
      onFailure: options.onFailure,
      signal,
      logger: logger.child({ epoch }),
    });
    entry.run.driver.start();
    for (const messages of entry.early.values()) {
      for (const message of messages) entry.run.driver.deliver(message);
    }
    entry.early.clear();
  }

  function decided(entry: Entry, running: RunningEpoch, decision: Decision): void {
    entry.decision = decision;
    const { certificate, commits, outcome } = decision;
    const record: EpochRecord = {
      epoch: entry.epoch,
      certificate,
      signers: commits.reduce((bits, { member }) => (bits | (1 << member)) >>> 0, 0),
      signatures: commits.map(({ signature }) => signature),
      results: outcome?.results ?? [],
    };
    if (outcome !== null) store.saveRecord(record);
    logger.info(
      { epoch: entry.epoch, round: certificate.round, missed: certificate.exceptions },
      "epoch decided",
    );
    options.onDecided(record, running);
  }

  function certified(certificate: CertificateInfo, live: boolean): void {
    for (const entry of [...entries.values()]) {
      if (entry.epoch <= certificate.epoch) drop(entry, "it is certified, or a later one is");
    }
    journal.prune(certificate.epoch + 1);
    store.pruneProofs(certificate.epoch - PROOFS_KEPT);
    const known = store.record(certificate.epoch);
    if (live && known?.certificate.resultsRoot !== certificate.resultsRoot)
      missingRecords.add(certificate.epoch);
  }

  function advance(): void {
    for (const entry of [...entries.values()]) {
      if (!isNear(entry.epoch)) drop(entry, "it has passed uncertified");
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
    for (const epoch of missingRecords) {
      missingRecords.delete(epoch);
      const certificate = options.state().certificates.get(epoch);
      if (certificate === undefined) continue;
      work(`results of epoch ${epoch}`, async () => {
        await resultsOf(certificate);
      });
    }
  }

  function startOnce(entry: Entry): void {
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
    apply(milestones, live) {
      for (const milestone of milestones) {
        if (milestone.type === "epochStarted") challenges.started(milestone.set, milestone.before);
        if (milestone.type === "seed") {
          challenges.seeded(milestone.epoch, milestone.seed);
          entryOf(milestone.epoch).seeded = true;
        }
        if (milestone.type === "cutoff") {
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
    async receive(bytes) {
      const message = decodeMessage({ chainId, group }, bytes);
      const { epoch, member } = message;
      const state = options.state();
      if (epoch <= state.lastCertified) return;
      const entry = entries.get(epoch);
      if (entry?.run !== undefined) return entry.run.driver.deliver(message);
      const roster = rosterOf(state, termOf(state.parameters, epoch));
      if (!isNear(epoch) || roster === undefined) {
        throw new MemoError("EPOCH_NOT_NEAR", `Epoch ${epoch} is not one that this keeper votes on now.`, {
          details: { epoch },
          retryable: true,
        });
      }
      if (!(await options.signerOf(roster).isAuthentic(message))) {
        throw new MemoError(
          "MESSAGE_NOT_AUTHENTIC",
          "A consensus message is not signed by the member it names.",
        );
      }
      const waiting = entryOf(epoch);
      if (waiting.run !== undefined) return waiting.run.driver.deliver(message);
      const kept = waiting.early.get(member) ?? [];
      if (kept.length < EARLY_PER_MEMBER) waiting.early.set(member, [...kept, message]);
    },
    async submitProof(message) {
      const { epoch } = message;
      const entry = isNear(epoch) ? entryOf(epoch) : undefined;
      if (entry === undefined || waitingProofs >= WAITING_PROOFS) {
        throw new MemoError("EPOCH_NOT_NEAR", `Proofs of epoch ${epoch} are not taken now.`, {
          details: { epoch },
          retryable: true,
        });
      }
      waitingProofs++;
      try {
        const { collector } = await entry.ready.promise;
        if (entry.cut) {
          throw new MemoError("PROOF_LATE", `The answer window of epoch ${epoch} is over.`, {
            details: { epoch },
          });
        }
        await collector.submit(message);
      } finally {
        waitingProofs--;
      }
    },
    pending: () => {
      const running = [...entries.values()];
      const voting = running.filter(
        (entry) => entry.run !== undefined && entry.decision === undefined,
      ).length;
      const verifying = running.reduce((sum, entry) => sum + (entry.running?.collector.pending() ?? 0), 0);
      return busy + voting + verifying;
    },
    views: () =>
      [...entries.values()].map((entry) => ({
        epoch: entry.epoch,
        running: entry.running,
        instance: entry.run?.view(),
        decision: entry.decision,
      })),
    stop() {
      stopped = true;
      for (const entry of [...entries.values()]) drop(entry, "the keeper stops");
    },
  };
}

function plain({
  term,
  epoch,
  round,
  resultsRoot,
  exceptionsRoot,
  exceptions,
  absent,
  leader,
}: CertificateInfo) {
  return { term, epoch, round, resultsRoot, exceptionsRoot, exceptions, absent, leader };
}
