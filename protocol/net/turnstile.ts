import { MemoError } from "../errors.ts";

/** Lets callers pass in their order while number and bytes of those inside stay within limits. */
export type Turnstile = {
  /**
   * Resolves with a function to leave again.
   * @throws RPC_BUSY when too many wait already; the signal's reason when it aborts
   */
  enter(bytes: number, signal: AbortSignal): Promise<() => void>;
};

type Waiter = { readonly bytes: number; readonly pass: () => void };

/** Creates a turnstile; one caller is let in whatever its size. */
export function createTurnstile(limits: {
  inFlight: number;
  inFlightBytes: number;
  waiting: number;
}): Turnstile {
  let count = 0;
  let total = 0;
  const waiters: Waiter[] = [];
  const fits = (bytes: number) =>
    count === 0 || (count < limits.inFlight && total + bytes <= limits.inFlightBytes);
  const take = (bytes: number) => {
    count += 1;
    total += bytes;
  };
  const admit = () => {
    while (waiters.length > 0 && fits(waiters[0]!.bytes)) {
      const waiter = waiters.shift()!;
      take(waiter.bytes);
      waiter.pass();
    }
  };
  const leaving = (bytes: number) => () => {
    count -= 1;
    total -= bytes;
    admit();
  };
  return {
    async enter(bytes, signal) {
      signal.throwIfAborted();
      if (waiters.length === 0 && fits(bytes)) {
        take(bytes);
        return leaving(bytes);
      }
      if (waiters.length >= limits.waiting) {
        throw new MemoError("RPC_BUSY", `${waiters.length} calls wait for this peer already. Try later.`, {
          retryable: true,
        });
      }
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => {
          waiters.splice(waiters.indexOf(waiter), 1);
          reject(signal.reason);
          // The one who gave up may have been too large for what the next one fits into.
          admit();
        };
        const waiter: Waiter = {
          bytes,
          pass: () => {
            signal.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        signal.addEventListener("abort", onAbort, { once: true });
        waiters.push(waiter);
      });
      return leaving(bytes);
    },
  };
}
