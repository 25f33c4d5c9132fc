import type { StoreResult } from "../../client/store/store.ts";
import { MemoError } from "../../protocol/errors.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../embedded/network.ts";
import { hasRoomForFaults } from "./acts/cast.ts";
import { createReasons, type Reasons } from "./acts/play.ts";
import { type Repairs, readDisturbances } from "./acts/summary.ts";
import { askIndex } from "./askIndex.ts";
import { readBooks } from "./books.ts";
import { readCertificates } from "./certificates.ts";
import { createUserClient } from "./clients.ts";
import type { StoryContext } from "./context.ts";
import { formatBytes } from "./format.ts";
import { type InputFile, readInput } from "./input.ts";
import { sumMetric } from "./metrics.ts";
import type { StartOptions } from "./options.ts";
import { type Restored, readBack, recover } from "./readBack.ts";
import type { StoryResult } from "./result.ts";
import { runEpochs, tellEpoch } from "./runEpochs.ts";
import { partsOf, tellSecondHalf } from "./secondHalf.ts";
import { settleMoney } from "./settleMoney.ts";
import { storeFile } from "./storeFile.ts";
import type { Terminal } from "./terminal.ts";

/** Epochs in which everybody is there. */
const WHOLE_EPOCHS = 3;
const NO_REPAIRS: Repairs = { slots: 0, bytesRead: 0, bytesWritten: 0, seconds: 0 };

export interface StoryOptions {
  options: StartOptions;
  terminal: Terminal;
  /** Seconds that installing took before this process began. */
  installSeconds: number;
  signal: AbortSignal;
  onFailure: (error: Error) => void;
}

/** A stopwatch of named laps, in seconds. */
function createStopwatch() {
  const started = performance.now();
  let last = started;
  return {
    lap(): number {
      const now = performance.now();
      const seconds = (now - last) / 1000;
      last = now;
      return seconds;
    },
    total: (): number => (performance.now() - started) / 1000,
  };
}

/** Boots the network. What it stands on is said as it comes up. */
async function boot({ options, terminal, signal, onFailure }: StoryOptions): Promise<EmbeddedNetwork> {
  terminal.stage(
    options.rpc === undefined ? "Booting an embedded network" : "Booting a network on a running chain",
  );
  return startEmbeddedNetwork({
    dataDir: options.data,
    providers: options.providers,
    keepers: options.keepers,
    port: options.port,
    rpcUrl: options.rpc,
    signal,
    onFailure,
    onStep: (text) => terminal.step(text),
  });
}

/** The network with everything that the story needs of it. */
export interface ToldStory {
  network: EmbeddedNetwork;
  result: StoryResult;
}

/**
 * Boots a network and tells the whole story in it. The network is still up afterwards.
 * @throws what goes wrong on the way; the network has been ended then
 */
export async function tellStory(story: StoryOptions): Promise<ToldStory> {
  const watch = createStopwatch();
  const input = await readInput(story.options.file);
  story.terminal.heading(`memo: ${input.name}, ${formatBytes(input.bytes)}, stored, proven and read back`);
  const network = await boot(story);
  try {
    return { network, result: await tell(story, network, input, watch) };
  } catch (error) {
    network.logger.error({ error }, "the story ended early");
    await network.stop();
    throw error;
  }
}

