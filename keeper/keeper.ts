import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createPublicClient, createWalletClient, type Hex, http, type LocalAccount } from "viem";
import { quorumOf } from "../protocol/certificate.ts";
import type { BlockSource } from "../protocol/chain/blockSource.ts";
import { type Deployment, findGroup } from "../protocol/chain/deployment.ts";
import { openGroupFollower } from "../protocol/chain/groupFollower.ts";
import { createTransactor } from "../protocol/chain/transactor.ts";
import type { Kzg } from "../protocol/kzg/kzg.ts";
import type { Points } from "../protocol/kzg/points.ts";
import { type Clock, systemClock } from "../protocol/runtime/clock.ts";
import { daemonReadiness, type RunningDaemon, superviseDaemon } from "../protocol/runtime/daemonLife.ts";
import { createDaemonServer } from "../protocol/runtime/daemonServer.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import { createMetrics } from "../protocol/runtime/metrics.ts";
import { loadPeerSeed } from "../protocol/runtime/peerSeed.ts";
import { followChain } from "./chainLoop.ts";
import { createChainView } from "./chainView.ts";
import { createOpeningsCache } from "./challenge/openings.ts";
import { createOpeningsPuller } from "./challenge/pull.ts";
import { openJournal } from "./consensus/journal.ts";
import { createEdge, type DeafTo } from "./edge.ts";
import { mountGraphql } from "./graphql.ts";
import { repairResolvers } from "./graphqlRepairs.ts";
import { createKeeperParts } from "./keeperParts.ts";
import { createKeeperProgress, type KeeperStatus } from "./keeperStatus.ts";
import { createKeeperMetrics } from "./metrics.ts";
import { startKeeperNetwork } from "./network.ts";
import { createKeeperHandlers } from "./rpc.ts";
import type { KeeperSettings } from "./settings.ts";
import { openKeeperStore } from "./store.ts";

export type KeeperOptions = {
  settings: KeeperSettings;
  /** Signs votes and transactions; registered as the keeper's operator. */
  account: LocalAccount;
  /** Instead of the one in the settings or the data directory. */
  peerSeed?: Hex;
  deployment: Deployment;
  /** Heavy, so all nodes of a process share it. */
  points: Points;
  /** Compares reported shards with their commitments; heavy too, and without it they are only read. */
  kzg?: Kzg;
  clock?: Clock;
  logger: Logger;
  version?: string;
  /** Where final blocks come from, when several nodes of a process share one; else a source of its own. */
  blockSource?: BlockSource;
  /** Members and providers that it ignores: bribed keepers, to show what they can do and what they cannot. */
  deafTo?: DeafTo;
};

export type RunningKeeper = RunningDaemon<KeeperStatus>;

const FAILURE = "the keeper cannot go on";

/**
 * Starts a keeper: follows the chain, collects and verifies proofs, votes, and brings certificates on chain.
 * What it voted on before a crash it resumes from its journal.
 * @throws what opening journal and store, listening and reading settings throw; nothing is left running then
 */
