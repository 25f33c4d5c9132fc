import type { StoreResult } from "../../client/store/store.ts";
import { formatPolicy } from "../../protocol/object/policy.ts";
import type { StoryContext } from "./context.ts";
import { formatBytes, formatCount, formatTokens } from "./format.ts";
import type { InputFile } from "./input.ts";

/** Epochs that the file is stored for. */
const EPOCHS = 48;
/** The chain's clock stands still while shards travel, so the epoch after the next one is never too early. */
const START_IN = 2;

/** Stores the file: segments, encryption, encoding, delegated commitments, signatures, one transaction. */
export async function storeFile(context: StoryContext, input: InputFile): Promise<StoreResult> {
  const { client, options, terminal, signal } = context;
  const policy = formatPolicy(options.policy);
  terminal.stage(`Storing ${input.name}, ${formatBytes(input.bytes)}, under ${policy}`);
  let bar: ReturnType<typeof terminal.bar> | undefined;
  const result = await client.store(options.file, {
    policy,
    epochs: EPOCHS,
    startIn: START_IN,
    signal,
    onProgress: (event) => {
      if (event.stage === "planned") {
        terminal.step(
          `planned: at most ${formatCount(event.shards)} shards for ${formatTokens(event.cost)} MEMO`,
        );
      } else if (event.stage === "deposited") {
        terminal.step(`deposited ${formatTokens(event.amount)} MEMO`);
      } else if (event.stage === "replaced") {
        terminal.note(`provider ${event.provider} was refused (${event.code}): ${event.reason}`);
      } else if (event.stage === "shards") {
        bar ??= terminal.bar("sending", event.ofShards);
        const bytes = `${formatBytes(event.bytes)} of ${formatBytes(event.ofBytes)}`;
        bar.update(event.shards, `${bytes}, ${formatCount(event.shards)} shards`);
      } else if (event.stage === "signed") {
        const said = `every commitment checked, ${event.providers.length} providers have signed`;
        if (bar === undefined) terminal.step(said);
        else bar.finish(said);
      }
    },
  });
  terminal.step(`one transaction opened the order: ${formatCount(result.gas)} gas for ${result.slots} slots`);
  terminal.note(`order ${result.orderId}`);
  terminal.note(`${result.stripes} stripes × ${result.slots} slots = ${formatCount(result.shards)} shards`);
  return result;
}
