import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Address, Hex, LocalAccount } from "viem";
import type { Voucher } from "../protocol/allowance.ts";
import { type Deployment, findGroup } from "../protocol/chain/deployment.ts";
import type { Transactor } from "../protocol/chain/transactor.ts";
import { createFieldPool, type FieldPool } from "../protocol/kzg/fieldPool.ts";
import { createKzg, type Kzg } from "../protocol/kzg/kzg.ts";
import { loadPoints, type Points } from "../protocol/kzg/points.ts";
import type { RandomBytes } from "../protocol/object/envelope.ts";
import { createReedSolomon } from "../protocol/object/reedSolomon.ts";
import { type Clock, systemClock } from "../protocol/runtime/clock.ts";
import { createSilentLogger, type Logger } from "../protocol/runtime/logger.ts";
import type { AgentAllowance } from "./chain/allowanceView.ts";
import { createConnection } from "./chain/connection.ts";
import { createGroupView, type GroupView } from "./chain/groupView.ts";
import { createMemberCache } from "./chain/memberCache.ts";
import {
  type ChallengeOptions,
  type ChallengeResult,
  challengeShard,
  closeChallenge,
} from "./disputes/directChallenge.ts";
import { createKeyring } from "./keyring.ts";
import { lazy } from "./lazy.ts";
import {
  approveAgent,
  redeemVouchers,
  type SignedVoucher,
  type StandingTerms,
  setStanding,
  signVoucher,
} from "./orders/allowances.ts";
import { type Renewal, type RenewOptions, renewOrder } from "./orders/renewOrder.ts";
import { endOrder, type Settlement, settleOrder } from "./orders/settleOrder.ts";
import { createProviderLink, type ProviderLink } from "./providerLink.ts";
import { createArchive, type Listing } from "./read/archive.ts";
import { createCapabilities } from "./read/capability.ts";
import { type ObjectRead, type ReadOptions, type Reference, readObject } from "./read/readObject.ts";
import { type RecoverOptions, type Recovery, recoverAll } from "./read/recover.ts";
import { createReporter } from "./read/reporter.ts";
import { type OrderStatus, orderStatus } from "./status/orderStatus.ts";
import { type Overview, overviewOf } from "./status/overview.ts";
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
  /** Whether keepers are told about shards that could not be read. Default true. */
  readonly report?: boolean;
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

export type Client = {
  /** Stores a file (path), bytes or any repeatable source. See `storeSource` for errors. */
  store(source: string | Uint8Array | Source, options: StoreOptions): Promise<StoreResult>;
  /**
   * Reads an object or a range of it as a web stream of plain bytes.
   * @throws NAME_NOT_FOUND, ORDER_NOT_FOUND, RANGE_INVALID, TOO_FEW_SHARDS, SEGMENT_TAMPERED, …
   */
  read(reference: Reference, options?: ReadOptions): Promise<ObjectRead>;
  /** The owner's names, from the chain's orders and their manifests. */
  list(options?: { signal?: AbortSignal }): Promise<Listing>;
  /** How an order stands: slots, faults, repairs, disputes, refunds. @throws ORDER_NOT_FOUND */
  status(orderId: Hex): Promise<OrderStatus>;
  /** How everything of the owner stands. */
  overview(): Promise<Overview>;
  /** Demands the proof of one shard on chain, and waits for the answer. See `challengeShard` for errors. */
  challenge(orderId: Hex, options?: ChallengeOptions): Promise<ChallengeResult>;
  /** Closes a direct challenge that nobody answered in time. @throws CHALLENGE_NOT_FOUND, CHALLENGE_WINDOW_OPEN */
  closeChallenge(id: bigint, options?: { signal?: AbortSignal }): Promise<ChallengeResult>;
  /** Ends an order early. See `endOrder` for errors. */
  end(orderId: Hex, options?: { signal?: AbortSignal }): Promise<{ orderId: Hex; endEpoch: number }>;
  /** Pays for what is finished; closes and releases an order that is over. @throws ORDER_NOT_FOUND */
  settle(orderId: Hex, options?: { signal?: AbortSignal }): Promise<Settlement>;
  /** Goes on with an order over the same shards: nothing is uploaded. See `renewOrder` for errors. */
  renew(orderId: Hex, options?: RenewOptions): Promise<Renewal>;
  /** Says on what terms an order may go on without asking again; `times` 0 takes them back. See `setStanding`. */
  setStanding(
    orderId: Hex,
    terms: StandingTerms,
    options?: { signal?: AbortSignal },
  ): Promise<{ transaction: Hex }>;
  /** Newest block and its timestamp (seconds): deadlines count by it. */
  chainTime(): Promise<{ number: number; time: number }>;
  /** Everybody that may spend of the account's balance, or once might. */
  agents(): Promise<AgentAllowance[]>;
  /** Lets somebody spend of the account's balance; a budget of 0 takes it back. See `approveAgent` for errors. */
  approveAgent(
    of: { agent: Address; budget: bigint; expiresAt: bigint },
    options?: { signal?: AbortSignal },
  ): Promise<{ transaction: Hex }>;
  /** Signs a promise of pay for reads, to be handed to its provider. */
  signVoucher(voucher: Voucher): Promise<SignedVoucher>;
  /** Pays vouchers to their providers. See `redeemVouchers` for errors. */
  redeemVouchers(
    vouchers: readonly SignedVoucher[],
    options?: { signal?: AbortSignal },
  ): Promise<{ transaction: Hex }>;
  /** Restores everything into a folder with nothing but wallet and chain. */
  recover(options: RecoverOptions): Promise<Recovery>;
  /** Uploads of this data directory that ended without a result, and whether their order was opened after all. */
  unfinished(): Promise<(JournalEntry & { readonly opened: boolean })[]>;
  close(): Promise<void>;
};

