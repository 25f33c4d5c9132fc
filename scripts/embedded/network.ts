import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import type { Hex } from "viem";
import { buildContracts } from "../../ignition/buildContracts.ts";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { epochAt, epochStart } from "../../protocol/chain/epochs.ts";
import { MemoError } from "../../protocol/errors.ts";
import { peerIdFromSeed } from "../../protocol/net/host.ts";
import { writeKeyFile } from "../../protocol/runtime/keyFile.ts";
import { createLogger, type Logger } from "../../protocol/runtime/logger.ts";
import { embeddedKey, fundedKeys } from "./accounts.ts";
import { startChainProcess } from "./chainProcess.ts";
import { type ChainHead, type Conductor, createConductor } from "./conductor.ts";
import { prepareDataDir, releaseDataDir } from "./dataDir.ts";
import { borrowChain } from "./foreignChain.ts";
import { createEmbeddedGroup, type EmbeddedGroup, populateGroup } from "./group.ts";
import type { NetworkChain } from "./networkChain.ts";
import { type NodeSpec, type NodeStatus, nodeDataDir } from "./nodesApi.ts";
import { type NodesProcess, startNodesProcess } from "./nodesProcess.ts";
import { claimNetworkPorts, claimNodePort, type NetworkPorts } from "./ports.ts";

/** The index asks for new blocks this often. */
const INDEX_POLL_MS = 100;

export interface NetworkOptions {
  /** Emptied first; only a directory that an embedded network made, or an empty or new one. */
  dataDir: string;
  providers?: number;
  keepers?: number;
  /** Port of the index; the chain has the next one. 0 (default): any two free ones. */
  port?: number;
  /** JSON-RPC of a development chain that runs already; one is started otherwise. */
  rpcUrl?: string | undefined;
  /** Whether the daemons run (default); without them there are chain, contracts and registered members. */
  nodes?: boolean;
  /** Whether the index runs (default). */
  indexer?: boolean;
  /** Ends the network when it aborts, while it boots too. */
  signal?: AbortSignal;
  onBlock?: (head: ChainHead) => void;
  /** One of the processes has ended by itself: the network is no longer whole. */
  onFailure?: (error: Error) => void;
  /** Told of each part that is up. */
  onStep?: (text: string) => void;
}

export interface EmbeddedNetwork extends EmbeddedGroup {
  dataDir: string;
  /** Writes to `network.log` in the data directory. */
  logger: Logger;
  chain: NetworkChain;
  conductor: Conductor;
  nodes?: NodesProcess;
  /** As the daemons were when they had started; providers first. */
  nodeStatus: readonly NodeStatus[];
  indexer?: Indexer;
  /** As the daemons were registered; providers and keepers, ids from 1. */
  members: { providers: readonly NodeSpec[]; keepers: readonly NodeSpec[] };
  /** Where a daemon ("provider 3") keeps its data. */
  dataDirOf(name: string): string;
  /** Private key file of the account that has tokens and stores. */
  userKeyPath: string;
  epochNow(): Promise<number>;
  /** Mines until the first block of `epoch`. */
  advanceTo(epoch: number): Promise<ChainHead>;
  /** Ends every process; safe to call twice. */
  stop(): Promise<void>;
}

async function claimMembers(role: "provider peer" | "keeper peer", count: number): Promise<NodeSpec[]> {
  const specs: NodeSpec[] = [];
  for (let id = 1; id <= count; id++) {
    const listenPort = await claimNodePort();
    const peer = await peerIdFromSeed(embeddedKey(role, id));
    specs.push({ id, listenPort, endpoint: `/ip4/127.0.0.1/tcp/${listenPort}/p2p/${peer}` });
  }
  return specs;
}

/** The chain of the network: one that runs already, if its URL is given, or one of its own. */
function findChain(options: {
  dataDir: string;
  ports: NetworkPorts;
  keys: readonly Hex[];
  rpcUrl: string | undefined;
}): Promise<NetworkChain> {
  const { dataDir, ports, keys, rpcUrl } = options;
  if (rpcUrl === undefined) return startChainProcess({ dataDir, port: ports.chain, keys });
  return borrowChain({ url: rpcUrl, keys });
}

function describeBorrowed({ id, url, version }: NetworkChain): string {
  return `chain ${id} at ${url}, ${version}, which was running: it mines when it is told to, until this ends`;
}

/**
 * Boots a whole network on this machine: chain, contracts, registered providers and keepers, their daemons and the
 * index, in processes that end with this one. Everything that `npm start` and the tests of whole systems stand on.
 * @throws DATA_DIR_NOT_OURS, DATA_DIR_IN_USE, PORT_IN_USE, what `borrowChain` throws, and what a part throws that does not start; nothing is left running then
 */
