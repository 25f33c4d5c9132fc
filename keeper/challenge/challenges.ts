import type { Address, Hex } from "viem";
import type { CertificateInfo, EpochSet, GroupState, SetSlot } from "../../protocol/chain/groupTypes.ts";
import { joinNewHolders, nextOwed, retainOwed } from "../../protocol/challenge/owed.ts";
import { challengePairs, wholeCover } from "../../protocol/challenge/proof.ts";
import { type ShardRef, sampleShards } from "../../protocol/challenge/sample.ts";
import type { ChallengeContext } from "../../protocol/challenge/transcript.ts";
import type { ChallengedProvider } from "../../protocol/results/judge.ts";
import type { ResultLeaf } from "../../protocol/results/results.ts";
import { type FaultHistory, NO_HISTORY, nextHistory } from "../repair/clocks.ts";
import type { RepairContext } from "../repair/context.ts";
import { type EpochFindings, findingsOf } from "../repair/findings.ts";

/** Certified epochs whose findings are kept: more than a keeper is ever behind. */
const FINDINGS_KEPT = 64;

/** What one provider is asked in an epoch. */
export type ProviderChallenge = {
  readonly context: ChallengeContext;
  /** Sample, then owed shards, in transcript order. */
  readonly shards: readonly ShardRef[];
  /** Shards of each (order, slot) pair, by first appearance. */
  readonly pairs: readonly (readonly ShardRef[])[];
};

/** What an epoch asks of whom. */
export type EpochChallenge = {
  readonly epoch: number;
  readonly seed: Hex;
  /** Providers of the set, ascending id. */
  readonly set: readonly ChallengedProvider[];
  readonly byProvider: ReadonlyMap<number, ProviderChallenge>;
};

type EpochStart = {
  readonly set: EpochSet;
  /** State that the set was taken from: its certificates say what is owed. */
  readonly before: GroupState;
  seed?: Hex;
  owed?: ReadonlyMap<number, readonly ShardRef[]>;
  /** What the certificates say that `before` knows. */
  history?: FaultHistory;
  /** State at the cut-off. */
  cutoff?: GroupState;
};

/** Follows the chain's epochs and says what each one asks. */
export type Challenges = {
  /** Call at every epoch's start, in order. */
  started(set: EpochSet, before: GroupState): void;
  seeded(epoch: number, seed: Hex): void;
  /** Call at every epoch's cut-off with the state before its block. */
  cutOff(epoch: number, before: GroupState): void;
  /**
   * The challenge of a seeded epoch.
   * @throws what `resultsOf` throws while certified results that it hangs on cannot be had
   */
  challenge(epoch: number): Promise<EpochChallenge | undefined>;
  /**
   * What lost slots and offers of an epoch follow from; undefined before its cut-off.
   * @throws what `resultsOf` throws while certified results that it hangs on cannot be had
   */
  repairs(epoch: number): Promise<RepairContext | undefined>;
};

/**
 * Creates it. `resultsOf` gives the leaves of a certified epoch in which somebody missed: only those are
 * ever needed, because nothing else makes anything owed or starts a clock.
 */
