import { MemoError } from "../errors.ts";
import type { Clock } from "./clock.ts";

const FIRST_PAUSE_MS = 200;

/** How long a provider asks to wait, when it says so. */
function pauseAfter(error: MemoError, attempt: number): number {
  const asked = error.details.retryAfterMs;
  return typeof asked === "number" && asked > 0 ? Math.min(asked, 10_000) : FIRST_PAUSE_MS * 2 ** attempt;
}

/** Runs `task` again, at most `retries` times, while it fails with an error that says it may succeed later. */
export async function withRetries<Result>(
  task: () => Promise<Result>,
  clock: Clock,
  signal: AbortSignal,
  retries = 3,
): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await task();
    } catch (error) {
      // A peer that cannot be reached has been dialled with a time-out already.
      const again = error instanceof MemoError && error.retryable && error.code !== "RPC_UNREACHABLE";
      if (!again || attempt >= retries) throw error;
      await clock.sleep(pauseAfter(error, attempt), signal);
    }
  }
}
