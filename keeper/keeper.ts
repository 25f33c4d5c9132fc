import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type Address,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  isAddressEqual,
  type LocalAccount,
} from "viem";
import { quorumOf } from "../protocol/certificate.ts";
import { type BlockSource, createBlockSource } from "../protocol/chain/blockSource.ts";
import { type Deployment, findGroup } from "../protocol/chain/deployment.ts";
import { epochAt } from "../protocol/chain/epochs.ts";
import { createChainFollower } from "../protocol/chain/follower.ts";
import { groupContracts } from "../protocol/chain/groupContracts.ts";
import { applyBlock, createGroupState } from "../protocol/chain/groupState.ts";
import {
  type CertificateInfo,
  type GroupState,
  type Roster,
  rosterOf,
} from "../protocol/chain/groupTypes.ts";
import { createTransactor } from "../protocol/chain/transactor.ts";
import type { Points } from "../protocol/kzg/points.ts";
import { type Clock, systemClock } from "../protocol/runtime/clock.ts";
import { createDaemonServer } from "../protocol/runtime/daemonServer.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import { createMetrics } from "../protocol/runtime/metrics.ts";
import { loadPeerSeed } from "../protocol/runtime/peerSeed.ts";
import { createCollector } from "./challenge/collector.ts";
import { createEpochProofs } from "./challenge/epochProofs.ts";
import { createOpeningsCache } from "./challenge/openings.ts";
import { createOpeningsPuller } from "./challenge/pull.ts";
import type { VoteSigner } from "./consensus/driver.ts";
import { openJournal } from "./consensus/journal.ts";
import { createVoteSigner } from "./consensus/voteSigner.ts";
import { createEpochs, type RunningEpoch } from "./epochs.ts";
import { mountGraphql } from "./graphql.ts";
import { createKeeperMetrics } from "./metrics.ts";
import { startKeeperNetwork } from "./network.ts";
import { createPeers } from "./peers.ts";
import { fetchResults } from "./results.ts";
import { createKeeperHandlers } from "./rpc.ts";
import type { KeeperSettings } from "./settings.ts";
import { type EpochRecord, openKeeperStore } from "./store.ts";
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
  clock?: Clock;
  logger: Logger;
  version?: string;
  /** Where final blocks come from, when several nodes of a process share one; else a source of its own. */
  blockSource?: BlockSource;
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

