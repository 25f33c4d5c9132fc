import { MemoError } from "../../protocol/errors.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";

export type RateLimit = {
  /** Units that come back each second. */
  readonly perSecond: number;
  /** Units that may be taken at once after a pause. */
  readonly burst: number;
};

export type TokenBuckets = {
  /** Takes `amount` units of every key, or of none. @throws RATE_LIMITED (retryable, details.retryAfterMs) */
  take(keys: readonly string[], amount: number): void;
};

/** Keys remembered at most; the one that was used longest ago goes first. */
const MOST_KEYS = 10_000;

/** A token bucket per key. A forgotten key starts full again, so the limit holds for all that matter. */
export function createTokenBuckets(options: { limit: RateLimit; clock: Clock }): TokenBuckets {
  const { limit, clock } = options;
  const buckets = new Map<string, { level: number; at: number }>();

  const levelOf = (key: string, now: number) => {
    const bucket = buckets.get(key);
    if (bucket === undefined) return limit.burst;
    const passed = Math.max(0, now - bucket.at);
    return Math.min(limit.burst, bucket.level + (passed * limit.perSecond) / 1_000);
  };

  return {
    take(keys, amount) {
      const now = clock.now();
      const levels = keys.map((key) => levelOf(key, now));
      const least = Math.min(...levels);
      if (least < amount) {
        const retryAfterMs = Math.ceil(((amount - least) * 1_000) / limit.perSecond);
        throw new MemoError("RATE_LIMITED", `Too many reads; try again in ${retryAfterMs} ms.`, {
          details: { retryAfterMs },
          retryable: true,
        });
      }
      keys.forEach((key, index) => {
        buckets.delete(key);
        buckets.set(key, { level: levels[index]! - amount, at: now });
      });
      for (const key of buckets.keys()) {
        if (buckets.size <= MOST_KEYS) break;
        buckets.delete(key);
      }
    },
  };
}
