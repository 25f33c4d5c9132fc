import {
  type Address,
  type Hex,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { AgentAllowance } from "../../../client/chain/allowanceView.ts";
import type { DirectChallenge, LostRecord } from "../../../client/chain/disputeView.ts";
import type { GroupView, OpenedOrder, SlotState } from "../../../client/chain/groupView.ts";
import type { ListedKeeper, ListedProvider } from "../../../client/chain/members.ts";
import type { OrderHistory } from "../../../client/chain/orderHistory.ts";
import { type Client, type ClientOptions, createClient } from "../../../client/createClient.ts";
import type { ProviderLink } from "../../../client/providerLink.ts";
import type { Deployment } from "../../../protocol/chain/deployment.ts";
import { packThresholds } from "../../../protocol/chain/parameters.ts";
import type { Transactor } from "../../../protocol/chain/transactor.ts";
import { openWindow } from "../../../protocol/challenge/window.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { createFieldPool } from "../../../protocol/kzg/fieldPool.ts";
import { createKzg } from "../../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../../protocol/kzg/points.ts";
import { shardRoot, slotRoot } from "../../../protocol/merkle/slotRoot.ts";
import { concatBytes } from "../../../protocol/object/rechunk.ts";
import { ORDER_TYPES, type Order, orderId, ordersDomain } from "../../../protocol/order.ts";
import { testRandom } from "../object/noise.ts";

/** Loaded once for all tests of a file: seconds of work. */
export const kzg = createKzg();
export const points = await loadPoints();

const CHAIN_ID = 31337;
const GROUP: Address = "0x00000000000000000000000000000000000000a3";

export const deployment: Deployment = {
  chainId: CHAIN_ID,
  factory: { address: "0x00000000000000000000000000000000000000f0", startBlock: 0 },
  storeRegistry: { address: "0x00000000000000000000000000000000000000f3", startBlock: 0 },
  token: "0x00000000000000000000000000000000000000f1",
  groups: [
    {
      groupId: 1,
      staking: "0x00000000000000000000000000000000000000a1",
      orders: "0x00000000000000000000000000000000000000a2",
      settlement: GROUP,
      disputes: "0x00000000000000000000000000000000000000a4",
      repairs: "0x00000000000000000000000000000000000000a5",
      allowances: "0x00000000000000000000000000000000000000a6",
      startBlock: 0,
      parameters: {
        token: "0x00000000000000000000000000000000000000f1",
        treasury: "0x00000000000000000000000000000000000000f2",
        genesis: 1_000,
        epochLength: 60,
        seedDelay: 20,
        answerWindow: 20,
        applyWindow: 600,
        applyWindowBlocks: 20,
        payerDelay: 3600,
        unbondingDelay: 7200,
        confirmations: 2,
        maxGap: 8,
        samples: 64,
        termLength: 1000,
        minKeeperStake: 1n,
        minProviderStake: 1n,
        collateralPerShard: 1n,
        minPrice: 100n,
        appealWindow: 120,
        appealWindowBlocks: 12,
        protectionEpochs: 16,
        evictionCap: 5000,
        challengeBond: 10n ** 15n,
        repairBonusPerShard: 1n,
        repairThresholds: packThresholds([2, 2, 3, 4]),
        offerEpochs: 3,
        offerExpiries: 3,
        coolOffEpochs: 4,
        freezeShare: 5000,
        freezeEpochs: 4,
        repairBudget: 64,
        rejoinEpochs: 4,
        lockShare: 10_000,
        blobAnswers: false,
      },
    },
  ],
};

/** Fields of all requests; each method uses its own. */
type AnyRequest = {
  readonly uploadId: Hex;
  readonly slot: number;
  readonly stripe: number;
  readonly firstStripe: number;
  readonly count: number;
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly commitments: Uint8Array;
  readonly nonce: Hex;
  readonly openBy: bigint;
  readonly order: Order;
  readonly orderId: Hex;
  readonly former: Hex;
  readonly reason: string;
};
type Call = {
  /** Whom it is for; 0 when it is for a keeper. */
  readonly provider: number;
  /** 0 when it is for a provider. */
  readonly keeper: number;
  readonly method: string;
  readonly request: AnyRequest;
};
/** Changes what a provider answers, or throws instead. `honest` is what it would have answered. */
export type Misbehave = (call: Call, honest: () => Promise<unknown>) => Promise<unknown>;

type Upload = {
  slot: number;
  shards: Map<number, Uint8Array>;
  commitments: Map<number, Uint8Array>;
  all: Map<number, Uint8Array>;
  orders: Set<Hex>;
};

/** Providers, chain and money in memory: what the client meets, with every part open to mischief. */
export type MemoryNetwork = {
  client(options?: Partial<ClientOptions>): Client;
  readonly providers: Map<number, ListedProvider>;
  readonly keepers: Map<number, ListedKeeper>;
  readonly orders: OpenedOrder[];
  /** Slots of orders in which any changed hands. */
  readonly slots: Map<Hex, SlotState[]>;
  /** Nobody holds the slot any more. */
  evict(orderId: Hex, slot: number): void;
  /** Another provider has rebuilt the slot and holds it. */
  handOver(orderId: Hex, slot: number, to: number): void;
  /** The provider has deleted what it held. */
  forget(provider: number): void;
  readonly histories: Map<Hex, Partial<OrderHistory>>;
  readonly records: LostRecord[];
  readonly challenges: Map<bigint, DirectChallenge>;
  /** (provider, epoch) pairs certified as missed: `3 15`. */
  readonly missed: Set<string>;
  states: Map<Hex, Partial<Awaited<ReturnType<GroupView["orderState"]>>>>;
  bond: bigint;
  bondOf: () => bigint;
  head: number;
  /** Told about every transaction; gives its logs, or throws. */
  onSend: (functionName: string, args: readonly unknown[], value: bigint) => readonly unknown[];
  /** Calls in the order in which they came. */
  readonly calls: Call[];
  misbehave: Misbehave;
  /** Token wei: deposited and in the wallet; native coin in the wallet. */
  money: { deposited: bigint; token: bigint; native: bigint };
  /** What agents may spend, by `payer agent`, and terms by order. */
  readonly agents: Map<string, AgentAllowance>;
  readonly standing: Map<Hex, { maxPrice: bigint; epochs: number; left: number }>;
  chainTime: number;
  epochNow: number;
  /** What the transactor was asked to send. */
  readonly sent: string[];
  /** Bytes that a provider holds of its only upload. */
  shardOf(provider: number, stripe: number): Uint8Array;
};

/** Functions that open an order. */
const OPENING = new Set<string>(["open", "openByAgent", "renew"]);

export const owner: LocalAccount = privateKeyToAccount(`0x${"42".repeat(32)}`);

export function createMemoryNetwork(options: { providers: number; domains?: number }): MemoryNetwork {
  const operators = new Map<number, LocalAccount>();
  const providers = new Map<number, ListedProvider>();
  const keepers = new Map<number, ListedKeeper>(
    [1, 2, 3, 4].map((id) => [id, { id, endpoint: `k${id}`, seat: id - 1, slashed: false }]),
  );
  const uploads = new Map<string, Upload>();
  const fieldPool = createFieldPool({ threads: 0 });
  for (let id = 1; id <= options.providers; id++) {
    const operator = privateKeyToAccount(`0x${id.toString(16).padStart(64, "0")}`);
    operators.set(id, operator);
    const domain: Hex = `0x${(id % (options.domains ?? options.providers)).toString(16).padStart(64, "0")}`;
    providers.set(id, {
      id,
      owner: operator.address,
      operator: operator.address,
      endpoint: `p${id}`,
      domain,
      ask: 100n,
      repairs: true,
      exiting: false,
      jailedUntil: 0,
    });
  }

  const uploadOf = (provider: number, uploadId: unknown): Upload => {
    const upload = uploads.get(`${provider} ${uploadId}`);
    if (!upload) throw new MemoError("UPLOAD_UNKNOWN", "no such upload");
    return upload;
  };
  const windowOf = (map: Map<number, Uint8Array>, first: number, count: number) =>
    Array.from({ length: count }, (_, index) => map.get(first + index)!);

  const network: MemoryNetwork = {
    providers,
    keepers,
    orders: [],
    slots: new Map(),
    histories: new Map(),
    records: [],
    challenges: new Map(),
    missed: new Set(),
    states: new Map(),
    bond: 10n ** 15n,
    bondOf: () => network.bond,
    head: 100,
    onSend: () => [],
    evict(orderId, slot) {
      change(orderId, slot, (old) => ({
        holder: undefined,
        former: { provider: old.holder!, until: network.epochNow },
      }));
    },
    handOver(orderId, slot, to) {
      const old = slotsOf(orderId)[slot]!;
      const source = old.holder ?? old.former!.provider;
      const upload = [...uploads].find(
        ([key, one]) => key.startsWith(`${source} `) && one.orders.has(orderId) && one.slot === slot,
      )![1];
      uploads.set(`${to} repaired ${orderId}`, upload);
      change(orderId, slot, () => ({
        holder: to,
        since: network.epochNow + 1,
        former: old.former ?? { provider: old.holder!, until: network.epochNow + 1 },
        offer: undefined,
      }));
    },
    forget(provider) {
      for (const key of [...uploads.keys()]) if (key.startsWith(`${provider} `)) uploads.delete(key);
    },
    calls: [],
    misbehave: (_call, honest) => honest(),
    money: { deposited: 0n, token: 10n ** 24n, native: 10n ** 18n },
    agents: new Map(),
    standing: new Map(),
    chainTime: 2_000,
    epochNow: 16,
    sent: [],
    shardOf(provider, stripe) {
      const [, upload] = [...uploads].find(([key]) => key.startsWith(`${provider} `))!;
      return upload.shards.get(stripe)!;
    },
    client: (more = {}) =>
      createClient({
        rpcUrl: "http://127.0.0.1:1",
        deployment,
        account: owner,
        random: testRandom(Math.floor(Math.random() * 1e6)),
        hedgeMs: 50,
        kzg,
        points,
        fieldPool,
        link,
        view,
        transactor,
        ...more,
      }),
  };

  function slotsOf(id: Hex): SlotState[] {
    const { order } = network.orders.find((one) => one.id === id)!;
    const asOpened = (holder: number, slot: number): SlotState => ({
      slot,
      holder,
      since: order.startEpoch,
      former: undefined,
      offer: undefined,
      expiries: 0,
      voided: false,
    });
    return network.slots.get(id) ?? order.providers.map(asOpened);
  }
  function change(id: Hex, slot: number, news: (old: SlotState) => Partial<SlotState>): void {
    network.slots.set(
      id,
      slotsOf(id).map((old) => (old.slot === slot ? { ...old, ...news(old) } : old)),
    );
  }

  async function signed(provider: number, order: Order) {
    const signature = await operators.get(provider)!.signTypedData({
      domain: ordersDomain(CHAIN_ID, deployment.groups[0]!.orders),
      types: ORDER_TYPES,
      primaryType: "Order",
      message: order,
    });
    return { signature: serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))) };
  }

  async function answer(provider: number, method: string, request: AnyRequest): Promise<unknown> {
    const { uploadId, slot, firstStripe, count } = request;
    switch (method) {
      case "quote":
        return { providerId: provider, ask: 100n, freeBytes: 1e12, domain: providers.get(provider)!.domain };
      case "reserve":
        uploads.set(`${provider} ${uploadId}`, {
          slot,
          shards: new Map(),
          commitments: new Map(),
          all: new Map(),
          orders: new Set(),
        });
        return { acceptedUntil: Number(request.openBy) };
      case "putShard":
        uploadOf(provider, uploadId).shards.set(request.stripe, request.bytes);
        return {};
      case "commitWindow": {
        const { shards, commitments } = uploadOf(provider, uploadId);
        const made = await Promise.all(
          windowOf(shards, firstStripe, count).map((shard) => kzg.commit(shard)),
        );
        for (const [index, commitment] of made.entries()) commitments.set(firstStripe + index, commitment);
        return { commitments: concatBytes(made) };
      }
      case "openWindow": {
        const upload = uploadOf(provider, uploadId);
        const context = {
          chainId: CHAIN_ID,
          group: GROUP,
          nonce: request.nonce,
          provider,
          slot,
          firstStripe,
        };
        return openWindow({
          context,
          commitments: windowOf(upload.commitments, firstStripe, count),
          shards: windowOf(upload.shards, firstStripe, count),
          kzg,
          fieldPool,
        });
      }
      case "putCommitments":
        uploadOf(provider, uploadId).all.set(slot, request.commitments);
        return {};
      case "signOrder": {
        const upload = uploadOf(provider, uploadId);
        const order: Order = request.order;
        const roots = [...upload.all].sort(([a], [b]) => a - b).map(([, bytes]) => slotRoot(bytes));
        if (order.providers[upload.slot] !== provider) throw new MemoError("SLOT_FOREIGN", "not mine");
        if (shardRoot(roots) !== order.shardRoot) throw new MemoError("SHARD_ROOT_WRONG", "not the root");
        upload.orders.add(orderId(order));
        return signed(provider, order);
      }
      case "signRenewal": {
        const held = [...uploads].find(
          ([key, upload]) => key.startsWith(`${provider} `) && upload.orders.has(request.former),
        );
        if (!held) throw new MemoError("RENEWAL_UNKNOWN", "holds nothing of it");
        held[1].orders.add(orderId(request.order));
        return signed(provider, request.order);
      }
      case "getShard":
      case "getCommitments": {
        const held = [...uploads].find(
          ([key, upload]) => key.startsWith(`${provider} `) && upload.orders.has(request.orderId),
        );
        if (!held) throw new MemoError("ORDER_UNKNOWN", "holds nothing of it");
        const upload = held[1];
        if (method === "getShard") return { bytes: upload.shards.get(request.stripe) };
        return {
          commitments: upload.all.get(slot)!.subarray(request.from * 48, (request.from + request.count) * 48),
        };
      }
      default:
        throw new MemoError("UNKNOWN_METHOD", method);
    }
  }

  async function call(
    endpoint: string,
    method: string,
    request: unknown,
    { signal }: { signal?: AbortSignal } = {},
  ) {
    signal?.throwIfAborted();
    const isKeeper = endpoint.startsWith("k");
    const seen: Call = {
      provider: isKeeper ? 0 : Number(endpoint.slice(1)),
      keeper: isKeeper ? Number(endpoint.slice(1)) : 0,
      method,
      request: request as AnyRequest,
    };
    network.calls.push(seen);
    return (await network.misbehave(seen, () =>
      isKeeper ? Promise.resolve({}) : answer(seen.provider, method, seen.request),
    )) as never;
  }
  const link: ProviderLink = { call, bulk: call, keeper: call, close: async () => {} };

  const costOf = (order: Order) =>
    ((order.price *
      BigInt(order.stripes * (order.endEpoch - order.startEpoch)) *
      BigInt(order.providers.length)) /
      2n ** 32n +
      1n) *
    105n;
  const view: GroupView = {
    chainId: CHAIN_ID,
    group: deployment.groups[0]!,
    now: async () => network.chainTime,
    head: async () => ({ number: network.head, timestamp: network.chainTime }),
    members: async () => ({ providers, keepers }),
    async order(id) {
      const found = network.orders.find((order) => order.id === id);
      if (!found) throw new MemoError("ORDER_NOT_FOUND", "no such order");
      return found;
    },
    ordersOf: async (address) => network.orders.filter(({ order }) => order.owner === address),
    orderState: async (id) => ({
      status: network.orders.some((order) => order.id === id) ? "open" : "unknown",
      settledTo: 0,
      endEpoch: network.orders.find((order) => order.id === id)?.order.endEpoch ?? 0,
      escrow: 0n,
      evicted: 0,
      changed: network.slots.has(id),
      ...network.states.get(id),
    }),
    slots: async (order) => slotsOf(orderId(order)),
    history: async ({ id }) => ({
      evictions: [],
      repairs: [],
      voided: [],
      settled: 0n,
      returned: 0n,
      ...network.histories.get(id),
    }),
    cost: async (order) => costOf(order),
    depositOf: async () => network.money.deposited,
    walletOf: async () => network.money,
    epochs: async () => ({
      now: network.epochNow,
      lastCertified: network.epochNow - 1,
      lastFinished: network.epochNow - 2,
    }),
    missed: async (provider, epoch) => network.missed.has(`${provider} ${epoch}`),
    disputes: {
      bondOf: async () => network.bondOf(),
      async challenge(id) {
        const found = network.challenges.get(id);
        if (!found) throw new MemoError("CHALLENGE_NOT_FOUND", "no such challenge");
        return found;
      },
      since: async () => ({
        records: network.records,
        challenges: [...network.challenges.values()],
        collateral: [],
      }),
    },
    allowances: {
      agentOf: async (payer, agent) => network.agents.get(`${payer} ${agent}`) ?? nothing(agent),
      agents: async (payer) =>
        [...network.agents].flatMap(([key, one]) => (key.startsWith(payer) ? one : [])),
      renewalOf: async (_payer, id) => network.standing.get(id),
      redeemed: async () => 0n,
    },
  };
  const nothing = (agent: Address): AgentAllowance => ({ agent, budget: 0n, expiresAt: 0n });
  const transactor: Transactor = {
    async send(request) {
      network.sent.push(request.functionName);
      const args = (request as { args: readonly unknown[] }).args;
      if (request.functionName === "deposit") network.money.deposited += args[0] as bigint;
      if (OPENING.has(request.functionName)) {
        const order = (request.functionName === "renew" ? args[1] : args[0]) as Order;
        const sequence = network.orders.length + 1;
        network.orders.push({ id: orderId(order), order, sequence, block: 10 + sequence });
      }
      const { value = 0n } = request as { value?: bigint };
      const logs = network.onSend(request.functionName, args, value);
      return { hash: "0x01", gasUsed: 1n, blockNumber: 1n, receipt: {}, logs } as never;
    },
    address: owner.address,
    pending: () => 0,
    close() {},
  };
  return network;
}