/** Creates a client of one group for one account. Nothing is contacted or loaded before it is needed. */
export function createClient(options: ClientOptions): Client {
  const { account, deployment } = options;
  const group = findGroup(deployment, options.group);
  const random: RandomBytes = options.random ?? ((length) => new Uint8Array(randomBytes(length)));
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? createSilentLogger();
  const { chainId } = deployment;
  const connection = createConnection({ rpcUrl: options.rpcUrl, chainId });
  const view = options.view ?? createGroupView({ client: connection.publicClient, chainId, group });
  const journal = options.dataDir ? createUploadJournal(join(options.dataDir, "uploads")) : createNoJournal();
  const keyring = createKeyring({
    account,
    chainId,
    random,
    ...(options.recoveryPhrase === undefined ? {} : { recoveryPhrase: options.recoveryPhrase }),
  });

  const link = lazy(() => options.link ?? createProviderLink({ random, logger }));
  const kzg = lazy(() => options.kzg ?? createKzg());
  const points = lazy(() => options.points ?? loadPoints());
  const fieldPool = lazy(() => options.fieldPool ?? createFieldPool());
  const reedSolomon = lazy(createReedSolomon);
  const transactor = lazy(
    () => options.transactor ?? connection.transactorOf(account, group.parameters.confirmations, logger),
  );
  const capabilityFor = createCapabilities({ account, view, clock });
  const members = createMemberCache(view);
  const reporter = lazy(async () =>
    createReporter({
      link: await link(),
      keepers: members.keeperEndpoints,
      capabilityFor,
      clock,
      logger,
    }),
  );

  const archive = lazy(async () =>
    createArchive({
      view,
      keyring,
      owner: account.address,
      link: await link(),
      clock,
      reedSolomon: await reedSolomon(),
      commit: async (shard) => (await kzg()).commit(shard),
      endpointOf: members.providerEndpoint,
      capabilityFor,
      hedgeMs: options.hedgeMs ?? 1_500,
      ...(options.report === false ? {} : { report: (await reporter()).report }),
    }),
  );

  const disputing = async () => ({
    view,
    transactor: await transactor(),
    account: account.address,
    random,
    clock,
  });

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

    read: async (reference, readOptions) => readObject(await archive(), reference, readOptions),

    async list({ signal } = {}) {
      return (await archive()).list(signal ?? new AbortController().signal);
    },
    status: (orderId) => orderStatus(view, orderId),
    overview: () => overviewOf(view, account.address),

    async challenge(orderId, challengeOptions) {
      return challengeShard(await disputing(), orderId, challengeOptions);
    },
    async closeChallenge(id, { signal } = {}) {
      return closeChallenge(await disputing(), id, signal ?? new AbortController().signal);
    },
    async end(orderId, { signal } = {}) {
      const deps = { view, transactor: await transactor() };
      return endOrder(deps, orderId, signal ?? new AbortController().signal);
    },
    async settle(orderId, { signal } = {}) {
      const deps = { view, transactor: await transactor() };
      return settleOrder(deps, orderId, signal ?? new AbortController().signal);
    },
    async renew(orderId, renewOptions) {
      const deps = { view, account, random, clock, link: await link(), transactor: await transactor() };
      return renewOrder(deps, orderId, renewOptions);
    },
    async setStanding(orderId, terms, { signal } = {}) {
      const deps = { view, account, transactor: await transactor() };
      return setStanding(deps, orderId, terms, signal ?? new AbortController().signal);
    },
    async chainTime() {
      const { number, timestamp } = await view.head();
      return { number, time: timestamp };
    },
    agents: () => view.allowances.agents(account.address),
    async approveAgent(of, { signal } = {}) {
      const deps = { view, account, transactor: await transactor() };
      return approveAgent(deps, of, signal ?? new AbortController().signal);
    },
    async redeemVouchers(vouchers, { signal } = {}) {
      const deps = { view, transactor: await transactor() };
      return redeemVouchers(deps, vouchers, signal ?? new AbortController().signal);
    },
    signVoucher: (voucher) => signVoucher({ view, account }, voucher),
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
      if (reporter.started()) await (await reporter()).close();
      if (link.started() && !options.link) await (await link()).close();
      if (fieldPool.started() && !options.fieldPool) await (await fieldPool()).close();
      if (transactor.started() && !options.transactor) (await transactor()).close();
    },
  };
}
