import type { Logger } from "./logger.ts";

/** The part of `process` that a shutdown needs. */
export type SignalSource = {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
};

export type Shutdown = {
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal;
  /** Registers a step; steps run one after the other, the last registered first. */
  onStop(name: string, step: () => Promise<void> | void): void;
  /** Asks for the end as a signal would. */
  request(reason: string): void;
  /** Resolves with the exit code once all steps are done; takes the signal handlers off again. */
  readonly done: Promise<number>;
};

/**
 * First SIGINT or SIGTERM: aborts `signal` and runs the steps; a second one, or `timeoutMs` without an
 * end, forces exit code 1.
 */
export function createShutdown(options: {
  logger: Logger;
  timeoutMs?: number;
  process?: SignalSource;
}): Shutdown {
  const { logger, timeoutMs = 10_000, process: source = process } = options;
  const controller = new AbortController();
  const steps: { name: string; step: () => Promise<void> | void }[] = [];
  const { promise: done, resolve } = Promise.withResolvers<number>();

  const force = (why: string) => {
    logger.error({ why }, "forced to exit before everything was stopped");
    source.exit(1);
  };

  const stop = async (reason: string) => {
    logger.info({ reason }, "stopping");
    const timer = setTimeout(() => force("timeout"), timeoutMs);
    timer.unref();
    controller.abort(new DOMException(`stopped by ${reason}`, "AbortError"));
    let code = 0;
    for (const { name, step } of steps.reverse()) {
      try {
        await step();
      } catch (error) {
        code = 1;
        logger.error({ step: name, error }, "a part did not stop cleanly");
      }
    }
    clearTimeout(timer);
    for (const [signal, listener] of listeners) source.off(signal, listener);
    logger.info({ code }, "stopped");
    resolve(code);
  };

  const request = (reason: string) => {
    if (controller.signal.aborted) force(`second ${reason}`);
    else void stop(reason);
  };

  const listeners = (["SIGINT", "SIGTERM"] as const).map((signal): [NodeJS.Signals, () => void] => [
    signal,
    () => request(signal),
  ]);
  for (const [signal, listener] of listeners) source.on(signal, listener);

  return {
    signal: controller.signal,
    onStop: (name, step) => void steps.push({ name, step }),
    request,
    done,
  };
}
