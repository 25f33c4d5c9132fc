import type { CertificateInfo, GroupState, SetSlot } from "../../protocol/chain/groupTypes.ts";
import { joinNewHolders, nextOwed, retainOwed } from "../../protocol/challenge/owed.ts";
import { challengePairs, wholeCover } from "../../protocol/challenge/proof.ts";
import { type ShardRef, sampleShards } from "../../protocol/challenge/sample.ts";

/** An epoch in which this provider has slots, as of its start. */
export type EpochStart = {
  readonly epoch: number;
  readonly slots: readonly SetSlot[];
  /** State that the set was taken from; its certificates say what is owed. */
  readonly before: GroupState;
};

export type OwedShards = {
  /** Call at every epoch's start, in order. */
  started(start: EpochStart): void;
  /** Call when an epoch's seed is final. */
  seeded(epoch: number, seed: `0x${string}`): void;
  /**
   * The challenge of an epoch: its sample, then what is owed by the certificates that its set knows.
   * @throws what `coverOf` throws, when what is owed hangs on a verdict that cannot be had yet
   */
  challenge(epoch: number): Promise<ShardRef[]>;
};

type Epoch = EpochStart & { seed?: `0x${string}`; owed?: readonly ShardRef[] };

/**
 * Follows what this provider owes through the certificates, in the order of their epochs; a slot that it took over is
 * owed whole at first. Nothing is computed while nobody missed and nothing is owed: then there is nothing to ask keepers
 * for.
 */
export function createOwedShards(options: {
  providerId(): number;
  samples: number;
  /**
   * Cover certified for this provider: "whole", a bitmap, or undefined when it was silent. Asked only where
   * somebody missed.
   */
  coverOf(certificate: CertificateInfo): Promise<"whole" | Uint8Array | undefined>;
}): OwedShards {
  const epochs = new Map<number, Epoch>();
  /** Slots taken over whose shards have joined what is owed. */
  const joined = new Set<string>();
  let owed: readonly ShardRef[] = [];
  let appliedThrough = -1;
  let last: Promise<unknown> = Promise.resolve();

  const sample = ({ slots, seed, owed: due = [] }: Epoch) =>
    seed === undefined
      ? []
      : sampleShards({ seed, provider: options.providerId(), slots, samples: options.samples, owed: due });

  const apply = async (certificate: CertificateInfo) => {
    const epoch = epochs.get(certificate.epoch);
    // Without slots in an epoch there was no challenge in it.
    if (epoch !== undefined) {
      const found = certificate.exceptions === 0 ? "whole" : await options.coverOf(certificate);
      if (found !== "whole" || owed.length > 0) {
        const challenge = sample(epoch);
        const cover = found === "whole" ? wholeCover(challengePairs(challenge).length) : found;
        owed = nextOwed(owed, challenge, cover);
      }
    }
    appliedThrough = certificate.epoch;
    for (const known of epochs.keys()) if (known <= appliedThrough) epochs.delete(known);
  };

  /** Brings what is owed to where it stood when the epoch's set was taken. */
  const settle = async (epoch: Epoch) => {
    if (epoch.owed !== undefined) return;
    const due = [...epoch.before.certificates.values()]
      .filter((certificate) => certificate.epoch > appliedThrough)
      .sort((a, b) => a.epoch - b.epoch);
    for (const certificate of due) await apply(certificate);
    owed = joinNewHolders(retainOwed(owed, epoch.slots), epoch.slots, joined);
    epoch.owed = owed;
  };

  /** Epochs must be settled one after the other, each once. */
  const settleThrough = (target: number) => {
    const result = last.then(async () => {
      for (const epoch of [...epochs.values()]) if (epoch.epoch <= target) await settle(epoch);
    });
    last = result.catch(() => undefined);
    return result;
  };

  return {
    started: (start) => void epochs.set(start.epoch, { ...start }),
    seeded(epoch, seed) {
      const known = epochs.get(epoch);
      if (known !== undefined) known.seed = seed;
    },
    async challenge(target) {
      const epoch = epochs.get(target);
      await settleThrough(target);
      return epoch === undefined ? [] : sample(epoch);
    },
  };
}
