import { MemoError } from "../../protocol/errors.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";

/** Duties whose first sight is remembered. */
const DUTIES_REMEMBERED = 1_024;

/** Who acts when, and that nobody does a thing twice at once. */
export type Turns = {
  /** Whether it is the turn of whom has this rank for a duty: others step in block after block. */
  isTurn(duty: string, rank: number, block: number): boolean;
  /** Runs a task unless the same one is running; what fails is tried again in a later block. */
  once(duty: string, task: () => Promise<void>): void;
  /** Tasks that run. */
  running(): number;
  /** Resolves when none does. */
  settled(): Promise<void>;
};

/** Creates the turns; `standbyBlocks` pass before the next in the order steps in. */
export function createTurns(options: { standbyBlocks: number; signal: AbortSignal; logger: Logger }): Turns {
  const { standbyBlocks, signal, logger } = options;
  const firstSeen = new Map<string, number>();
  const busy = new Map<string, Promise<void>>();
  return {
    isTurn(duty, rank, block) {
      const since = firstSeen.get(duty) ?? block;
      firstSeen.set(duty, since);
      if (firstSeen.size > DUTIES_REMEMBERED) firstSeen.delete(firstSeen.keys().next().value!);
      return block >= since + rank * standbyBlocks;
    },
    once(duty, task) {
      if (busy.has(duty) || signal.aborted) return;
      const running = task()
        .catch((error: unknown) => {
          if (signal.aborted) return;
          const code = error instanceof MemoError ? error.code : "UNEXPECTED";
          logger.warn({ duty, code, error }, "a submission failed");
        })
        .finally(() => busy.delete(duty));
      busy.set(duty, running);
    },
    running: () => busy.size,
    settled: async () => {
      await Promise.all(busy.values());
    },
  };
}
