import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Hex } from "viem";
import type { StoreResult } from "../../client/store/store.ts";
import { MemoError } from "../../protocol/errors.ts";
import { type Comparison, compareWithFile } from "./compare.ts";
import type { StoryContext } from "./context.ts";
import { formatBytes } from "./format.ts";
import type { InputFile } from "./input.ts";

/** Bytes of the range that is read by itself. */
const RANGE_BYTES = 100_000;

export interface Restored extends Comparison {
  providersDown: number;
}

function mustMatch(what: string, comparison: Comparison): Comparison {
  if (comparison.match) return comparison;
  throw new MemoError("BYTES_DIFFER", `${what} is not what was stored: ${comparison.bytes} bytes came back.`);
}

/** Stops as many holders of data shards as the parity allows, and reads whole file and a range from the others. */
export async function readBack(
  context: StoryContext,
  input: InputFile,
  stored: StoreResult,
): Promise<Restored> {
  const { terminal, nodes, options } = context;
  const down = stored.order.providers.slice(0, options.policy.m);
  terminal.stage("Reading it back while providers are down");
  for (const provider of down) await nodes.stopProvider(provider);
  terminal.step(
    down.length === 0
      ? "no provider stopped: the policy has no parity"
      : `stopped ${down.length} of the ${stored.slots} holders: providers ${down.join(", ")}`,
  );
  const whole = await readWhole(context, input, stored.orderId);
  await readRange(context, input, stored);
  return { ...whole, providersDown: down.length };
}

/** Reads the whole file and compares it with the original. @throws BYTES_DIFFER */
export async function readWhole(
  { terminal, client, signal }: StoryContext,
  input: InputFile,
  orderId: Hex,
): Promise<Comparison> {
  const { stream } = await client.read({ orderId }, { signal });
  const bar = terminal.bar("reading", Math.max(1, input.bytes));
  const whole = await compareWithFile(stream, input.path, { from: 0, to: input.bytes }, (bytes) =>
    bar.update(bytes, `${formatBytes(bytes)} of ${formatBytes(input.bytes)}`),
  );
  mustMatch("The file", whole);
  bar.finish(`all ${formatBytes(whole.bytes)} came back, every byte as it was`);
  return whole;
}

async function readRange(context: StoryContext, input: InputFile, stored: StoreResult): Promise<void> {
  if (input.bytes < 2) return;
  const from = Math.floor(input.bytes / 3);
  const to = Math.min(input.bytes, from + RANGE_BYTES);
  const { stream } = await context.client.read(
    { orderId: stored.orderId },
    { range: { offset: from, length: to - from }, signal: context.signal },
  );
  const range = mustMatch("The range", await compareWithFile(stream, input.path, { from, to }));
  context.terminal.step(`bytes ${from} to ${to} by themselves: ${formatBytes(range.bytes)}, the same`);
}

/** Restores everything into an empty directory with nothing but the wallet's key and the chain. */
export async function recover(context: StoryContext, input: InputFile): Promise<{ match: boolean }> {
  const { terminal, network, signal } = context;
  const directory = join(network.dataDir, "recovered");
  const client = context.createFreshClient();
  try {
    const recovery = await client.recover({ directory, signal });
    const file = recovery.files.find((each) => each.name === input.name);
    if (!recovery.complete || file === undefined) {
      throw new MemoError("RECOVERY_INCOMPLETE", `${input.name} was not recovered from wallet and chain.`, {
        details: { failed: recovery.failed, unreadable: recovery.unreadable },
      });
    }
    const whole = { from: 0, to: input.bytes };
    const { match } = mustMatch(
      "The recovered file",
      await compareWithFile(createReadStream(file.path), input.path, whole),
    );
    terminal.step("recovered from wallet key and chain alone into an empty directory: the same");
    return { match };
  } finally {
    await client.close();
  }
}
