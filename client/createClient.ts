import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type LocalAccount,
  type PublicClient,
} from "viem";
import { type Deployment, findGroup } from "../protocol/chain/deployment.ts";
import { createTransactor, type Transactor } from "../protocol/chain/transactor.ts";
import { MemoError } from "../protocol/errors.ts";
import { createFieldPool, type FieldPool } from "../protocol/kzg/fieldPool.ts";
import { createKzg, type Kzg } from "../protocol/kzg/kzg.ts";
import { loadPoints, type Points } from "../protocol/kzg/points.ts";
import type { RandomBytes } from "../protocol/object/envelope.ts";
import { createReedSolomon } from "../protocol/object/reedSolomon.ts";
import { type Clock, systemClock } from "../protocol/runtime/clock.ts";
import { createSilentLogger, type Logger } from "../protocol/runtime/logger.ts";
import { createGroupView, type GroupView } from "./chain/groupView.ts";
import { createKeyring } from "./keyring.ts";
import { createProviderLink, type ProviderLink } from "./providerLink.ts";
import { createArchive, type Listing } from "./read/archive.ts";
import { createCapabilities } from "./read/capability.ts";
import { type ByteRange, objectBytes, resolveRange } from "./read/objectStream.ts";
import { type RecoverOptions, type Recovery, recoverAll } from "./read/recover.ts";
import { type OrderStatus, orderStatus } from "./status.ts";
import { createNoJournal, createUploadJournal, type JournalEntry } from "./store/journal.ts";
import { bytesSource, fileSource, type Source } from "./store/source.ts";
import { type StoreResult, storeSource, WINDOW_BYTES } from "./store/store.ts";
import type { StoreOptions } from "./store/storeOptions.ts";

export type ClientOptions = {
  /** JSON-RPC of the chain. */
  readonly rpcUrl: string;
  readonly deployment: Deployment;
  /** Owner and payer; a viem local account. */
  readonly account: LocalAccount;
  /** `ChallengeSettlement` of the group, when the deployment has several. */
  readonly group?: string;
  /** BIP-39 words that unlock keys besides the wallet, or instead of one that does not sign deterministically. */
  readonly recoveryPhrase?: string;
  /** Where uploads are journalled; without it nothing is kept on disk. */
  readonly dataDir?: string;
  /** A wanted shard that takes longer (ms) gets a rival. Default 1,500. */
  readonly hedgeMs?: number;
  /** Bytes of shards that an upload keeps in memory per window. Default 48 MiB. */
  readonly windowBytes?: number;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
  readonly logger?: Logger;
  /** What checks commitments; loaded when first needed unless given (a process needs them only once). */
  readonly kzg?: Kzg;
  readonly points?: Points;
  readonly fieldPool?: FieldPool;
  /** Replaceable parts, for tests. */
  readonly link?: ProviderLink;
  readonly view?: GroupView;
  readonly transactor?: Transactor;
};

/** What to read: an order's first object, or a name of the owner. */
export type Reference = { readonly orderId: Hex } | { readonly name: string };

export type Client = {
  /** Stores a file (path), bytes or any repeatable source. See `storeSource` for errors. */
  store(source: string | Uint8Array | Source, options: StoreOptions): Promise<StoreResult>;
  /**
   * Reads an object or a range of it as a web stream of plain bytes.
   * @throws NAME_NOT_FOUND, ORDER_NOT_FOUND, RANGE_INVALID, TOO_FEW_SHARDS, SEGMENT_TAMPERED, …
   */
  read(reference: Reference, options?: { range?: ByteRange; signal?: AbortSignal }): Promise<ObjectRead>;
  /** The owner's names, from the chain's orders and their manifests. */
  list(options?: { signal?: AbortSignal }): Promise<Listing>;
  status(orderId: Hex): Promise<OrderStatus>;
  /** Restores everything into a folder with nothing but wallet and chain. */
  recover(options: RecoverOptions): Promise<Recovery>;
  /** Uploads of this data directory that ended without a result, and whether their order was opened after all. */
  unfinished(): Promise<(JournalEntry & { readonly opened: boolean })[]>;
  close(): Promise<void>;
};

export type ObjectRead = {
  readonly orderId: Hex;
  /** Plain bytes of the whole object. */
  readonly size: number;
  readonly range: { readonly from: number; readonly to: number };
  readonly stream: ReadableStream<Uint8Array>;
};

