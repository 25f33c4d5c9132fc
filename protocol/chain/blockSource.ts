import { type Address, BaseError, type PublicClient } from "viem";
import { MemoError } from "../errors.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { type RawBlock, readBlocks, readHeader } from "./rawBlocks.ts";

/**
 * Reads final blocks from one node for any number of followers in the process, which share its polling
 * and its answers.
 */
export type BlockSource = {
  /** Resolves with the number of the newest final block once that is at least `number`. */
  waitForFinal(number: number, signal: AbortSignal): Promise<number>;
  /**
   * Reads final blocks from `from` on, at most up to `to` (inclusive), fewer when the node cannot give so
   * many at once. Tries again for ever while the node fails.
   */
  read(from: number, to: number, addresses: readonly Address[], signal: AbortSignal): Promise<RawBlock[]>;
  /** Header of a block as the node has it now. Tries again for ever while the node fails. */
  header(number: number, signal: AbortSignal): Promise<Omit<RawBlock, "logs">>;
  /** Id of the chain. Tries again for ever while the node fails. */
  chainId(signal: AbortSignal): Promise<number>;
  /** Forgets what was read, after it turned out not to fit together, and waits a moment. */
  forget(signal: AbortSignal): Promise<void>;
  status(): { readonly head: number; readonly final: number; readonly error: string | undefined };
  close(): void;
};

const FIRST_BACKOFF_MS = 250;
const LAST_BACKOFF_MS = 10_000;
/** Answers that are kept for the other followers. */
const PAGES_KEPT = 64;

/** Creates a source; it polls (one `eth_blockNumber` per `pollMs`) only while somebody waits. */
export function createBlockSource(options: {
  client: PublicClient;
  /** Blocks on top of a block that make it final. */
  confirmations: number;
  pollMs?: number;
  /** Most blocks of one page; shrinks while the node refuses. */
  pageBlocks?: number;
  clock?: Clock;
  logger: Logger;
}): BlockSource {
  const { client, confirmations, pollMs = 200, clock = systemClock, logger } = options;
  const mostBlocks = options.pageBlocks ?? 500;
  const life = new AbortController();
  const pages = new Map<string, Promise<RawBlock[]>>();
  const waiters = new Set<{ number: number; resolve: (final: number) => void }>();
  let pageBlocks = mostBlocks;
  let head = -1;
  const errors = new Map<string, string>();
  let polling = false;

  const final = () => Math.max(-1, head - confirmations);

  /** Repeats `task` until it succeeds or the source is closed. */
  const persist = async <Result>(what: string, task: () => Promise<Result>): Promise<Result> => {
    for (let wait = FIRST_BACKOFF_MS; ; wait = Math.min(LAST_BACKOFF_MS, wait * 2)) {
      life.signal.throwIfAborted();
      try {
        const result = await task();
        if (errors.delete(what)) logger.info({ what }, "the chain node answers again");
        return result;
      } catch (cause) {
        const message = describe(cause);
        if (!errors.has(what)) logger.warn({ what, error: message, retryInMs: wait }, "the chain node fails");
        errors.set(what, message);
        await clock.sleep(wait, life.signal);
      }
    }
  };

  const poll = async () => {
    if (polling) return;
    polling = true;
    try {
      while (waiters.size > 0) {
        head = await persist("eth_blockNumber", async () =>
          Number(await client.getBlockNumber({ cacheTime: 0 })),
        );
        for (const waiter of waiters) {
          if (final() < waiter.number) continue;
          waiters.delete(waiter);
          waiter.resolve(final());
        }
        if (waiters.size > 0) await clock.sleep(pollMs, life.signal);
      }
    } finally {
      polling = false;
    }
  };

  const readPage = (from: number, to: number, addresses: readonly Address[]) =>
    persist("blocks", async () => {
      const last = Math.min(to, from + pageBlocks - 1);
      try {
        const blocks = await readBlocks(client, from, last, addresses);
        pageBlocks = Math.min(mostBlocks, pageBlocks * 2);
        return blocks;
      } catch (cause) {
        pageBlocks = Math.max(1, Math.floor((last - from + 1) / 2));
        throw cause;
      }
    });

  const sharedPage = (from: number, to: number, addresses: readonly Address[]) => {
    const key = `${from}-${to}-${addresses.join()}`;
    const known = pages.get(key);
    if (known !== undefined) return known;
    const page = readPage(from, to, addresses);
    pages.set(key, page);
    page.catch(() => pages.delete(key));
    const [oldest] = pages.keys();
    if (pages.size > PAGES_KEPT && oldest !== undefined) pages.delete(oldest);
    return page;
  };

  /** Waits for what others may wait for too, until the signal aborts. */
  const mortal = async <Result>(start: () => Promise<Result>, signal: AbortSignal): Promise<Result> => {
    signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([start(), aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };

  return {
    async waitForFinal(number, signal) {
      const { promise, resolve } = Promise.withResolvers<number>();
      const waiter = { number, resolve };
      waiters.add(waiter);
      // The loop only ends by closing, which `mortal` callers learn from the signal of the source.
      poll().catch(() => undefined);
      try {
        return await mortal(() => promise, AbortSignal.any([signal, life.signal]));
      } finally {
        waiters.delete(waiter);
      }
    },
    read: (from, to, addresses, signal) => mortal(() => sharedPage(from, to, addresses), signal),
    header: (number, signal) => mortal(() => persist("header", () => readHeader(client, number)), signal),
    chainId: (signal) => mortal(() => persist("eth_chainId", () => client.getChainId()), signal),
    forget(signal) {
      pages.clear();
      return clock.sleep(pollMs, signal);
    },
    status: () => ({ head, final: final(), error: [...errors.values()][0] }),
    close() {
      life.abort(new MemoError("BLOCK_SOURCE_CLOSED", "The source of blocks was closed."));
    },
  };
}

function describe(error: unknown): string {
  if (error instanceof BaseError) return [error.shortMessage, error.details].filter(Boolean).join(" ");
  return error instanceof Error ? error.message : String(error);
}
