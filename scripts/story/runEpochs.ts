import { describe, readCertificate } from "./certificates.ts";
import type { StoryContext } from "./context.ts";
import { untilFinished } from "./waiting.ts";

/** Waits until an epoch is finished, and tells what the keepers certified of it. */
export async function tellEpoch({ network, terminal }: StoryContext, epoch: number): Promise<void> {
  await untilFinished(network, epoch);
  const found = await readCertificate(network, epoch);
  terminal.step(found === undefined ? `epoch ${epoch} has no certificate` : describe(found));
}

/** Runs the epochs from the order's first one on. */
export async function runEpochs(context: StoryContext, firstEpoch: number, count: number): Promise<void> {
  context.terminal.stage(`Proving it for ${count} epochs`);
  await context.network.advanceTo(firstEpoch);
  for (let epoch = firstEpoch; epoch < firstEpoch + count; epoch++) await tellEpoch(context, epoch);
}
