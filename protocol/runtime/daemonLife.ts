import type { Readiness } from "./daemonServer.ts";
import type { Logger } from "./logger.ts";
import type { Shutdown } from "./shutdown.ts";

/** A daemon that runs in this process. */
export type RunningDaemon<Status> = {
  status(): Status;
  /** Works that need no new block to end. */
  pending(): number;
  /** Newest final block of which everything has been taken in, −1 before the first. */
  headProcessed(): bigint;
  /** Resolves when the daemon is stopped; rejects when it cannot go on. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
};

/** Why a daemon is not ready, of the reasons that all have. */
export function daemonReadiness(of: {
  failure?: string;
  caughtUp: boolean;
  registered: boolean;
  /** Whether the owner has given the member another operator key than this daemon's. */
  operatorReplaced: boolean;
}): Readiness {
  const reasons = [
    ...(of.failure === undefined ? [] : [`${of.failure}; see the log`]),
    ...(of.caughtUp ? [] : ["the chain has not been read up to its newest final block"]),
    ...(of.registered ? [] : ["the operator is not registered in the group"]),
    ...(of.operatorReplaced ? ["the operator on chain is another key than this daemon's"] : []),
  ];
  return { ready: reasons.length === 0, reasons };
}

/**
 * Watches the work of a daemon that was put together on `parts`: what breaks it is logged and told, and
 * `stop` aborts it, waits for its end and takes the parts down, the last one first.
 */
export function superviseDaemon(options: {
  /** `keeper`, `provider`. */
  name: string;
  /** Ends only when `stopping` aborts, or by an error. */
  work: Promise<void>;
  stopping: AbortController;
  parts: AsyncDisposableStack;
  /** What it means when the work ends by an error. */
  failure: string;
  onFailed(error: unknown): void;
  /** After the abort, before the end of the work is waited for. */
  onStop?(): void;
  logger: Logger;
}): Pick<RunningDaemon<unknown>, "ended" | "stop"> {
  const { name, stopping, parts } = options;
  const ended = options.work.catch((error: unknown) => {
    if (stopping.signal.aborted) return;
    options.onFailed(error);
    options.logger.fatal({ error }, options.failure);
    throw error;
  });
  ended.catch(() => undefined);
  parts.defer(async () => {
    stopping.abort(new DOMException(`the ${name} stops`, "AbortError"));
    options.onStop?.();
    await ended.catch(() => undefined);
  });
  const life = parts.move();
  let stopped: Promise<void> | undefined;
  return {
    ended,
    stop() {
      stopped ??= life.disposeAsync();
      return stopped;
    },
  };
}

/**
 * Starts a daemon and runs it until `shutdown` or its own failure ends it; resolves with the exit code.
 * @throws what `start` throws, after everything that was started has been stopped
 */
export async function runDaemon(options: {
  /** `keeper`, `provider`. */
  name: string;
  shutdown: Shutdown;
  start(): Promise<RunningDaemon<object>>;
  logger: Logger;
}): Promise<number> {
  const { name, shutdown, logger } = options;
  let failed = false;
  try {
    const daemon = await options.start();
    if (shutdown.signal.aborted) {
      // Asked to end while it was starting: the steps have run without this one.
      await daemon.stop();
      return await shutdown.done;
    }
    shutdown.onStop(name, () => daemon.stop());
    logger.info(daemon.status(), `${name} runs`);
    daemon.ended.catch(() => {
      failed = true;
      shutdown.request("failure");
    });
  } catch (error) {
    // A second request would force the exit.
    if (!shutdown.signal.aborted) shutdown.request("failed start");
    await shutdown.done;
    throw error;
  }
  const code = await shutdown.done;
  return failed ? 1 : code;
}
