import { MemoError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";

/** Somewhere the shard of a slot may be had. */
export type GatherSource = { readonly slot: number };

export type GatherOptions<Source extends GatherSource> = {
  /** Where to ask, the best first; a slot may have several sources. */
  readonly sources: readonly Source[];
  /** Slots whose shards are all that is wanted, if they can be had. */
  readonly wanted: readonly number[];
  /** Any so many shards do as well. */
  readonly k: number;
  /** Fetches and checks one shard; a shard that is not the right one is an error. */
  fetch(source: Source, signal: AbortSignal): Promise<Uint8Array>;
  /** A wanted shard that takes longer gets a rival. */
  readonly hedgeMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told about every source that failed; may name another one to ask, while the gathering goes on. */
  onFailure?(source: Source, error: unknown): Promise<Source | undefined> | undefined;
};

/**
 * Fetches the wanted shards of a stripe, and as soon as one of them fails or is slow, others too, until the wanted ones
 * or any `k` are here. What is still under way then is cancelled.
 * @throws MemoError `TOO_FEW_SHARDS` when neither can be had
 */
export async function gatherShards<Source extends GatherSource>(
  options: GatherOptions<Source>,
): Promise<Map<number, Uint8Array>> {
  const { wanted, k, clock } = options;
  const got = new Map<number, Uint8Array>();
  const failures = new Map<number, string>();
  const pending = new Set<Source>();
  const queue = [...options.sources];
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let rivals = 0;
  /** Failed sources for which another one is being looked up. */
  let lookups = 0;

  const complete = () => got.size >= k || wanted.every((slot) => got.has(slot));

  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      stop.abort();
      options.signal.removeEventListener("abort", onAbort);
      finish();
    };
    const onAbort = () => settle(() => reject(options.signal.reason));
    const start = (source: Source) => {
      pending.add(source);
      options.fetch(source, signal).then(
        (bytes) => {
          pending.delete(source);
          got.set(source.slot, bytes);
          pump();
        },
        (error: unknown) => {
          pending.delete(source);
          if (stop.signal.aborted) return;
          if (!failures.has(source.slot)) {
            failures.set(source.slot, error instanceof MemoError ? error.code : String(error));
          }
          void lookUp(source, error);
          pump();
        },
      );
    };
    const lookUp = async (source: Source, error: unknown) => {
      const found = options.onFailure?.(source, error);
      if (!found) return;
      lookups++;
      const other = await found.catch(() => undefined);
      lookups--;
      if (other) queue.unshift(other);
      pump();
    };
    const next = () => {
      for (;;) {
        const source = queue.shift();
        if (!source || !got.has(source.slot)) return source;
      }
    };
    const pump = () => {
      if (stop.signal.aborted) return;
      if (complete()) return settle(() => resolve(got));
      // As long as all wanted shards may come, only they are asked for; else k in all, and one more for each delay.
      const lost = wanted.some((slot) => failures.has(slot));
      const target = lost ? k + rivals : wanted.length + rivals;
      while (got.size + pending.size < target) {
        const source = next();
        if (!source) break;
        start(source);
      }
      if (pending.size + lookups === 0) settle(() => reject(tooFew(k, got.size, failures)));
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
