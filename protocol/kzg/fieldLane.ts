import { Worker } from "node:worker_threads";
import { MemoError } from "../errors.ts";
import { createKernel, createKernelMemory, type KernelStep } from "./fieldKernel.ts";

/** One kernel with its memory; runs one step at a time. */
export type FieldLane = {
  readonly memory: WebAssembly.Memory;
  /** @throws FIELD_WORKER_FAILED (retryable: the next step starts a new thread) */
  run(step: KernelStep): Promise<void>;
  close(): Promise<void>;
};

/** A kernel on the caller's thread. Lets the event loop turn before each step. */
export function createInlineLane(): FieldLane {
  const memory = createKernelMemory();
  const run = createKernel(memory);
  return {
    memory,
    async run(step) {
      await new Promise((resolve) => setImmediate(resolve));
      run(step);
    },
    async close() {},
  };
}

/** A kernel on a thread of its own, which starts with the first step and never keeps the process alive. */
export function createThreadLane(): FieldLane {
  const memory = createKernelMemory();
  let worker: Worker | undefined;

  function start(): Worker {
    // In the repository this is TypeScript, in the package JavaScript; a URL is not rewritten by the compiler.
    const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const started = new Worker(new URL(`./fieldWorker.${suffix}`, import.meta.url), {
      workerData: { memory },
    });
    started.on("exit", () => {
      if (worker === started) worker = undefined;
    });
    started.unref();
    return started;
  }

  return {
    memory,
    run(step) {
      worker ??= start();
      const thread = worker;
      return new Promise((resolve, reject) => {
        const settle = (error?: unknown) => {
          thread.off("message", done);
          thread.off("error", settle);
          thread.off("exit", gone);
          thread.unref();
          if (error === undefined) return resolve();
          if (worker === thread) worker = undefined;
          reject(
            new MemoError("FIELD_WORKER_FAILED", "A thread of the field pool failed; try again.", {
              retryable: true,
              cause: error,
            }),
          );
        };
        const done = () => settle();
        const gone = (code: number) => settle(new Error(`the thread ended with code ${code}`));
        thread.once("message", done);
        thread.once("error", settle);
        thread.once("exit", gone);
        // Work under way must end before the process does.
        thread.ref();
        thread.postMessage(step);
      });
    },
    async close() {
      await worker?.terminate();
    },
  };
}
