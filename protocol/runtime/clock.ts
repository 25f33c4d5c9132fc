import { setTimeout as delay } from "node:timers/promises";

/** The only way to learn the local time or to wait for it; protocols that must not depend on it take none. */
export type Clock = {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      // node:timers wraps the reason in an AbortError; callers want the reason itself.
      signal?.throwIfAborted();
      throw error;
    }
  },
};

/** A clock that stands still until it is told to move. */
export type ManualClock = Clock & {
  /** Moves on by `ms` and wakes, in order of their time, all sleepers that are due. */
  advance(ms: number): void;
  /** Sleepers that wait for the clock to move. */
  sleeping(): number;
};

type Sleeper = { readonly due: number; readonly wake: () => void };

/** A clock for simulations and tests. */
export function createManualClock(start = 0): ManualClock {
  let time = start;
  let sleepers: Sleeper[] = [];
  return {
    now: () => time,
    sleeping: () => sleepers.length,
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          due: time + ms,
          wake: () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    advance(ms) {
      time += ms;
      const due = sleepers.filter((sleeper) => sleeper.due <= time).sort((a, b) => a.due - b.due);
      sleepers = sleepers.filter((sleeper) => sleeper.due > time);
      for (const sleeper of due) sleeper.wake();
    },
  };
}