async function tell(
  { options, terminal, installSeconds, signal }: StoryOptions,
  network: EmbeddedNetwork,
  input: InputFile,
  watch: ReturnType<typeof createStopwatch>,
): Promise<StoryResult> {
  const { nodes, indexer } = network;
  if (nodes === undefined || indexer === undefined) {
    throw new MemoError("NETWORK_INCOMPLETE", "The story needs a network with nodes and index.");
  }
  const kzg = createKzg();
  const client = createUserClient(network, { kzg });
  const context: StoryContext = {
    network,
    nodes,
    options,
    terminal,
    client,
    createFreshClient: () => createUserClient(network),
    signal,
  };
  const reasons = createReasons();
  try {
    const before = await readBooks(network);
    const boot = watch.lap();
    const stored = await storeFile(context, input);
    const store = watch.lap();
    const { startEpoch } = stored.order;
    await runEpochs(context, startEpoch, WHOLE_EPOCHS);
    const proofs = await countProofs(context);
    const epochs = watch.lap();
    const restored = await readBack(context, input, stored);
    const recovered = await recover(context, input);
    const restore = watch.lap();
    const down = stored.order.providers.slice(0, restored.providersDown);
    await missEpoch(context, startEpoch + WHOLE_EPOCHS, down, reasons);
    const second = hasRoomForFaults(options)
      ? await tellSecondHalf(context, { input, file: stored, kzg, reasons })
      : undefined;
    if (second === undefined) sayTooSmall(terminal);
    const faults = watch.lap();
    const orders = second === undefined ? [stored] : [stored, second.second];
    const { books, rows } = await settleMoney(context, orders, before, partsOf(second?.cast, stored));
    const tale = await askIndex(context, indexer, stored);
    const certificates = await readCertificates(network);
    return {
      input: { path: input.path, bytes: input.bytes, sha256: input.sha256 },
      chain: { id: network.chain.id, version: network.chain.version ?? null },
      order: {
        id: stored.orderId,
        slots: stored.slots,
        stripes: stored.stripes,
        shards: stored.shards,
        gas: Number(stored.gas),
        gasPerSlot: Math.round(Number(stored.gas) / stored.slots),
      },
      secondOrder: second === undefined ? null : pickOrder(second.second),
      epochs: {
        certified: certificates.length,
        certifyGas: certificates.map(({ gas }) => gas),
        gaps: tale.gaps,
        missed: tale.missed,
      },
      proofs,
      restored: pick(restored),
      recovered,
      ...(await readDisturbances(network, reasons, second?.refusedAppeals ?? [])),
      repairs: second?.repairs ?? NO_REPAIRS,
      restoredAfterRepair: second?.restored ?? null,
      recovery: second?.recovery ?? null,
      index: { block: tale.block, behind: tale.behind, ...tale.counts },
      balances: { conserved: books.conserved, supply: books.supply.toString() },
      money: rows.map(({ who, part, change }) => ({ who, part, change: change.toString() })),
      gas: tale.gas,
      urls: {
        graphql: `${indexer.url}/graphql`,
        chain: network.chain.url,
        keepers: (await urlsOf(context, "keeper")).map((url) => `${url}/status`),
      },
      seconds: {
        install: installSeconds,
        boot,
        store,
        epochs,
        restore,
        faults,
        total: installSeconds + watch.total(),
      },
    };
  } finally {
    await client.close();
  }
}

function sayTooSmall(terminal: Terminal): void {
  terminal.stage("Things do not go wrong");
  terminal.note(
    "the story goes on where a policy has two parities and three providers hold none of its slots",
  );
}

function pickOrder({ orderId, slots, stripes }: StoreResult) {
  return { id: orderId, slots, stripes };
}

function pick({ bytes, sha256, match, providersDown }: Restored): StoryResult["restored"] {
  return { bytes, sha256, match, providersDown };
}

async function urlsOf(
  { nodes }: Pick<StoryContext, "nodes">,
  role: "provider" | "keeper",
): Promise<string[]> {
  const running = (await nodes.status()).filter(({ name }) => name.startsWith(role));
  return running.sort((a, b) => a.id - b.id).map(({ url }) => url);
}

/** What the daemons' own counters say. */
async function countProofs(context: Pick<StoryContext, "nodes">): Promise<StoryResult["proofs"]> {
  const providers = await urlsOf(context, "provider");
  const keepers = await urlsOf(context, "keeper");
  return {
    made: await sumMetric(providers, "provider_proofs_total", { outcome: "answered" }),
    verified: await sumMetric(keepers, "keeper_proofs_total", { outcome: "valid" }),
    bytes: await sumMetric(providers, "provider_proof_bytes_total"),
  };
}

/** One more epoch with the stopped providers still down, whose absence is certified; then they come back. */
async function missEpoch(
  context: StoryContext,
  epoch: number,
  down: readonly number[],
  reasons: Reasons,
): Promise<void> {
  if (down.length === 0) return;
  const { terminal, nodes } = context;
  terminal.stage("An epoch without the stopped providers");
  for (const provider of down) reasons.set(provider, epoch, "stopped for a while");
  await tellEpoch(context, epoch);
  for (const provider of down) await nodes.startProvider(provider);
  terminal.step(`providers ${down.join(", ")} are back with all their shards`);
}
