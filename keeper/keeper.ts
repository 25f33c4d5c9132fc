import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type Address,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type LocalAccount,
} from "viem";
import { EXCEPTION_KIND, quorumOf } from "../protocol/certificate.ts";
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
import { createEquivocationWatch } from "./consensus/equivocation.ts";
import { openJournal } from "./consensus/journal.ts";
import { createEdge, type DeafTo } from "./edge.ts";
import type { RunningEpoch } from "./epochEntries.ts";
import { createEpochRecords } from "./epochRecords.ts";
import { createEpochSources } from "./epochSources.ts";
import { createEpochs } from "./epochs.ts";
import { mountGraphql } from "./graphql.ts";
import { repairResolvers } from "./graphqlRepairs.ts";
import { createKeeperMetrics } from "./metrics.ts";
import { startKeeperNetwork } from "./network.ts";
import { createPeers } from "./peers.ts";
import { createReports } from "./reports.ts";
import { createKeeperHandlers } from "./rpc.ts";
import type { KeeperSettings } from "./settings.ts";
import { type EpochRecord, openKeeperStore } from "./store.ts";
import { placeIn } from "./submit/place.ts";
import { createSubmitter } from "./submit/submitter.ts";

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

export type KeeperStatus = {
  /** 0 while the operator is not registered. */
  readonly keeperId: number;
  readonly operator: Address;
  readonly peerId: string;
  /** Multiaddr with peer id, as it belongs on chain. */
  readonly endpoint: string;
  readonly url: string;
  readonly epoch: number;
  readonly finalBlock: number;
  readonly lag: number;
  readonly lastCertified: number;
  /** Duties that need no new block to end. */
  readonly pending: number;
  /** Epochs that are challenged or voted on, with the round of the vote (−1 before the cut-off). */
  readonly rounds: readonly { epoch: number; round: number; phase: string }[];
};

export type RunningKeeper = RunningDaemon<KeeperStatus>;

/** Longest time that one look at a reported shard may take. */
const LOOK_MS = 20_000;
const KIND_NAMES = new Map<number, string>(
  Object.entries(EXCEPTION_KIND).map(([name, kind]) => [kind, name]),
);
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
    pending: () => pending(),
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

  const peers = createPeers({
    state: view.state,
    operator,
    client: network.keepers,
    gossip: network.gossip,
    votesTopic: network.votesTopic,
    signal,
    logger,
    onFailure: () => metrics.undelivered.inc(),
  });
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

  const submitter = createSubmitter({
    publicClient,
    transactor,
    group,
    operator,
    state: view.state,
    exceptionsOf: (epoch) => records.exceptionsOf(epoch),
    journal,
    placeOf: (epoch) => placeIn(view.state(), epoch, operator),
    standbyBlocks: settings.standbyBlocks,
    onSubmitted(what, gas) {
      metrics.submissions.inc({ what });
      metrics.gas.inc({ what }, Number(gas));
    },
    signal,
    logger,
  });
  cleanup.defer(() => submitter.settled());

  const onDecided = (record: EpochRecord, running: RunningEpoch) => {
    const { certificate, exceptions } = record;
    metrics.decided.inc({ round: certificate.round === 0 ? "first" : "later" });
    for (const { kind } of exceptions) metrics.exceptions.inc({ kind: KIND_NAMES.get(kind)! });
    submitter.decided(record, running.challenge.seed, running.self, running.roster.operators.length);
  };

  const sources = createEpochSources({
    chainId,
    group: settlement,
    account,
    points: options.points,
    ...{ openings, store, view, network, peers, edge, metrics, signal, logger },
  });
  const records = createEpochRecords({ state: view.state, store, sources });
  const watch = createEquivocationWatch((equivocation) => {
    journal.keepEquivocation(equivocation);
    metrics.equivocations.inc();
    const { member, certificate } = equivocation.first;
    logger.warn({ member, epoch: certificate.epoch, round: certificate.round }, "a keeper signed twice");
  });
  const failure = Promise.withResolvers<never>();
  const epochs = createEpochs({
    chainId,
    group: settlement,
    operator,
    timing: {
      roundMs: settings.roundMs,
      collectMs: settings.collectMs,
      demandMs: Math.floor(settings.collectMs / 2),
    },
    state: view.state,
    ...{ store, records, journal, watch, peers, sources, onDecided, clock, logger },
    onFailure: failure.reject,
  });
  cleanup.defer(() => epochs.stop());
  const inbox = edge.guard(epochs);
  const reports = createReports({
    state: view.state,
    read: async (endpoint, shard, capability) => {
      const request = { ...shard, capability };
      return (await network.bulk.call(endpoint, "getShard", request, { signal, timeoutMs: LOOK_MS })).bytes;
    },
    pointOf: openings.pointOf,
    points: options.points,
    ...(options.kzg === undefined ? {} : { kzg: options.kzg }),
    clock,
    onReport: (outcome) => metrics.reports.inc({ outcome }),
  });

  const views = () =>
    epochs.views().map(({ epoch, instance }) => ({
      epoch,
      round: instance?.round ?? -1,
      phase: instance?.phase ?? "challenging",
    }));
  let processed = -1;
  let caughtUp = false;
  const pending = () => epochs.pending() + submitter.preparing();
  const identity = () => ({
    id: view.self()?.id ?? 0,
    operator,
    peerId: network.host.peerId,
    epoch: view.epoch(),
    finalBlock: processed,
    lastCertified: view.state().lastCertified,
  });
  await network.serve(
    createKeeperHandlers({
      inbox,
      epochs,
      store,
      records,
      reports,
      puller,
      state: view.state,
      isKeeperPeer: view.isKeeperPeer,
      status: () => ({
        keeperId: view.self()?.id ?? 0,
        epoch: Math.max(0, view.epoch()),
        head: Math.max(0, processed),
        round: views().at(-1)?.round ?? -1,
        version,
      }),
    }),
  );

  let url = "";
  let failed = false;
  const status = (): KeeperStatus => ({
    keeperId: view.self()?.id ?? 0,
    operator,
    peerId: network.host.peerId,
    endpoint: network.host.endpoints()[0] ?? "",
    url,
    epoch: view.epoch(),
    finalBlock: processed,
    lag: follower.status().lag,
    lastCertified: view.state().lastCertified,
    pending: pending(),
    rounds: views(),
  });
  const server = createDaemonServer({
    host: settings.httpHost,
    port: settings.httpPort,
    metrics: registry,
    status,
    logger,
    routes: (app) =>
      mountGraphql(app, {
        keeper: identity,
        ...{ epochs, store, quorumOf },
        repairs: repairResolvers({ state: view.state, epochs, reports, journal }),
      }),
    ready: () =>
      daemonReadiness({
        ...(failed ? { failure: FAILURE } : {}),
        caughtUp,
        registered: view.self() !== undefined,
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
    onProcessed(block, live) {
      processed = block;
      caughtUp ||= live;
    },
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
    pending,
    headProcessed: () => BigInt(processed),
  };
}
