import { parentPort, workerData } from "node:worker_threads";
import { createKernel, type KernelStep } from "./fieldKernel.ts";

/** Thread of the field pool: computes in the memory that it shares with the pool, one step per message. */
const run = createKernel((workerData as { memory: WebAssembly.Memory }).memory);
parentPort!.on("message", (step: KernelStep) => {
  run(step);
  parentPort!.postMessage("done");
});
