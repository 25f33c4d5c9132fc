import { join } from "node:path";
import { createPublicClient, createWalletClient, http, type LocalAccount } from "viem";
import type { BlockSource } from "../protocol/chain/blockSource.ts";
import { type Deployment, findGroup } from "../protocol/chain/deployment.ts";
import { openGroupFollower } from "../protocol/chain/groupFollower.ts";
import type { FieldPool } from "../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../protocol/kzg/kzg.ts";
import type { Points } from "../protocol/kzg/points.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import { daemonReadiness, type RunningDaemon, superviseDaemon } from "../protocol/runtime/daemonLife.ts";
import { createDaemonServer } from "../protocol/runtime/daemonServer.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import { createMetrics } from "../protocol/runtime/metrics.ts";
import { loadPeerSeed } from "../protocol/runtime/peerSeed.ts";
import type { ProofMessage } from "../protocol/wire/proofMessage.ts";
import { createChainDuties } from "./chainDuties.ts";
import { followChain } from "./chainLoop.ts";
import { createChainView } from "./chainView.ts";
import { createProviderMetrics } from "./metrics.ts";
import { startNetwork } from "./network.ts";
import { createOrderTrees } from "./prove/orderTrees.ts";
import { createShardReader } from "./read/shardReader.ts";
import { createService } from "./service.ts";
import type { ProviderSettings } from "./settings.ts";
import { openProviderStore } from "./store/store.ts";
import { createUpkeep, type UpkeepStatus } from "./upkeep.ts";

export type ProviderOptions = {
  settings: ProviderSettings;
  /** Signs orders and proofs; registered as the provider's operator. */
  account: LocalAccount;
  deployment: Deployment;
  /** These three are heavy, so all nodes of a process share them. */
  kzg: Kzg;
  points: Points;
  fieldPool: FieldPool;
  clock: Clock;
  logger: Logger;
  version: string;
  /** Where final blocks come from, when several nodes of a process share one; else a source of its own. */
  source?: BlockSource;
  /** Waited for before an answer leaves: makes this provider slow in tests of what happens then. */
  beforeProof?: (message: ProofMessage) => Promise<void>;
};

export type ProviderStatus = {
  readonly providerId: number | undefined;
  readonly peerId: string;
  /** Multiaddr with peer id, as it belongs on chain. */
  readonly endpoint: string;
  readonly url: string;
  readonly epoch: number;
  readonly finalBlock: number;
  readonly lag: number;
  /** Slots held in open orders. */
  readonly orders: number;
  /** Whether it asked to leave. */
  readonly exiting: boolean;
  /** First epoch in which it can take slots again after it lost one by its fault; 0 when it can. */
  readonly jailedUntil: number;
  /** Whether the provider has another operator key by now: this one signs nothing more. */
  readonly operatorReplaced: boolean;
  readonly heldBytes: number;
  readonly capacityBytes: number;
  /** Shards that are known to be lost or damaged here. */
  readonly missingShards: number;
  readonly openEpochs: readonly number[];
  /** Works that are under way and need no new block. */
  readonly pending: number;
} & UpkeepStatus;

export type RunningProvider = RunningDaemon<ProviderStatus>;

const FAILURE = "the chain cannot be followed any more";

/**
 * Starts a provider: opens its store and puts it in order, serves users, keepers and repairers, follows the chain,
 * answers every challenge and dispute, and takes repair offers.
 * @throws what opening the store, listening and reading settings throw; nothing is left running then
 */