export type RunningKeeper = {
  status(): KeeperStatus;
  /** Duties that need no new block to end. */
  pending(): number;
  /** Newest final block of which everything has been taken in, −1 before the first. */
  headProcessed(): bigint;
  /** Resolves when the keeper is stopped; rejects when it cannot go on. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
};

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
  const source =
    options.blockSource ??
    cleanup.adopt(
      createBlockSource({
        client: publicClient,
        confirmations: group.parameters.confirmations,
        pollMs: settings.pollMs,
        logger,
      }),
      (own) => own.close(),
    );
  const follower = cleanup.adopt(
    createChainFollower({
      source,
      chainId,
      contracts: groupContracts(group),
      startBlock: group.startBlock,
      store: file("blocks.sqlite"),
      logger,
    }),
    (own) => own.close(),
  );
  let state: GroupState = createGroupState({ chainId, group });
  const readState = () => state;
  const self = () => [...state.keepers.values()].find((keeper) => isAddressEqual(keeper.operator, operator));
  const epochNow = () => (state.head === undefined ? -1 : epochAt(state.parameters, state.head.timestamp));

  const registry = createMetrics({ prefix: "keeper", build: { version } });
  const metrics = createKeeperMetrics({
    metrics: registry,
    state: readState,
    lag: () => follower.status().lag,
    pending: () => pending(),
    epoch: epochNow,
    pointsCached: () => openings.size(),
  });
  const network = await startKeeperNetwork({
    seed: options.peerSeed ?? (await loadPeerSeed(settings)),
    listen: settings.listen,
    ...(settings.announce === undefined ? {} : { announce: settings.announce }),
    chainId,
    group: settlement,
    onProof: (message) => epochs.submitProof(message),
    onVote: (bytes) => epochs.receive(bytes),
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
    state: readState,
    operator,
    client: network.keepers,
    gossip: network.gossip,
    votesTopic: network.votesTopic,
    signal,
    logger,
    onFailure: () => metrics.undelivered.inc(),
  });
  const otherKeepers = () =>
    [...state.keepers.values()]
      .filter((keeper) => !isAddressEqual(keeper.operator, operator))
      .map(({ endpoint }) => endpoint);
  const puller = createOpeningsPuller({
    state: readState,
    providers: network.providers,
    keepers: network.keepers,
    peers: otherKeepers,
    signal,
  });
  const openings = createOpeningsCache({
    sources: puller.sources,
    onPulled: (bytes) => metrics.openingsBytes.inc(bytes),
  });

  const signers = new Map<string, VoteSigner>();
  const signerOf = (roster: Roster): VoteSigner => {
    const key = roster.operators.join();
    const signer =
      signers.get(key) ??
      createVoteSigner({ domain: { chainId, group: settlement }, account, roster: roster.operators });
    return signers.set(key, signer).get(key)!;
  };

  const submitter = createSubmitter({
    publicClient,
    transactor,
    settlement,
    operator,
    state: readState,
    resultsOf(epoch) {
      const record = store.record(epoch);
      return record?.certificate.resultsRoot === state.certificates.get(epoch)?.resultsRoot
        ? record?.results
        : undefined;
    },
    placeOf(epoch) {
      const certificate = state.certificates.get(epoch);
      const seed = state.seeds.get(epoch)?.seed;
      const roster = certificate === undefined ? undefined : rosterOf(state, certificate.term);
      const place = roster?.operators.findIndex((address) => isAddressEqual(address, operator)) ?? -1;
      if (seed === undefined || roster === undefined || place === -1) return undefined;
      return { seed, self: place, members: roster.operators.length };
    },
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
    const { certificate } = record;
    metrics.decided.inc({ round: certificate.round === 0 ? "first" : "later" });
    metrics.missed.inc(certificate.exceptions);
    submitter.decided(record, running.challenge.seed, running.self, running.roster.operators.length);
  };

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
    state: readState,
    store,
    journal,
    peers,
    signerOf,
    openEpoch(challenge, epochSignal) {
      const book = createEpochProofs(challenge, store);
      const collector = createCollector({
        chainId,
        group: settlement,
        challenge,
        book,
        openings,
        points: options.points,
        state: readState,
        events: {
          accepted: () => metrics.proofs.inc({ outcome: "valid" }),
          refused: (_provider, code) => metrics.proofs.inc({ outcome: code }),
          verified: (_proofs, milliseconds) => metrics.verifySeconds.observe(milliseconds / 1_000),
        },
        signal: epochSignal,
        logger,
      });
      return { book, collector };
    },
    fetchResults: (certificate: CertificateInfo) =>
      fetchResults({ certificate, endpoints: otherKeepers(), client: network.keepers, signal }),
    async fetchProofs(roster, member, epoch, providers) {
      const endpoint = peers.endpointOf(roster, member);
      if (endpoint === undefined) return [];
      const { proofs } = await network.keepers.call(
        endpoint,
        "getProofs",
        { epoch, providers: providers.slice(0, 256) },
        { signal, timeoutMs: 5_000 },
      );
      return proofs;
    },
    async askProvider(provider, epoch) {
      const endpoint = state.providers.get(provider)?.endpoint ?? "";
      const answer = await network.providers.call(
        endpoint,
        "getProof",
        { epoch },
        { signal, timeoutMs: 5_000 },
      );
      return answer.proof;
    },
    onDecided,
    onFailure: failure.reject,
    clock,
    logger,
  });
  cleanup.defer(() => epochs.stop());

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
    id: self()?.id ?? 0,
    operator,
    peerId: network.host.peerId,
    epoch: epochNow(),
    finalBlock: processed,
    lastCertified: state.lastCertified,
  });
  await network.serve(
    createKeeperHandlers({
      epochs,
      store,
      puller,
      state: readState,
      isKeeperPeer: (peer) =>
        [...state.keepers.values()].some(({ endpoint }) => endpoint.endsWith(`/p2p/${peer}`)),
      status: () => ({
        keeperId: self()?.id ?? 0,
        epoch: Math.max(0, epochNow()),
        head: Math.max(0, processed),
        round: views().at(-1)?.round ?? -1,
        version,
      }),
    }),
  );

  let url = "";
  let failed = false;
  const status = (): KeeperStatus => ({
    keeperId: self()?.id ?? 0,
    operator,
    peerId: network.host.peerId,
    endpoint: network.host.endpoints()[0] ?? "",
    url,
    epoch: epochNow(),
    finalBlock: processed,
    lag: follower.status().lag,
    lastCertified: state.lastCertified,
    pending: pending(),
    rounds: views(),
  });
  const server = createDaemonServer({
    host: settings.httpHost,
    port: settings.httpPort,
    metrics: registry,
    status,
    logger,
    routes: (app) => mountGraphql(app, { keeper: identity, epochs, store, quorumOf }),
    ready() {
      const reasons = [
        ...(failed ? ["the keeper cannot go on; see the log"] : []),
        ...(caughtUp ? [] : ["the chain has not been read up to its newest final block"]),
        ...(self() === undefined ? ["the operator is not registered in the group"] : []),
      ];
      return { ready: reasons.length === 0, reasons };
    },
  });
  ({ url } = await server.start());
  cleanup.defer(() => server.stop());

  const follow = async () => {
    for await (const block of follower.blocks(signal)) {
      const applied = applyBlock(state, block);
      state = applied.state;
      // While old blocks are replayed nothing is done about them.
      const live = block.number >= source.status().final;
      epochs.apply(applied.milestones, live);
      if (live) {
        network.connect(otherKeepers());
        submitter.tick(block.number);
      }
      processed = block.number;
      caughtUp ||= live;
    }
  };
  const ended = Promise.race([follow(), failure.promise]).catch((error: unknown) => {
    if (signal.aborted) return;
    failed = true;
    epochs.stop();
    logger.fatal({ error }, "the keeper cannot go on");
    throw error;
  });
  ended.catch(() => undefined);
  cleanup.defer(async () => {
    stopping.abort(new DOMException("the keeper stops", "AbortError"));
    transactor.close();
    await ended.catch(() => undefined);
  });

  const life = cleanup.move();
  let stopped: Promise<void> | undefined;
  return {
    status,
    ended,
    pending,
    headProcessed: () => BigInt(processed),
    stop() {
      stopped ??= life.disposeAsync();
      return stopped;
    },
  };
}
