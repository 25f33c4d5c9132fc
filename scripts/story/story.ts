import { createPublicClient, createWalletClient, http } from "viem";
import { hardhat } from "viem/chains";
import { type Client, createClient } from "../../client/createClient.ts";
import { createTransactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import { embeddedAccount } from "../embedded/accounts.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../embedded/network.ts";
import { askIndex } from "./askIndex.ts";
import type { StoryContext } from "./context.ts";
import { formatBytes } from "./format.ts";
import { type InputFile, readInput } from "./input.ts";
import { sumMetric } from "./metrics.ts";
import type { StartOptions } from "./options.ts";
import { type Restored, readBack, recover } from "./readBack.ts";
import type { StoryResult } from "./result.ts";
import { describe, readCertificates, runEpochs, untilFinished } from "./runEpochs.ts";
import { settleMoney } from "./settleMoney.ts";
import { storeFile } from "./storeFile.ts";
import type { Terminal } from "./terminal.ts";

/** Epochs in which everybody is there. */
const WHOLE_EPOCHS = 3;
const POLL_MS = 50;

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
  terminal.stage("Booting an embedded network");
  return startEmbeddedNetwork({
    dataDir: options.data,
    providers: options.providers,
    keepers: options.keepers,
    port: options.port,
    signal,
    onFailure,
    onStep: (text) => terminal.step(text),
  });
}

function createUserClient(network: EmbeddedNetwork): Client {
  const account = embeddedAccount("user");
  const common = { chain: hardhat, transport: http(network.chain.url) } as const;
  return createClient({
    rpcUrl: network.chain.url,
    deployment: network.deployment,
    account,
    logger: network.logger,
    transactor: createTransactor({
      walletClient: createWalletClient({ ...common, account }),
      publicClient: createPublicClient({ ...common, cacheTime: 0 }),
      confirmations: network.group.parameters.confirmations,
      logger: network.logger,
      pollMs: POLL_MS,
    }),
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
  const client = createUserClient(network);
  const context: StoryContext = {
    network,
    nodes,
    options,
    terminal,
    client,
    createFreshClient: () => createUserClient(network),
    signal,
  };
  try {
    const boot = watch.lap();
    const stored = await storeFile(context, input);
    const store = watch.lap();
    const { startEpoch } = stored.order;
    await runEpochs(context, startEpoch, WHOLE_EPOCHS);
    const proofs = await countProofs(network);
    const epochs = watch.lap();
    const restored = await readBack(context, input, stored);
    const recovered = await recover(context, input);
    const restore = watch.lap();
    await missEpoch(
      context,
      startEpoch + WHOLE_EPOCHS,
      stored.order.providers.slice(0, restored.providersDown),
    );
    const balances = await settleMoney(context, stored);
    const tale = await askIndex(context, indexer, stored);
    const certificates = await readCertificates(
      network.chain.publicClient,
      network.group.settlement,
      BigInt(network.group.startBlock),
    );
    return {
      input: { path: input.path, bytes: input.bytes, sha256: input.sha256 },
      order: {
        id: stored.orderId,
        slots: stored.slots,
        stripes: stored.stripes,
        shards: stored.shards,
        gas: Number(stored.gas),
        gasPerSlot: Math.round(Number(stored.gas) / stored.slots),
      },
      epochs: {
        certified: certificates.length,
        certifyGas: certificates.map(({ gas }) => gas),
        gaps: tale.gaps,
        missed: tale.missed,
      },
      proofs,
      restored: pick(restored),
      recovered,
      index: { block: tale.block, behind: tale.behind },
      balances: { conserved: balances.conserved, supply: balances.supply.toString() },
      gas: tale.gas,
      urls: {
        graphql: `${indexer.url}/graphql`,
        chain: network.chain.url,
        keepers: urlsOf(network, "keeper").map((url) => `${url}/status`),
      },
      seconds: {
        install: installSeconds,
        boot,
        store,
        epochs,
        restore,
        total: installSeconds + watch.total(),
      },
    };
  } finally {
    await client.close();
  }
}

function pick({ bytes, sha256, match, providersDown }: Restored): StoryResult["restored"] {
  return { bytes, sha256, match, providersDown };
}

function urlsOf(network: EmbeddedNetwork, role: "provider" | "keeper"): string[] {
  return network.nodeStatus.filter(({ name }) => name.startsWith(role)).map(({ url }) => url);
}

/** What the daemons' own counters say. */
async function countProofs(network: EmbeddedNetwork): Promise<StoryResult["proofs"]> {
  const providers = urlsOf(network, "provider");
  const keepers = urlsOf(network, "keeper");
  return {
    made: await sumMetric(providers, "provider_proofs_total", { outcome: "answered" }),
    verified: await sumMetric(keepers, "keeper_proofs_total", { outcome: "valid" }),
    bytes: await sumMetric(providers, "provider_proof_bytes_total"),
  };
}

/** One more epoch with the stopped providers still down, whose absence is certified; then they come back. */
async function missEpoch(context: StoryContext, epoch: number, down: readonly number[]): Promise<void> {
  if (down.length === 0) return;
  const { network, terminal, nodes } = context;
  terminal.stage("An epoch without the stopped providers");
  await untilFinished(context, epoch);
  const certificates = await readCertificates(
    network.chain.publicClient,
    network.group.settlement,
    BigInt(network.group.startBlock),
  );
  const found = certificates.find((certificate) => certificate.epoch === epoch);
  if (found !== undefined) terminal.step(describe(found));
  for (const provider of down) await nodes.startProvider(provider);
  terminal.step(`providers ${down.join(", ")} are back with all their shards`);
}