export async function startKeeper(options: KeeperOptions): Promise<RunningKeeper> {
  await using cleanup = new AsyncDisposableStack();
  const { settings, account, deployment, logger, clock = systemClock, version = "unknown" } = options;
  const { chainId } = deployment;
  const group = findGroup(deployment, settings.group);
  const { settlement } = group;
  const operator = account.address;
  const stopping = new AbortController();
  const { signal } = stopping;
  await mkdir(settings.dataDir, { recursive: true });
  const file = (name: string) => join(settings.dataDir, name);

  const journal = openJournal(file("journal.sqlite"), { operator, chainId, group: settlement });
  cleanup.defer(() => journal.close());
  const store = openKeeperStore(file("keeper.sqlite"));
  cleanup.defer(() => store.close());

  const publicClient = createPublicClient({ transport: http(settings.rpcUrl) });
  const { source, follower } = openGroupFollower({
    client: publicClient,
    chainId,
    group,
    source: options.blockSource,
    pollMs: settings.pollMs,
    store: file("blocks.sqlite"),
    parts: cleanup,
    logger,
  });
  const view = createChainView({ chainId, group, operator });

  const registry = createMetrics({ prefix: "keeper", build: { version } });
  const metrics = createKeeperMetrics({
    metrics: registry,
    state: view.state,
    lag: () => follower.status().lag,
    pending: () => progress.pending(),
    epoch: view.epoch,
    pointsCached: () => openings.size(),
    clocks: () => epochs.repairs()?.history.clocks.size ?? 0,
    equivocations: () => journal.equivocations().length,
  });
  const edge = createEdge({
    deafTo: options.deafTo,
    domain: { chainId, group: settlement },
    state: view.state,
  });
  const network = await startKeeperNetwork({
    seed: options.peerSeed ?? (await loadPeerSeed(settings)),
    listen: settings.listen,
    ...(settings.announce === undefined ? {} : { announce: settings.announce }),
    chainId,
    group: settlement,
    onProof: (message) => inbox.submitProof(message),
    onVote: (bytes) => inbox.receive(bytes),
    logger,
    metrics: registry,
  });
  cleanup.defer(() => network.stop());
  const transactor = cleanup.adopt(
    createTransactor({
      walletClient: createWalletClient({ account, transport: http(settings.rpcUrl) }),
      publicClient,
      pollMs: settings.pollMs,
      logger,
      metrics: registry,
    }),
    (own) => own.close(),
  );

  const puller = createOpeningsPuller({
    state: view.state,
    providers: network.providers,
    keepers: network.keepers,
    peers: view.otherKeepers,
    signal,
  });
  const openings = createOpeningsCache({
    sources: puller.sources,
    onPulled: (bytes) => metrics.openingsBytes.inc(bytes),
  });

  const failure = Promise.withResolvers<never>();
  const { records, submitter, epochs, reports } = createKeeperParts({
    ...{ settings, account, chainId, group, journal, store, publicClient, transactor, view, network },
    ...{ openings, edge, metrics, clock, signal, logger },
    points: options.points,
    kzg: options.kzg,
    onFailure: failure.reject,
  });
  cleanup.defer(() => submitter.settled());
  cleanup.defer(() => epochs.stop());
  const inbox = edge.guard(epochs);
  const progress = createKeeperProgress({ operator, version, view, network, follower, epochs, submitter });
  await network.serve(
    createKeeperHandlers({
      ...{ inbox, epochs, store, records, reports, puller },
      state: view.state,
      isKeeperPeer: view.isKeeperPeer,
      status: progress.brief,
    }),
  );

  let url = "";
  let failed = false;
  const status = () => progress.status(url);
  const server = createDaemonServer({
    host: settings.httpHost,
    port: settings.httpPort,
    metrics: registry,
    status,
    logger,
    routes: (app) =>
      mountGraphql(app, {
        keeper: progress.identity,
        ...{ epochs, store, quorumOf },
        repairs: repairResolvers({ state: view.state, epochs, reports, journal, store }),
      }),
    ready: () =>
      daemonReadiness({
        ...(failed ? { failure: FAILURE } : {}),
        caughtUp: progress.isCaughtUp(),
        registered: view.self() !== undefined || view.operatorReplaced(),
        operatorReplaced: view.operatorReplaced(),
      }),
  });
  ({ url } = await server.start());
  cleanup.defer(() => server.stop());

  const work = followChain({
    follower,
    source,
    view,
    epochs,
    submitter,
    connect: network.connect,
    signal,
    onProcessed: progress.processed,
  });
  const life = superviseDaemon({
    name: "keeper",
    work: Promise.race([work, failure.promise]),
    stopping,
    parts: cleanup,
    failure: FAILURE,
    onFailed() {
      failed = true;
      epochs.stop();
    },
    onStop: () => transactor.close(),
    logger,
  });
  return {
    ...life,
    status,
    pending: progress.pending,
    headProcessed: () => BigInt(progress.head()),
  };
}