export async function startEmbeddedNetwork(options: NetworkOptions): Promise<EmbeddedNetwork> {
  const { dataDir, signal } = options;
  signal?.throwIfAborted();
  const say = options.onStep ?? (() => undefined);
  const counts = { providers: options.providers ?? 12, keepers: options.keepers ?? 4 };
  const ports = await claimNetworkPorts(options.port ?? 0);
  prepareDataDir(dataDir);
  const logger = createLogger({
    name: "network",
    destination: pino.destination({ dest: join(dataDir, "network.log"), sync: true }),
  });
  const userKeyPath = join(dataDir, "user.key");
  const nodesDir = join(dataDir, "nodes");
  await writeKeyFile(userKeyPath, embeddedKey("user"));

  const parts: { nodes?: NodesProcess; chain?: NetworkChain; conductor?: Conductor; indexer?: Indexer } = {};
  const ending = new AbortController();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      ending.abort(new MemoError("STOPPED", "The network is stopping."));
      const mining = parts.conductor?.stop();
      await Promise.all([parts.nodes?.stop(), parts.indexer?.stop()]);
      await mining;
      await parts.chain?.stop();
      releaseDataDir(dataDir);
    })();
    return stopping;
  };
  const watch = (name: string, exited: Promise<unknown>): void => {
    void exited.then(() => {
      if (stopping !== undefined) return;
      const message = `The process of the ${name} has ended by itself; its log is in ${dataDir}.`;
      options.onFailure?.(new MemoError("PROCESS_ENDED", message));
    });
  };

  signal?.addEventListener("abort", () => void stop(), { once: true });

  try {
    const nodes = options.nodes === false ? undefined : startNodesProcess(dataDir);
    if (nodes !== undefined) {
      parts.nodes = nodes;
      watch("providers and keepers", nodes.exited);
    }
    const keys = fundedKeys(counts.providers, counts.keepers);
    const starting = findChain({ dataDir, ports, keys, rpcUrl: options.rpcUrl }).then((chain) => {
      parts.chain = chain;
      // Asked to end meanwhile: nobody else knows of it.
      if (stopping !== undefined) void chain.stop();
      return chain;
    });
    const [chain] = await Promise.all([starting, buildContracts(ending.signal)]);
    ending.signal.throwIfAborted();
    if (chain.exited !== undefined) watch("chain", chain.exited);
    const conductor = createConductor({
      client: chain.publicClient,
      confirmations: 2,
      ...(options.onBlock === undefined ? {} : { onBlock: options.onBlock }),
      ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
    });
    parts.conductor = conductor;
    say(chain.version === undefined ? `chain ${chain.id} at ${chain.url}` : describeBorrowed(chain));

    const group = await createEmbeddedGroup(chain, dataDir);
    say(`a group made by GroupFactory ${group.deployment.factory.address}`);
    const providers = await claimMembers("provider peer", counts.providers);
    const keepers = await claimMembers("keeper peer", counts.keepers);
    await populateGroup({ ...chain, conductor }, group, { providers, keepers });
    say(`${providers.length} providers and ${keepers.length} keepers registered with stake`);

    const startDaemons = async (): Promise<NodeStatus[]> => {
      if (nodes === undefined) return [];
      await mkdir(nodesDir, { recursive: true });
      const started = await nodes.start({
        rpcUrl: chain.url,
        deploymentPath: group.deploymentPath,
        dataDir: nodesDir,
        confirmations: group.group.parameters.confirmations,
        providers,
        keepers,
      });
      conductor.setDuties(nodes.duties);
      say(`${started.length} daemons on libp2p`);
      return started;
    };
    const startIndex = async (): Promise<Indexer | undefined> => {
      if (options.indexer === false) return undefined;
      const indexer = await startIndexer({
        rpcUrl: chain.url,
        deploymentPath: group.deploymentPath,
        port: ports.indexer,
        dataDir: join(dataDir, "indexer"),
        pollingMs: INDEX_POLL_MS,
        logger,
        signal: ending.signal,
      });
      parts.indexer = indexer;
      watch("index", indexer.exited);
      say(`index at ${indexer.url}/graphql`);
      return indexer;
    };
    const [nodeStatus, indexer] = await Promise.all([startDaemons(), startIndex()]);
    const { parameters } = group.group;
    return {
      ...group,
      dataDir,
      logger,
      chain,
      conductor,
      nodeStatus,
      members: { providers, keepers },
      dataDirOf: (name) => nodeDataDir(nodesDir, name),
      userKeyPath,
      ...(nodes === undefined ? {} : { nodes }),
      ...(indexer === undefined ? {} : { indexer }),
      epochNow: async () => epochAt(parameters, (await conductor.head()).timestamp),
      advanceTo: (epoch) => conductor.advanceTime(epochStart(parameters, epoch)),
      stop,
    };
  } catch (error) {
    logger.error({ error }, "the network did not start");
    await stop();
    signal?.throwIfAborted();
    throw error;
  }
}
