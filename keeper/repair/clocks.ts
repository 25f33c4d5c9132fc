import { slotKey } from "../../protocol/challenge/sample.ts";
import type { EpochFindings, HeldSlot } from "./findings.ts";

/** The clock of an unavailable slot in the hands of one holder. */
export type SlotClock = HeldSlot & {
  /** Certified epoch in which it began. */
  readonly started: number;
  /** Certified epochs since: 0 in the one in which it began. Epochs without a certificate do not count. */
  readonly age: number;
};

/** What certified epochs have left behind; a function of them alone. */
export type FaultHistory = {
  /** Last certified epoch in it, −1 before there is one. */
  readonly through: number;
  /** Running clocks by `slotKey`. */
  readonly clocks: ReadonlyMap<string, SlotClock>;
  /** Last epoch that a provider missed. */
  readonly lastMissed: ReadonlyMap<number, number>;
  /** Certified epochs, the last one included, for which a mass outage has gone on; 0 when there is none. */
  readonly outageEpochs: number;
};

/** Before anything was certified. */
export const NO_HISTORY: FaultHistory = {
  through: -1,
  clocks: new Map(),
  lastMissed: new Map(),
  outageEpochs: 0,
};

/** Hundredths of a percent in one. */
export const SHARE = 10_000;

/**
 * The history after one more certified epoch; epochs are taken in ascending order. A clock goes on while the
 * same holder stays unavailable, and ends with whatever else happens: an answer, an eviction, a hand-over.
 */
export function nextHistory(
  history: FaultHistory,
  findings: EpochFindings,
  freezeShare: number,
): FaultHistory {
  const { epoch, missed, unavailable, shards } = findings;
  const clocks = new Map<string, SlotClock>();
  for (const slot of unavailable) {
    const earlier = history.clocks.get(slotKey(slot));
    const goesOn = earlier?.provider === slot.provider && earlier.since === slot.since;
    clocks.set(
      slotKey(slot),
      goesOn
        ? { ...slot, started: earlier.started, age: earlier.age + 1 }
        : { ...slot, started: epoch, age: 0 },
    );
  }
  const down = unavailable.reduce((sum, { stripes }) => sum + stripes, 0);
  return {
    through: epoch,
    clocks,
    lastMissed:
      missed.length === 0
        ? history.lastMissed
        : new Map([...history.lastMissed, ...missed.map((provider) => [provider, epoch] as const)]),
    outageEpochs: down * SHARE > shards * freezeShare ? history.outageEpochs + 1 : 0,
  };
}
