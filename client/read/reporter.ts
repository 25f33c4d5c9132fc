import PQueue from "p-queue";
import type { Hex } from "viem";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { ReadCapability } from "../../protocol/wire/codecs.ts";
import type { ProviderLink } from "../providerLink.ts";

/** A shard that its holder did not give, or gave wrongly. */
export type UnreadableShard = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly stripe: number;
  /** Code of the error. */
  readonly reason: string;
};

/** Tells keepers about unreadable shards. */
export type Reporter = {
  /** Returns at once; whatever goes wrong with a report is nobody's concern. */
  report(shard: UnreadableShard): void;
  /** Lets reports that are under way arrive, for a short while. */
  close(): Promise<void>;
};

/** Stripes of one slot that are worth a report: one that is gone would fill the line by itself. */
const STRIPES_PER_SLOT = 4;
/** Reports that may wait; what comes on top is dropped. */
const MOST_WAITING = 64;
const AT_ONCE = 2;
const CALL_TIMEOUT_MS = 5_000;
const CLOSE_GRACE_MS = 2_000;

/** Creates a reporter: each shard is told once to every keeper, a few at a time. */
export function createReporter(options: {
  link: Pick<ProviderLink, "keeper">;
  /** Endpoints of the keepers. */
  keepers(): Promise<readonly string[]>;
  capabilityFor(orderId: Hex): Promise<ReadCapability>;
  clock: Clock;
  logger: Logger;
}): Reporter {
  const { link, keepers, capabilityFor, clock, logger } = options;
  const queue = new PQueue({ concurrency: AT_ONCE });
  const told = new Map<string, Set<number>>();
  const life = new AbortController();
  let endpoints: Promise<readonly string[]> | undefined;

  async function send({ orderId, slot, stripe, reason }: UnreadableShard): Promise<void> {
    endpoints ??= keepers();
    const to = await endpoints;
    const capability = await capabilityFor(orderId);
    const request = { orderId, slot, stripe, reason, capability };
    const callOptions = { signal: life.signal, timeoutMs: CALL_TIMEOUT_MS };
    await Promise.allSettled(
      to.map((endpoint) => link.keeper(endpoint, "reportShard", request, callOptions)),
    );
  }

  return {
    report(shard) {
      const key = `${shard.orderId} ${shard.slot}`;
      const stripes = told.get(key) ?? new Set();
      const superfluous = stripes.has(shard.stripe) || stripes.size >= STRIPES_PER_SLOT;
      if (life.signal.aborted || superfluous || queue.size >= MOST_WAITING) return;
      told.set(key, stripes.add(shard.stripe));
      queue
        .add(() => send(shard))
        .catch((error: unknown) => {
          endpoints = undefined;
          logger.debug({ error, ...shard }, "an unreadable shard could not be reported");
        });
    },
    async close() {
      const timer = new AbortController();
      const grace = clock.sleep(CLOSE_GRACE_MS, timer.signal).catch(() => undefined);
      await Promise.race([queue.onIdle(), grace]);
      timer.abort();
      life.abort();
      queue.clear();
    },
  };
}
