import { statfs } from "node:fs/promises";
import PQueue from "p-queue";
import type { LocalAccount } from "viem";
import { openWindow } from "../protocol/challenge/window.ts";
import { SHARD_BYTES } from "../protocol/constants.ts";
import { MemoError } from "../protocol/errors.ts";
import type { FieldPool } from "../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../protocol/kzg/kzg.ts";
import type { Points } from "../protocol/kzg/points.ts";
import type { RpcHandlers } from "../protocol/net/rpcServer.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import type { BulkMethods, ProviderMethods } from "../protocol/wire/provider.ts";
import type { ChainView } from "./chainView.ts";
import type { ProviderMetrics } from "./metrics.ts";
import { createGetOpenings, createGetProof } from "./prove/openingsService.ts";
import type { OrderTrees } from "./prove/orderTrees.ts";
import { createCapabilityCheck } from "./read/capability.ts";
import { createGetCommitments, createGetShard } from "./read/handlers.ts";
import type { ShardReader } from "./read/shardReader.ts";
import { createTokenBuckets } from "./read/tokenBucket.ts";
import type { ProviderSettings } from "./settings.ts";
import type { ProviderStore } from "./store/store.ts";
import { createCommitWindow } from "./upload/commitWindow.ts";
import { createOpenWindow } from "./upload/openWindow.ts";
import { createPutCommitments } from "./upload/putCommitments.ts";
import { createPutShard } from "./upload/putShard.ts";
import { createRangeLock } from "./upload/rangeLock.ts";
import { createReserve, freeBytes } from "./upload/reserve.ts";
import { createSignOrder } from "./upload/signOrder.ts";
import { createSignRenewal } from "./upload/signRenewal.ts";
import { requireSelf } from "./upload/terms.ts";

/** Shards that are read for commitments at once; how many are computed at once is the library's concern. */
const COMMITS_AT_ONCE = 4;
/** Windows that are opened at once: each holds 8 MiB. */
const OPENINGS_AT_ONCE = 2;
/** A holder that rebuilds its own shards reads so many times less than a user. */
const HEAL_SHARE = 16;
/** Part of the disk that is never given away. */
const DISK_RESERVE_BYTES = 268_435_456;

export type ServiceDeps = {
  settings: ProviderSettings;
  store: ProviderStore;
  view: ChainView;
  account: LocalAccount;
  kzg: Kzg;
  points: Points;
  fieldPool: FieldPool;
  clock: Clock;
  metrics: ProviderMetrics;
  readShard: ShardReader;
  treeOf: OrderTrees;
  /** Whether the proof of an epoch must not leave yet. */
  holdsBack(epoch: number): boolean;
  /** Whether the chain has been read up to now; before, deadlines would be judged by the past. */
  caughtUp(): boolean;
  /** Aborts when the provider stops: what has not begun then does not begin. */
  signal: AbortSignal;
  version: string;
};

export type Service = {
  readonly provider: RpcHandlers<ProviderMethods>;
  readonly bulk: RpcHandlers<BulkMethods>;
  /** Bytes of shards that may still be taken. */
  freeBytes(): Promise<number>;
  /** Resolves when no request is worked on. */
  idle(): Promise<void>;
};