export async function startProvider(options: ProviderOptions): Promise<RunningProvider> {
  await using cleanup = new AsyncDisposableStack();
  const { settings, account, deployment, logger } = options;
  const group = findGroup(deployment, settings.group);
  const { chainId } = deployment;
  const publicClient = createPublicClient({ transport: http(settings.rpcUrl) });
  const stopping = new AbortController();

  const seed = await loadPeerSeed(settings);
  const store = await openProviderStore({
    directory: settings.dataDir,
    chainId,
    settlement: group.settlement,
    logger,
  });
  cleanup.defer(() => store.close());
  const view = createChainView({ chainId, group, account, publicClient, identity: store });
  const missing = await store.missingShards();
  if (missing.length > 0) logger.error({ shards: missing.length }, "committed shards are missing");

  const { source, follower } = openGroupFollower({
    client: publicClient,
    chainId,
    group,
    source: options.source,
    pollMs: settings.pollMs,
    store: join(settings.dataDir, "blocks.sqlite"),
    parts: cleanup,
    logger,
  });

  const registry = createMetrics({ prefix: "provider", build: { version: options.version } });
  let caughtUp = false;
  const metrics = createProviderMetrics({
    metrics: registry,
    store,
    view,
    capacityBytes: settings.capacity,
    lag: () => follower.status().lag,
    pending: () => pending(),
    missing: () => upkeep.missing(),
  });
  const pending = () => duties.pending() + upkeep.pending();
  const treeOf = createOrderTrees(store);
  const readShard = createShardReader({
    store,
    onUnreadable(uploadId, stripe) {
      metrics.unreadable.inc();
      upkeep.noteUnreadable(uploadId, stripe);
    },
  });

  const network = await startNetwork({
    seed,
    settings,
    view,
    signal: stopping.signal,
    logger,
    metrics: registry,
  });
  cleanup.defer(() => network.stop());

  const duties = createChainDuties({
    answer: {
      store,
      account,
      kzg: options.kzg,
      points: options.points,
      fieldPool: options.fieldPool,
      readShard,
    },
    view,
    logger,
    getResults: network.getResults,
    publish: network.publish,
    submit: network.submit,
    beforeProof: options.beforeProof,
    observe(outcome, seconds) {
      metrics.proofs.inc({ outcome });
      if (outcome !== "failed") metrics.proofSeconds.observe(seconds);
    },
  });
  cleanup.defer(() => duties.stop());

  const service = createService({
    ...options,
    store,
    view,
    metrics,
    readShard,
    treeOf,
    holdsBack: duties.holdsBack,
    caughtUp: () => caughtUp,
    signal: stopping.signal,
  });
  cleanup.defer(() => service.idle());
  const upkeep = createUpkeep({
    ...options,
    store,
    view,
    network,
    walletClient: createWalletClient({ account, transport: http(settings.rpcUrl) }),
    publicClient,
    readShard,
    treeOf,
    freeBytes: service.freeBytes,
    metrics,
    registry,
  });
  cleanup.defer(() => upkeep.stop());
  for (const { uploadId, stripe } of missing) upkeep.noteUnreadable(uploadId, stripe);
  await network.serve(service);

  let url = "";
  let failed = false;
  const status = (): ProviderStatus => ({
    providerId: view.providerId(),
    peerId: network.host.peerId,
    endpoint: network.host.endpoints()[0] ?? "",
    url,
    epoch: view.epoch(),
    finalBlock: view.state().head?.number ?? -1,
    lag: follower.status().lag,
    orders: store.orders.count(),
    heldBytes: store.uploads.bytes(),
    capacityBytes: settings.capacity,
    exiting: view.self()?.exiting ?? false,
    jailedUntil: view.self()?.jailedUntil ?? 0,
    operatorReplaced: view.operatorReplaced(),
    missingShards: upkeep.missing(),
    openEpochs: duties.openEpochs(),
    pending: pending(),
    ...upkeep.status(),
  });
  const server = createDaemonServer({
    host: settings.httpHost,
    port: settings.httpPort,
    metrics: registry,
    status,
    logger,
    ready: () =>
      daemonReadiness({
        ...(failed ? { failure: FAILURE } : {}),
        caughtUp,
        registered: view.self() !== undefined || view.operatorReplaced(),
        operatorReplaced: view.operatorReplaced(),
      }),
  });
  ({ url } = await server.start());
  cleanup.defer(() => server.stop());

  let processed = -1;
  let replaced = false;
  const work = followChain({
    follower,
    source,
    view,
    store,
    duties,
    repairs: upkeep,
    act: upkeep.run,
    signal: stopping.signal,
    logger,
    onProcessed(block, current) {
      processed = block;
      caughtUp ||= current;
      if (view.operatorReplaced() && current && !replaced) {
        logger.error(
          { operator: account.address },
          "the operator key was replaced: this one signs nothing more",
        );
      }
      replaced = view.operatorReplaced();
    },
  });
  const life = superviseDaemon({
    name: "provider",
    work,
    stopping,
    parts: cleanup,
    failure: FAILURE,
    onFailed() {
      failed = true;
    },
    logger,
  });
  return {
    ...life,
    status,
    pending,
    headProcessed: () => BigInt(processed),
  };
}
