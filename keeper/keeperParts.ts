import type { LocalAccount, PublicClient } from "viem";
import { EXCEPTION_KIND } from "../protocol/certificate.ts";
import type { DeployedGroup } from "../protocol/chain/deployment.ts";
import type { Transactor } from "../protocol/chain/transactor.ts";
import type { Kzg } from "../protocol/kzg/kzg.ts";
import type { Points } from "../protocol/kzg/points.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { ChainView } from "./chainView.ts";
import type { OpeningsCache } from "./challenge/openings.ts";
import { createEquivocationWatch } from "./consensus/equivocation.ts";
import type { Journal } from "./consensus/journal.ts";
import type { Edge } from "./edge.ts";
import type { RunningEpoch } from "./epochEntries.ts";
import { createEpochRecords, type EpochRecords } from "./epochRecords.ts";
import { createEpochSources } from "./epochSources.ts";
import { createEpochs, type Epochs } from "./epochs.ts";
import type { KeeperMetrics } from "./metrics.ts";
import type { KeeperNetwork } from "./network.ts";
import { createPeers } from "./peers.ts";
import { createReports, type Reports } from "./reports.ts";
import type { KeeperSettings } from "./settings.ts";
import type { EpochRecord, KeeperStore } from "./store.ts";
import { placeIn } from "./submit/place.ts";
import { createSubmitter, type Submitter } from "./submit/submitter.ts";

/** Longest time that one look at a reported shard may take. */
const LOOK_MS = 20_000;
const KIND_NAMES = new Map<number, string>(
  Object.entries(EXCEPTION_KIND).map(([name, kind]) => [kind, name]),
);

/** What votes, submits and remembers. */
export type KeeperParts = {
  readonly records: EpochRecords;
  readonly submitter: Submitter;
  readonly epochs: Epochs;
  readonly reports: Reports;
};

/** Wires them together; `onFailure` gets what a keeper cannot go on after. */
export function createKeeperParts(deps: {
  settings: KeeperSettings;
  account: LocalAccount;
  chainId: number;
  group: DeployedGroup;
  points: Points;
  kzg: Kzg | undefined;
  journal: Journal;
  store: KeeperStore;
  publicClient: PublicClient;
  transactor: Transactor;
  view: ChainView;
  network: KeeperNetwork;
  openings: OpeningsCache;
  edge: Edge;
  metrics: KeeperMetrics;
  onFailure: (error: unknown) => void;
  clock: Clock;
  signal: AbortSignal;
  logger: Logger;
}): KeeperParts {
  const { settings, account, chainId, group, points, journal, store, view, network, openings } = deps;
  const { metrics, clock, signal, logger } = deps;
  const { settlement } = group;
  const operator = account.address;
  const { state } = view;

  const peers = createPeers({
    ...{ state, operator, signal, logger },
    client: network.keepers,
    gossip: network.gossip,
    votesTopic: network.votesTopic,
    onFailure: () => metrics.undelivered.inc(),
  });
  const sources = createEpochSources({ ...deps, group: settlement, peers });
  const records = createEpochRecords({ state, store, sources });
  const watch = createEquivocationWatch((equivocation) => {
    journal.keepEquivocation(equivocation);
    metrics.equivocations.inc();
    const { member, certificate } = equivocation.first;
    logger.warn({ member, epoch: certificate.epoch, round: certificate.round }, "a keeper signed twice");
  });
  const submitter = createSubmitter({
    publicClient: deps.publicClient,
    transactor: deps.transactor,
    ...{ group, operator, state, journal, signal, logger },
    exceptionsOf: records.exceptionsOf,
    placeOf: (epoch) => placeIn(state(), epoch, operator),
    standbyBlocks: settings.standbyBlocks,
    onSubmitted(what, gas) {
      metrics.submissions.inc({ what });
      metrics.gas.inc({ what }, Number(gas));
    },
  });

  const onDecided = (record: EpochRecord, running: RunningEpoch) => {
    const { certificate, exceptions } = record;
    metrics.decided.inc({ round: certificate.round === 0 ? "first" : "later" });
    for (const { kind } of exceptions) metrics.exceptions.inc({ kind: KIND_NAMES.get(kind)! });
    submitter.decided(record, running.challenge.seed, running.self, running.roster.operators.length);
  };
  const epochs = createEpochs({
    ...{ chainId, operator, state, store, records, journal, watch, peers, sources, onDecided, clock, logger },
    group: settlement,
    timing: {
      roundMs: settings.roundMs,
      collectMs: settings.collectMs,
      demandMs: Math.floor(settings.collectMs / 2),
    },
    onFailure: deps.onFailure,
  });
  const reports = createReports({
    ...{ state, points, clock },
    read: async (endpoint, shard, capability) => {
      const request = { ...shard, capability };
      return (await network.bulk.call(endpoint, "getShard", request, { signal, timeoutMs: LOOK_MS })).bytes;
    },
    pointOf: openings.pointOf,
    ...(deps.kzg === undefined ? {} : { kzg: deps.kzg }),
    onReport: (outcome) => metrics.reports.inc({ outcome }),
  });
  return { records, submitter, epochs, reports };
}
