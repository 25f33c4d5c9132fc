import type { Account, Chain, Hex, PublicClient, Transport, WalletClient } from "viem";
import type { Kzg } from "../protocol/kzg/kzg.ts";
import type { Points } from "../protocol/kzg/points.ts";
import { createReedSolomon } from "../protocol/object/reedSolomon.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { Metrics } from "../protocol/runtime/metrics.ts";
import { createActs } from "./acts.ts";
import type { ChainView } from "./chainView.ts";
import { createAnswerShard } from "./disputes/answerShard.ts";
import { createDisputes, type DisputeReport } from "./disputes/disputes.ts";
import type { ProviderMetrics } from "./metrics.ts";
import type { ProviderNetwork } from "./network.ts";
import type { OrderTrees } from "./prove/orderTrees.ts";
import type { ShardReader } from "./read/shardReader.ts";
import { createAcceptRepair } from "./repair/accept.ts";
import { createClaims } from "./repair/claims.ts";
import { createHealer } from "./repair/heal.ts";
import type { RepairReport } from "./repair/job.ts";
import { createRepairWorker } from "./repair/worker.ts";
import type { ProviderSettings } from "./settings.ts";
import { offersTo } from "./slots.ts";
import type { ProviderStore } from "./store/store.ts";
import { createTransactions } from "./transactions.ts";

/** What a provider does by itself besides answering challenges: disputes, repairs, healing. */
export type Upkeep = {
  /** Brings the store in line with final state; before it is swept. */
  sync(): Promise<void>;
  /** Starts whatever is due; once for every current block. */
  run(): void;
  /** Works that need no new block to end. */
  pending(): number;
  /** A shard could not be read. */
  noteUnreadable(uploadId: Hex, stripe: number): void;
  /** Shards that are known to be unreadable. */
  missing(): number;
  status(): UpkeepStatus;
  stop(): Promise<void>;
};

export type UpkeepStatus = {
  /** Offers that can be accepted now. */
  readonly offers: number;
  readonly repairs: readonly RepairReport[];
  readonly disputes: readonly DisputeReport[];
};

export function createUpkeep(deps: {
  settings: Pick<ProviderSettings, "repairs" | "heal" | "pollMs">;
  store: ProviderStore;
  view: ChainView;
  network: Pick<ProviderNetwork, "getShard" | "getCommitments">;
  /** Signs with the operator's key. */
  walletClient: WalletClient<Transport, Chain | undefined, Account>;
  publicClient: PublicClient;
  kzg: Kzg;
  points: Points;
  clock: Clock;
  readShard: ShardReader;
  treeOf: OrderTrees;
  freeBytes(): Promise<number>;
  metrics: ProviderMetrics;
  registry: Metrics;
  logger: Logger;
}): Upkeep {
  const { settings, store, view, network, kzg, points, metrics, logger } = deps;
  const { walletClient, publicClient } = deps;
  const transactions = createTransactions({
    walletClient,
    publicClient,
    pollMs: settings.pollMs,
    logger,
    metrics: deps.registry,
  });
  const acts = createActs({ head: () => view.state().head?.number ?? -1, logger });
  const rebuild = {
    getShard: network.getShard,
    commit: (shard: Uint8Array) => kzg.commit(shard),
    reedSolomon: createReedSolomon(),
    clock: deps.clock,
    logger,
  };
  const disputes = createDisputes({
    view,
    acts,
    transactions,
    answer: createAnswerShard({
      store,
      treeOf: deps.treeOf,
      readShard: deps.readShard,
      kzg,
      chainId: view.chainId,
      disputes: view.state().disputes,
    }),
    observe: (kind, outcome) => metrics.disputes.inc({ kind, outcome }),
    logger,
  });
  const claims = createClaims({ view, acts, transactions, onBonus: () => metrics.bonuses.inc(), logger });
  const healer = createHealer({
    store,
    view,
    rebuild,
    expand: points.expand,
    willing: settings.heal,
    onHealed: () => metrics.healed.inc(),
    logger,
  });
  const worker = createRepairWorker({
    store,
    view,
    rebuild,
    getCommitments: network.getCommitments,
    expand: points.expand,
    accept: createAcceptRepair({ view, transactions }),
    willing: settings.repairs,
    freeBytes: deps.freeBytes,
    observe(outcome, report) {
      metrics.repairs.inc({ outcome });
      metrics.repairRead.inc(report.bytesRead);
      metrics.repairWritten.inc(report.bytesWritten);
      metrics.repairSeconds.inc(report.seconds);
    },
    logger,
  });

  return {
    sync: worker.sync,
    run() {
      // Stake first: windows end, offers pass on.
      disputes.run();
      worker.run();
      claims.run();
      healer.run();
    },
    pending: () => Math.max(0, acts.pending() + worker.pending() - transactions.pending()),
    noteUnreadable: healer.note,
    missing: healer.missing,
    status() {
      const own = view.self()?.id;
      return {
        offers: own === undefined ? 0 : offersTo(view.state(), own, view.epoch()).length,
        repairs: worker.reports(),
        disputes: disputes.reports(),
      };
    },
    async stop() {
      transactions.close();
      await Promise.all([acts.stop(), worker.stop(), healer.stop()]);
    },
  };
}
