import type { Address, Hex } from "viem";
import type { CertificateInfo, EpochSet, GroupState, SetSlot } from "../../protocol/chain/groupTypes.ts";
import { nextOwed, retainOwed } from "../../protocol/challenge/owed.ts";
import { challengePairs, wholeCover } from "../../protocol/challenge/proof.ts";
import { type ShardRef, sampleShards } from "../../protocol/challenge/sample.ts";
import type { ChallengeContext } from "../../protocol/challenge/transcript.ts";
import type { ChallengedProvider } from "../../protocol/results/judge.ts";
import type { ResultLeaf } from "../../protocol/results/results.ts";

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
};

/** Follows the chain's epochs and says what each one asks. */
export type Challenges = {
  /** Call at every epoch's start, in order. */
  started(set: EpochSet, before: GroupState): void;
  seeded(epoch: number, seed: Hex): void;
  /**
   * The challenge of a seeded epoch.
   * @throws what `resultsOf` throws while certified results that it hangs on cannot be had
   */
  challenge(epoch: number): Promise<EpochChallenge | undefined>;
};

/**
 * Creates it. `resultsOf` gives the leaves of a certified epoch in which somebody missed: only those are
 * ever needed, because nothing else makes anything owed.
 */
export function createChallenges(options: {
  chainId: number;
  group: Address;
  samples: number;
  resultsOf(certificate: CertificateInfo): Promise<readonly ResultLeaf[]>;
}): Challenges {
  const { chainId, group, samples } = options;
  const epochs = new Map<number, EpochStart>();
  let owed = new Map<number, readonly ShardRef[]>();
  let appliedThrough = -1;
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

  const apply = async (certificate: CertificateInfo) => {
    const epoch = epochs.get(certificate.epoch);
    if (epoch !== undefined && (certificate.exceptions > 0 || owed.size > 0)) {
      const leaves = certificate.exceptions > 0 ? await options.resultsOf(certificate) : [];
      const covers = new Map(leaves.map(({ provider, cover }) => [provider, cover]));
      const next = new Map(owed);
      for (const [provider, slots] of epoch.set.byProvider) {
        const shards = shardsOf(epoch, provider, slots);
        const pairs = challengePairs(shards).length;
        const cover = certificate.exceptions > 0 ? covers.get(provider) : wholeCover(pairs);
        next.set(provider, nextOwed(owed.get(provider) ?? [], shards, cover));
      }
      owed = next;
    }
    appliedThrough = certificate.epoch;
    for (const known of epochs.keys()) if (known < appliedThrough) epochs.delete(known);
  };

  /** Brings what is owed to where it stood when the epoch's set was taken. */
  const settle = async (epoch: EpochStart) => {
    if (epoch.owed !== undefined) return;
    const due = [...epoch.before.certificates.values()]
      .filter((certificate) => certificate.epoch > appliedThrough)
      .sort((a, b) => a.epoch - b.epoch);
    for (const certificate of due) await apply(certificate);
    const kept = new Map<number, readonly ShardRef[]>();
    for (const [provider, shards] of owed) {
      const retained = retainOwed(shards, epoch.set.byProvider.get(provider) ?? []);
      if (retained.length > 0) kept.set(provider, retained);
    }
    owed = kept;
    epoch.owed = kept;
  };

  return {
    started: (set, before) => void epochs.set(set.epoch, { set, before }),
    seeded(number, seed) {
      const epoch = epochs.get(number);
      if (epoch !== undefined) epoch.seed = seed;
    },
    async challenge(number) {
      // Epochs are settled one after the other, each once.
      const settled = last.then(async () => {
        for (const epoch of [...epochs.values()]) if (epoch.set.epoch <= number) await settle(epoch);
      });
      last = settled.catch(() => undefined);
      await settled;
      const epoch = epochs.get(number);
      if (epoch?.seed === undefined) return undefined;
      const { seed } = epoch;
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
    },
  };
}
