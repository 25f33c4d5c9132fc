import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { getAddress, type Hex, keccak256, stringToBytes, verifyTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { RenewalTerms } from "../../../protocol/chain/allowanceTypes.ts";
import { FIELD_ELEMENTS_PER_SHARD, SHARD_BYTES } from "../../../protocol/constants.ts";
import { LAYOUT, ORDER_TYPES, type Order, ordersDomain } from "../../../protocol/order.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import type { ChainOrder, ProviderChain } from "../../../provider/chain.ts";
import type { ReadReason } from "../../../provider/slots.ts";
import type { FileSystem } from "../../../provider/store/shardFiles.ts";
import { openProviderStore } from "../../../provider/store/store.ts";
import type { Upload } from "../../../provider/store/uploads.ts";

export const SETTLEMENT = getAddress("0x00000000000000000000000000000000000000c1");
export const STORAGE_ORDERS = getAddress("0x00000000000000000000000000000000000000c2");
export const ownerAccount = privateKeyToAccount(keccak256(stringToBytes("owner")));
export const operatorAccount = privateKeyToAccount(keccak256(stringToBytes("operator")));
/** rs(2,1) as `Order.policy`. */
export const RS_2_1 = (1 << 16) | (2 << 8) | 1;
export const PEER = "peer of the user";

/** A directory that goes when the test ends. */
export function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "memo-provider-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function openStore(directory: string, fileSystem?: FileSystem) {
  return openProviderStore({
    directory,
    chainId: 31337,
    settlement: SETTLEMENT,
    logger: createSilentLogger(),
    ...(fileSystem === undefined ? {} : { fileSystem }),
  });
}

/** A chain that a test moves by hand. */
export function createFakeChain() {
  const fake = {
    time: 1_000,
    balance: 10n ** 30n,
    ask: 100n,
    orders: new Map<Hex, ChainOrder>(),
    freeStake: 10n ** 30n,
    exiting: false,
    lockable: 10n ** 30n,
    jailedUntil: 0,
    replaced: false,
    agentBudget: 0n,
    renewals: new Map<Hex, RenewalTerms>(),
    /** Bytes that are needed longer, or no longer, than their order: seconds by order. */
    heldUntil: new Map<Hex, number>(),
    readReason: undefined as ReadReason | undefined,
  };
  const chain: ProviderChain = {
    chainId: 31337,
    group: SETTLEMENT,
    storageOrders: STORAGE_ORDERS,
    now: () => fake.time,
    epochStart: (epoch) => epoch * 100,
    minPrice: () => 50n,
    heldUntil: (id) => fake.heldUntil.get(id) ?? (fake.orders.get(id)?.endEpoch ?? 0) * 100 + 500,
    self: () =>
      fake.replaced
        ? undefined
        : {
            id: 7,
            ask: fake.ask,
            domain: keccak256("0x01"),
            freeStake: fake.freeStake,
            lockable: fake.lockable,
            jailedUntil: fake.jailedUntil,
            exiting: fake.exiting,
          },
    operatorReplaced: () => fake.replaced,
    collateral: (shards) => 10n * BigInt(shards),
    readReason: () => fake.readReason,
    order: (id) => fake.orders.get(id),
    freeBalance: async () => fake.balance,
    cost: async (order) => order.price,
    async hasSigned(address, order, signature) {
      const domain = ordersDomain(31337, STORAGE_ORDERS);
      return verifyTypedData({
        address,
        signature,
        domain,
        types: ORDER_TYPES,
        primaryType: "Order",
        message: order,
      });
    },
    agentBudget: async () => fake.agentBudget,
    renewalOf: (_payer, id) => fake.renewals.get(id),
  };
  return { fake, chain };
}

/** Bytes of a shard with canonical elements that differ by `seed`. */
export function makeShard(seed: number): Uint8Array {
  const shard = new Uint8Array(SHARD_BYTES);
  const view = new DataView(shard.buffer);
  for (let element = 0; element < FIELD_ELEMENTS_PER_SHARD; element++) {
    view.setUint32(element * 32 + 8, seed * 7919 + element);
  }
  return shard;
}

export function hash(text: string): Hex {
  return keccak256(stringToBytes(text));
}

export function makeUpload(change: Partial<Upload> = {}): Upload {
  const stripes = change.stripes ?? 2;
  return {
    id: hash("upload"),
    peer: PEER,
    slot: 1,
    owner: ownerAccount.address,
    payer: ownerAccount.address,
    stripes,
    policy: RS_2_1,
    startEpoch: 20,
    endEpoch: 30,
    openBy: 1_900,
    price: 200n,
    bytes: stripes * SHARD_BYTES,
    ...change,
  };
}

export function makeOrder(change: Partial<Order> = {}): Order {
  return {
    group: SETTLEMENT,
    owner: ownerAccount.address,
    payer: ownerAccount.address,
    providers: [3, 7, 9],
    shardRoot: hash("root"),
    stripes: 2,
    policy: RS_2_1,
    layout: LAYOUT.packed31,
    startEpoch: 20,
    endEpoch: 30,
    price: 200n,
    minEpochs: 1,
    openBy: 1_900n,
    manifest: { firstStripe: 0, stripes: 1, length: 10n, digest: hash("manifest") },
    salt: hash("salt"),
    ...change,
  };
}
