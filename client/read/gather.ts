import { MemoError } from "../../protocol/errors.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";

export type GatherOptions = {
  /** Slots worth asking, the best first. */
  readonly slots: readonly number[];
  /** Slots whose shards are all that is wanted, if they can be had. */
  readonly wanted: readonly number[];
  /** Any so many shards do as well. */
  readonly k: number;
  /** Fetches and checks one shard; a shard that is not the right one is an error. */
  fetch(slot: number, signal: AbortSignal): Promise<Uint8Array>;
  /** A wanted shard that takes longer gets a rival. */
  readonly hedgeMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told about every slot that failed. */
  onFailure?(slot: number, error: unknown): void;
};

/**
 * Fetches the wanted shards of a stripe, and as soon as one of them fails or is slow, others too, until the wanted ones
 * or any `k` are here. What is still under way then is cancelled.
 * @throws MemoError `TOO_FEW_SHARDS` when neither can be had
 */
export async function gatherShards(options: GatherOptions): Promise<Map<number, Uint8Array>> {
  const { wanted, k, clock } = options;
  const got = new Map<number, Uint8Array>();
  const failures = new Map<number, string>();
  const pending = new Set<number>();
  const queue = [...wanted, ...options.slots.filter((slot) => !wanted.includes(slot))];
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let rivals = 0;

  const complete = () => got.size >= k || wanted.every((slot) => got.has(slot));

  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      stop.abort();
      options.signal.removeEventListener("abort", onAbort);
      finish();
    };
    const onAbort = () => settle(() => reject(options.signal.reason));
    const start = (slot: number) => {
      pending.add(slot);
      options.fetch(slot, signal).then(
        (bytes) => {
          pending.delete(slot);
          got.set(slot, bytes);
          pump();
        },
        (error: unknown) => {
          pending.delete(slot);
          if (stop.signal.aborted) return;
          failures.set(slot, error instanceof MemoError ? error.code : String(error));
          options.onFailure?.(slot, error);
          pump();
        },
      );
    };
    const pump = () => {
      if (stop.signal.aborted) return;
      if (complete()) return settle(() => resolve(got));
      // As long as all wanted shards may come, only they are asked for; else k in all, and one more for each delay.
      const lost = wanted.some((slot) => failures.has(slot));
      const target = lost ? k + rivals : wanted.length + rivals;
      while (queue.length > 0 && got.size + pending.size < target) start(queue.shift()!);
      if (pending.size === 0) settle(() => reject(tooFew(k, got.size, failures)));
    };
    const hedge = async () => {
      for (;;) {
        await clock.sleep(options.hedgeMs, signal);
        rivals++;
        pump();
      }
    };
    options.signal.addEventListener("abort", onAbort);
    if (options.signal.aborted) return onAbort();
    pump();
    hedge().catch(() => undefined);
  });
}

function tooFew(k: number, got: number, failures: ReadonlyMap<number, string>): MemoError<"TOO_FEW_SHARDS"> {
  const said = [...failures].map(([slot, code]) => `slot ${slot}: ${code}`).join(", ");
  return new MemoError(
    "TOO_FEW_SHARDS",
    `${k} shards are needed to rebuild a stripe, ${got} could be had (${said}). Try again later.`,
    {
      details: { needed: k, got, failures: Object.fromEntries(failures) },
      retryable: true,
    },
  );
}