/** All remote methods of a provider. */
export function createService(deps: ServiceDeps): Service {
  const { settings, store, view, metrics } = deps;
  const limits = {
    capacityBytes: settings.capacity,
    peerReservedBytes: settings.peerReserved,
    reservationSeconds: settings.reservationSeconds,
    stripes: settings.orderStripes,
  };
  const diskFreeBytes = async () => {
    const { bavail, bsize } = await statfs(settings.dataDir);
    return Math.max(0, bavail * bsize - DISK_RESERVE_BYTES);
  };
  const buckets = createTokenBuckets({
    limit: { perSecond: settings.readRate, burst: settings.readBurst },
    clock: deps.clock,
  });
  const healBuckets = createTokenBuckets({
    limit: {
      perSecond: settings.readRate / HEAL_SHARE,
      burst: Math.max(SHARD_BYTES, settings.readBurst / HEAL_SHARE),
    },
    clock: deps.clock,
  });
  const upload = { store, chain: view, lock: createRangeLock(), limits, diskFreeBytes };
  const read = {
    store,
    chain: view,
    buckets,
    healBuckets,
    readShard: deps.readShard,
    capabilities: createCapabilityCheck({ chain: view }),
  };
  const openings = {
    store,
    buckets,
    treeOf: deps.treeOf,
    isKeeper: view.isKeeper,
    holdsBack: deps.holdsBack,
  };
  const putShard = createPutShard(upload);
  const getShard = createGetShard(read);

  const working = new Set<Promise<unknown>>();
  const limiter = (concurrency: number) => {
    const queue = new PQueue({ concurrency });
    return <Result>(task: () => Promise<Result>) =>
      queue.add(() => {
        assertRunning(deps.signal);
        return task();
      });
  };

  /** Makes a handler refuse until the chain has been read, and be waited for at the end. */
  const current =
    <Request, Context, Response>(handler: (request: Request, context: Context) => Promise<Response>) =>
    async (request: Request, context: Context): Promise<Response> => {
      assertRunning(deps.signal);
      if (!deps.caughtUp()) {
        throw new MemoError("NOT_READY", "This provider has not read the chain yet. Try again in a moment.", {
          retryable: true,
        });
      }
      const work = handler(request, context);
      working.add(work);
      try {
        return await work;
      } finally {
        working.delete(work);
      }
    };

  const free = () => freeBytes({ store, limits, diskFreeBytes });

  return {
    freeBytes: free,
    async idle() {
      await Promise.allSettled(working);
    },
    provider: {
      quote: current(async () => {
        const self = requireSelf(view);
        return { providerId: self.id, ask: self.ask, freeBytes: await free(), domain: self.domain };
      }),
      reserve: current(createReserve(upload)),
      commitWindow: current(
        createCommitWindow({
          ...upload,
          limit: limiter(COMMITS_AT_ONCE),
          decompress: deps.points.decompress,
          async commit(shard) {
            const commitment = await deps.kzg.commit(shard);
            metrics.committed.inc();
            return commitment;
          },
        }),
      ),
      openWindow: current(
        createOpenWindow({
          ...upload,
          limit: limiter(OPENINGS_AT_ONCE),
          openWindow: (window) => openWindow({ ...window, kzg: deps.kzg, fieldPool: deps.fieldPool }),
        }),
      ),
      putCommitments: current(createPutCommitments(upload)),
      signOrder: current(
        createSignOrder({ ...upload, account: deps.account, assertCommitment: deps.points.assertCommitment }),
      ),
      signRenewal: current(createSignRenewal({ ...upload, account: deps.account })),
      getCommitments: current(createGetCommitments(read)),
      getOpenings: createGetOpenings(openings),
      getProof: createGetProof(openings),
      status: async () => ({
        providerId: view.self()?.id ?? 0,
        epoch: Math.max(0, view.epoch()),
        head: Math.max(0, view.state().head?.number ?? 0),
        orders: store.orders.count(),
        shards: Math.floor(store.uploads.bytes() / SHARD_BYTES),
        version: deps.version,
      }),
    },
    bulk: {
      putShard: current(async (request, context: { peer: string }) => {
        const response = await putShard(request, context);
        metrics.received.inc(SHARD_BYTES);
        return response;
      }),
      getShard: current(async (request, context: { peer: string }) => {
        const response = await getShard(request, context);
        metrics.served.inc(SHARD_BYTES);
        return response;
      }),
    },
  };
}

function assertRunning(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new MemoError("STOPPING", "This provider is stopping. Try again later.", { retryable: true });
}