export function createChallenges(options: {
  chainId: number;
  group: Address;
  samples: number;
  resultsOf(certificate: CertificateInfo): Promise<readonly ResultLeaf[]>;
}): Challenges {
  const { chainId, group, samples } = options;
  const epochs = new Map<number, EpochStart>();
  const findings = new Map<number, EpochFindings>();
  const joined = new Set<string>();
  let owed: ReadonlyMap<number, readonly ShardRef[]> = new Map();
  let history = NO_HISTORY;
  let last: Promise<unknown> = Promise.resolve();

  const shardsOf = (epoch: EpochStart, provider: number, slots: readonly SetSlot[]) =>
    epoch.seed === undefined
      ? []
      : sampleShards({
          seed: epoch.seed,
          provider,
          slots,
          samples,
          owed: epoch.owed?.get(provider) ?? [],
        });

  const challengeOf = (epoch: EpochStart, seed: Hex): EpochChallenge => {
    const number = epoch.set.epoch;
    const byProvider = new Map<number, ProviderChallenge>();
    for (const [provider, slots] of [...epoch.set.byProvider].sort(([a], [b]) => a - b)) {
      const shards = shardsOf(epoch, provider, slots);
      const context = { chainId, group, epoch: number, seed, provider };
      byProvider.set(provider, {
        context,
        shards,
        pairs: challengePairs(shards).map((pair) => pair.shards),
      });
    }
    const set = [...byProvider].map(([provider, { pairs }]) => ({ provider, pairs: pairs.length }));
    return { epoch: number, seed, set, byProvider };
  };

  /** Results of a certified epoch, none when all have passed; its findings are kept. */
  const read = async (epoch: EpochStart, certificate: CertificateInfo) => {
    const results = certificate.exceptions > 0 ? await options.resultsOf(certificate) : [];
    const { seed } = epoch;
    if (seed !== undefined && !findings.has(certificate.epoch)) {
      const challenge = challengeOf(epoch, seed);
      findings.set(certificate.epoch, findingsOf({ set: epoch.set, challenge, results }));
      if (findings.size > FINDINGS_KEPT) findings.delete(findings.keys().next().value!);
    }
    return results;
  };

  const withFindings = (earlier: FaultHistory, certified: number, share: number): FaultHistory => {
    const found = findings.get(certified);
    return found === undefined ? { ...earlier, through: certified } : nextHistory(earlier, found, share);
  };

  const apply = async (certificate: CertificateInfo, freezeShare: number) => {
    const epoch = epochs.get(certificate.epoch);
    if (epoch !== undefined) {
      const results = await read(epoch, certificate);
      if (results.length > 0 || owed.size > 0) {
        const covers = new Map(results.map(({ provider, cover }) => [provider, cover]));
        const next = new Map(owed);
        for (const [provider, slots] of epoch.set.byProvider) {
          const shards = shardsOf(epoch, provider, slots);
          const pairs = challengePairs(shards).length;
          const cover = certificate.exceptions > 0 ? covers.get(provider) : wholeCover(pairs);
          next.set(provider, nextOwed(owed.get(provider) ?? [], shards, cover));
        }
        owed = next;
      }
    }
    history = withFindings(history, certificate.epoch, freezeShare);
    for (const known of epochs.keys()) if (known < history.through) epochs.delete(known);
  };

  /** Certificates of a state that a history does not hold yet, below an epoch. */
  const due = (state: GroupState, through: number, below: number) =>
    [...state.certificates.values()]
      .filter(({ epoch }) => epoch > through && epoch < below)
      .sort((a, b) => a.epoch - b.epoch);

  /** Brings what is owed to where it stood when the epoch's set was taken. */
  const settle = async (epoch: EpochStart) => {
    if (epoch.owed !== undefined) return;
    const { set, before } = epoch;
    for (const certificate of due(before, history.through, set.epoch)) {
      await apply(certificate, before.parameters.freezeShare);
    }
    const kept = new Map<number, readonly ShardRef[]>();
    for (const [provider, slots] of set.byProvider) {
      const shards = joinNewHolders(retainOwed(owed.get(provider) ?? [], slots), slots, joined);
      if (shards.length > 0) kept.set(provider, shards);
    }
    owed = kept;
    epoch.owed = kept;
    epoch.history = history;
  };

  /** Runs after whatever was asked before: epochs are settled one after the other, each once. */
  const inTurn = <Result>(task: () => Promise<Result>): Promise<Result> => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
  const settleThrough = async (number: number) => {
    for (const epoch of [...epochs.values()]) if (epoch.set.epoch <= number) await settle(epoch);
  };

  return {
    started: (set, before) => void epochs.set(set.epoch, { set, before }),
    seeded(number, seed) {
      const epoch = epochs.get(number);
      if (epoch !== undefined) epoch.seed = seed;
    },
    cutOff(number, before) {
      const epoch = epochs.get(number);
      if (epoch !== undefined) epoch.cutoff = before;
    },
    challenge: (number) =>
      inTurn(async () => {
        await settleThrough(number);
        const epoch = epochs.get(number);
        return epoch?.seed === undefined ? undefined : challengeOf(epoch, epoch.seed);
      }),
    repairs: (number) =>
      inTurn(async () => {
        await settleThrough(number);
        const epoch = epochs.get(number);
        const { seed, cutoff, owed: owing, history: known } = epoch ?? {};
        if (epoch === undefined || !seed || !cutoff || !owing || !known) return undefined;
        let at = known;
        for (const certificate of due(cutoff, known.through, number)) {
          const certified = epochs.get(certificate.epoch);
          if (certified !== undefined && !findings.has(certificate.epoch)) await read(certified, certificate);
          at = withFindings(at, certificate.epoch, cutoff.parameters.freezeShare);
        }
        const { set, before: setState } = epoch;
        const challenge = challengeOf(epoch, seed);
        return { epoch: number, seed, set, challenge, owed: owing, setState, state: cutoff, history: at };
      }),
  };
}