/** Creates a client of one group for one account. Nothing is contacted or loaded before it is needed. */
export function createClient(options: ClientOptions): Client {
  const { account, deployment } = options;
  const group = findGroup(deployment, options.group);
  const random: RandomBytes = options.random ?? ((length) => new Uint8Array(randomBytes(length)));
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? createSilentLogger();
  const transport = http(options.rpcUrl);
  const chain = {
    id: deployment.chainId,
    name: `chain ${deployment.chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [options.rpcUrl] } },
  };
  const publicClient: PublicClient = createPublicClient({ transport, chain });
  const view = options.view ?? createGroupView({ client: publicClient, chainId: deployment.chainId, group });
  const journal = options.dataDir ? createUploadJournal(join(options.dataDir, "uploads")) : createNoJournal();
  const keyring = createKeyring({
    account,
    chainId: deployment.chainId,
    random,
    ...(options.recoveryPhrase === undefined ? {} : { recoveryPhrase: options.recoveryPhrase }),
  });

  const link = lazy(() => options.link ?? createProviderLink({ random, logger }));
  const kzg = lazy(() => options.kzg ?? createKzg());
  const points = lazy(() => options.points ?? loadPoints());
  const fieldPool = lazy(() => options.fieldPool ?? createFieldPool());
  const reedSolomon = lazy(createReedSolomon);
  const transactor = lazy(
    () =>
      options.transactor ??
      createTransactor({
        walletClient: createWalletClient({ account, transport, chain }),
        publicClient,
        confirmations: group.parameters.confirmations,
        logger,
      }),
  );
  const capabilityFor = createCapabilities({ account, view, clock });
  let endpoints: Promise<ReadonlyMap<number, { endpoint: string }>> | undefined;

  async function endpointOf(provider: number): Promise<string> {
    endpoints ??= view.providers();
    const found = (await endpoints).get(provider);
    if (found) return found.endpoint;
    endpoints = undefined;
    throw new MemoError("PROVIDER_UNKNOWN", `Provider ${provider} is not registered in this group.`, {
      details: { provider },
    });
  }

  const archive = lazy(async () =>
    createArchive({
      view,
      keyring,
      owner: account.address,
      link: await link(),
      clock,
      reedSolomon: await reedSolomon(),
      commit: async (shard) => (await kzg()).commit(shard),
      endpointOf,
      capabilityFor,
      hedgeMs: options.hedgeMs ?? 1_500,
    }),
  );

  async function toSource(source: string | Uint8Array | Source): Promise<Source> {
    if (typeof source === "string") return fileSource(source);
    return source instanceof Uint8Array ? bytesSource(source) : source;
  }

  return {
    async store(input, storeOptions) {
      const source = await toSource(input);
      return storeSource(
        {
          view,
          account,
          random,
          clock,
          journal,
          windowBytes: options.windowBytes ?? WINDOW_BYTES,
          link: await link(),
          kzg: await kzg(),
          points: await points(),
          fieldPool: await fieldPool(),
          reedSolomon: await reedSolomon(),
          transactor: await transactor(),
          async root(signal) {
            if (keyring.isEmpty()) await (await archive()).adoptRoot(signal);
            return keyring.current();
          },
        },
        source,
        storeOptions,
      );
    },

    async read(reference, { range, signal } = {}) {
      const stop = new AbortController();
      const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
      const shelf = await archive();
      const found =
        "orderId" in reference
          ? await shelf.byOrder(reference.orderId, either)
          : await shelf.byName(reference.name, either);
      const { reader, body, extent, rootKey, orderId } = found;
      const span = resolveRange(extent.size, range);
      const bytes = objectBytes(reader, body, extent, rootKey, span, either);
      const stream = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const { done, value } = await bytes.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        async cancel(reason) {
          stop.abort(reason);
          await bytes.return(undefined);
        },
      });
      return { orderId, size: extent.size, range: span, stream };
    },

    async list({ signal } = {}) {
      return (await archive()).list(signal ?? new AbortController().signal);
    },
    status: (orderId) => orderStatus(view, orderId),
    async recover(recoverOptions) {
      return recoverAll(await archive(), recoverOptions);
    },

    async unfinished() {
      const entries = await journal.list();
      return Promise.all(
        entries.map(async (entry) => {
          const state = entry.orderId ? await view.orderState(entry.orderId) : undefined;
          const opened = state !== undefined && state.status !== "unknown";
          // What is opened, or can be no more, needs no entry.
          if (opened || (await view.now()) >= entry.openBy) await journal.remove(entry.uploadId);
          return { ...entry, opened };
        }),
      );
    },

    async close() {
      if (link.started() && !options.link) await (await link()).close();
      if (fieldPool.started() && !options.fieldPool) await (await fieldPool()).close();
      if (transactor.started() && !options.transactor) (await transactor()).close();
    },
  };
}

/** Makes a value when it is first asked for. */
function lazy<Value>(make: () => Value | Promise<Value>): (() => Promise<Value>) & { started(): boolean } {
  let value: Promise<Value> | undefined;
  const get = () => {
    value ??= Promise.resolve(make());
    return value;
  };
  return Object.assign(get, { started: () => value !== undefined });
}
