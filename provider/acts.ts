import { MemoError } from "../protocol/errors.ts";
import type { Logger } from "../protocol/runtime/logger.ts";

/**
 * Things to do on chain, as final state asks for them. Each is done once at a time, and again as long as final state
 * still asks although it shows the block in which it was done: nothing about it has to be remembered.
 */
export type Acts = {
  /** Begins unless it is under way, or done in a block that is not final yet. */
  start(key: string, act: (signal: AbortSignal) => Promise<{ minedAt: number }>): void;
  pending(): number;
  stop(): Promise<void>;
};

export function createActs(deps: { head(): number; logger: Logger }): Acts {
  const running = new Map<string, Promise<void>>();
  const minedAt = new Map<string, number>();
  const stopping = new AbortController();

  const perform = async (key: string, act: Parameters<Acts["start"]>[1]): Promise<void> => {
    try {
      minedAt.set(key, (await act(stopping.signal)).minedAt);
    } catch (error) {
      if (stopping.signal.aborted) return;
      const expected = error instanceof MemoError && error.retryable;
      deps.logger[expected ? "debug" : "warn"]({ error, act: key }, "not done on chain; trying again");
    }
  };

  return {
    start(key, act) {
      if (running.has(key) || stopping.signal.aborted) return;
      for (const [done, block] of minedAt) if (block <= deps.head()) minedAt.delete(done);
      if (minedAt.has(key)) return;
      running.set(
        key,
        perform(key, act).finally(() => running.delete(key)),
      );
    },
    pending: () => running.size,
    async stop() {
      stopping.abort(new DOMException("the provider stops", "AbortError"));
      await Promise.all(running.values());
    },
  };
}
