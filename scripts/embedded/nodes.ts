import { createPublicClient, http } from "viem";
import { startKeeper } from "../../keeper/keeper.ts";
import { keeperSettings } from "../../keeper/settings.ts";
import { type BlockSource, createBlockSource } from "../../protocol/chain/blockSource.ts";
import { type Deployment, findGroup, readDeployment } from "../../protocol/chain/deployment.ts";
import { MemoError } from "../../protocol/errors.ts";
import { createFieldPool } from "../../protocol/kzg/fieldPool.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../protocol/kzg/points.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { createLogger } from "../../protocol/runtime/logger.ts";
import { loadSettings } from "../../protocol/runtime/settings.ts";
import { startProvider } from "../../provider/provider.ts";
import { providerSettings } from "../../provider/settings.ts";
import { embeddedAccount, embeddedKey } from "./accounts.ts";
import { serveChannel } from "./channel.ts";
import { type RunningNode, settleDuties } from "./duties.ts";
import { holdBack, type KeeperFaults, type ProviderFaults } from "./faults.ts";
import { type NodeSpec, type NodeStatus, type NodesStart, nodeDataDir } from "./nodesApi.ts";

/* All providers and keepers in one process, each through the entry point that its daemon has. */

const POLL_MS = 25;
const VERSION = "embedded";

interface Daemon extends RunningNode {
  id: number;
  status(): { readonly url: string };
  stop(): Promise<void>;
}

type Role = "provider" | "keeper";

const logger = createLogger({ name: "nodes" });
// Loading blocks this thread for two seconds: at once, while the chain is still starting.
const shared = { kzg: createKzg(), points: await loadPoints(), fieldPool: createFieldPool() };
const running = new Map<string, Daemon>();
let network: (NodesStart & { deployment: Deployment; source: BlockSource }) | undefined;

function started() {
  if (network === undefined) throw new MemoError("NODES_NOT_STARTED", "The nodes have not been started yet.");
  return network;
}

function specOf(role: Role, id: number): NodeSpec {
  const { providers, keepers } = started();
  const spec = (role === "provider" ? providers : keepers).find((each) => each.id === id);
  if (spec === undefined) throw new MemoError("NODE_UNKNOWN", `There is no ${role} ${id} in this network.`);
  return spec;
}

/** What every daemon of this process has in common. */
function flagsOf(name: string, spec: NodeSpec) {
  const { dataDir, deploymentPath, rpcUrl } = started();
  return {
    dataDir: nodeDataDir(dataDir, name),
    deployment: deploymentPath,
    rpcUrl,
    pollMs: POLL_MS,
    listen: `/ip4/127.0.0.1/tcp/${spec.listenPort}`,
    httpPort: 0,
  };
}

function commonOf(role: Role, id: number) {
  const { deployment } = started();
  return {
    account: embeddedAccount(`${role} operator`, id),
    deployment,
    clock: systemClock,
    logger: logger.child({ node: `${role} ${id}` }),
    ...shared,
  };
}

async function launchProvider(id: number, { lateIn, heal = true }: ProviderFaults): Promise<Daemon> {
  const name = `provider ${id}`;
  const peerSeed = embeddedKey("provider peer", id);
  const flags = { ...flagsOf(name, specOf("provider", id)), peerSeed, heal };
  const daemon = await startProvider({
    ...commonOf("provider", id),
    settings: loadSettings({ definitions: providerSettings, flags }).values,
    version: VERSION,
    source: started().source,
    ...(lateIn === undefined ? {} : { beforeProof: holdBack(lateIn, () => daemon.status().epoch) }),
  });
  return asNode(id, name, daemon);
}

async function launchKeeper(id: number, { deafTo }: KeeperFaults): Promise<Daemon> {
  const name = `keeper ${id}`;
  const daemon = await startKeeper({
    ...commonOf("keeper", id),
    settings: loadSettings({ definitions: keeperSettings, flags: flagsOf(name, specOf("keeper", id)) })
      .values,
    peerSeed: embeddedKey("keeper peer", id),
    blockSource: started().source,
    ...(deafTo === undefined ? {} : { deafTo }),
  });
  return asNode(id, name, daemon);
}

function asNode(id: number, name: string, daemon: Omit<Daemon, "id" | "name">): Daemon {
  return {
    id,
    name,
    status: () => daemon.status(),
    pending: () => daemon.pending(),
    headProcessed: () => daemon.headProcessed(),
    stop: () => daemon.stop(),
  };
}

function describe(daemon: Daemon): NodeStatus {
  const status = daemon.status();
  return { id: daemon.id, name: daemon.name, url: status.url, status };
}

async function startOne(
  role: Role,
  id: number,
  faults: ProviderFaults & KeeperFaults = {},
): Promise<NodeStatus> {
  const name = `${role} ${id}`;
  if (running.has(name)) throw new MemoError("NODE_RUNNING", `${name} runs already.`);
  const daemon = await (role === "provider" ? launchProvider(id, faults) : launchKeeper(id, faults));
  running.set(name, daemon);
  return describe(daemon);
}

async function stopOne(role: Role, id: number): Promise<void> {
  const name = `${role} ${id}`;
  const daemon = running.get(name);
  if (daemon === undefined) throw new MemoError("NODE_NOT_RUNNING", `${name} does not run.`);
  running.delete(name);
  await daemon.stop();
}

async function startAll(options: NodesStart): Promise<NodeStatus[]> {
  const deployment = await readDeployment(options.deploymentPath);
  const source = createBlockSource({
    client: createPublicClient({ transport: http(options.rpcUrl), cacheTime: 0 }),
    confirmations: findGroup(deployment).parameters.confirmations,
    pollMs: POLL_MS,
    logger,
  });
  network = { ...options, deployment, source };
  return Promise.all([
    ...options.providers.map(({ id }) => startOne("provider", id)),
    ...options.keepers.map(({ id }) => startOne("keeper", id)),
  ]);
}

async function stopAll(): Promise<void> {
  const daemons = [...running.values()];
  running.clear();
  await Promise.allSettled(daemons.map((daemon) => daemon.stop()));
  network?.source.close();
  await shared.fieldPool.close();
  // The answer has to leave before the process does.
  setImmediate(() => process.exit(0));
}

serveChannel(
  {
    start: startAll,
    startProvider: ({ id, ...faults }: { id: number } & ProviderFaults) => startOne("provider", id, faults),
    stopProvider: ({ id }: { id: number }) => stopOne("provider", id),
    startKeeper: ({ id, ...faults }: { id: number } & KeeperFaults) => startOne("keeper", id, faults),
    stopKeeper: ({ id }: { id: number }) => stopOne("keeper", id),
    status: () => [...running.values()].map(describe),
    settle: ({ block, capMs }: { block: bigint; capMs: number }) =>
      settleDuties(() => running.values(), block, started().confirmations, capMs),
    stop: stopAll,
  },
  // Nobody is left to be told: what is not durable by now is what a crash would lose too.
  () => process.exit(0),
);
