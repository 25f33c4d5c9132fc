import {
  type Address,
  type Hex,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { GroupView, OpenedOrder } from "../../../client/chain/groupView.ts";
import { type Client, type ClientOptions, createClient } from "../../../client/createClient.ts";
import type { ProviderLink } from "../../../client/providerLink.ts";
import type { Deployment } from "../../../protocol/chain/deployment.ts";
import type { ProviderInfo } from "../../../protocol/chain/groupTypes.ts";
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
  version: 1,
  chainId: CHAIN_ID,
  factory: { address: "0x00000000000000000000000000000000000000f0", startBlock: 0 },
  token: "0x00000000000000000000000000000000000000f1",
  groups: [
    {
      groupId: 1,
      staking: "0x00000000000000000000000000000000000000a1",
      orders: "0x00000000000000000000000000000000000000a2",
      settlement: GROUP,
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
};
type Call = { readonly provider: number; readonly method: string; readonly request: AnyRequest };
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
  readonly providers: Map<number, ProviderInfo>;
  readonly orders: OpenedOrder[];
  /** Calls in the order in which they came. */
  readonly calls: Call[];
  misbehave: Misbehave;
  /** Token wei: deposited and in the wallet; native coin in the wallet. */
  money: { deposited: bigint; token: bigint; native: bigint };
  chainTime: number;
  epochNow: number;
  /** What the transactor was asked to send. */
  readonly sent: string[];
  /** Bytes that a provider holds of its only upload. */
  shardOf(provider: number, stripe: number): Uint8Array;
};

export const owner: LocalAccount = privateKeyToAccount(`0x${"42".repeat(32)}`);

export function createMemoryNetwork(options: { providers: number; domains?: number }): MemoryNetwork {
  const operators = new Map<number, LocalAccount>();
  const providers = new Map<number, ProviderInfo>();
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
    orders: [],
    calls: [],
    misbehave: (_call, honest) => honest(),
    money: { deposited: 0n, token: 10n ** 24n, native: 1n },
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
        const signature = await operators.get(provider)!.signTypedData({
          domain: ordersDomain(CHAIN_ID, deployment.groups[0]!.orders),
          types: ORDER_TYPES,
          primaryType: "Order",
          message: order,
        });
        return {
          signature: serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))),
        };
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
    const seen: Call = { provider: Number(endpoint.slice(1)), method, request: request as AnyRequest };
    network.calls.push(seen);
    return (await network.misbehave(seen, () => answer(seen.provider, method, seen.request))) as never;
  }
  const link: ProviderLink = { call, bulk: call, close: async () => {} };

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
    providers: async () => providers,
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
    }),
    cost: async (order) => costOf(order),
    depositOf: async () => network.money.deposited,
    walletOf: async () => network.money,
    epochs: async () => ({ now: network.epochNow, lastCertified: 15, lastFinished: 14 }),
    missed: async () => false,
  };
  const transactor: Transactor = {
    async send(request) {
      network.sent.push(request.functionName);
      const args = (request as { args: readonly unknown[] }).args;
      if (request.functionName === "deposit") network.money.deposited += args[0] as bigint;
      if (request.functionName === "open") {
        const order = args[0] as Order;
        network.orders.push({ id: orderId(order), order, sequence: network.orders.length + 1 });
      }
      return { hash: "0x01", gasUsed: 1n, blockNumber: 1n, receipt: {}, logs: [] } as never;
    },
    address: owner.address,
    pending: () => 0,
    close() {},
  };
  return network;
}
