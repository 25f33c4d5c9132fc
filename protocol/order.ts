import { type Address, type Hex, hashStruct, type TypedDataDomain } from "viem";

/** How the bytes of a shard carry payload. */
export const LAYOUT = { packed31: 0, blob: 1 } as const;

/** Where the manifest of an order lies, as the order fixes it on chain. */
export type ManifestLocation = {
  /** First stripe that holds manifest bytes. */
  readonly firstStripe: number;
  /** Stripes that hold manifest bytes. */
  readonly stripes: number;
  /** Length of the manifest in bytes. */
  readonly length: bigint;
  /** sha2-256 of the manifest bytes. */
  readonly digest: Hex;
};

/** A storage order as payer and providers sign it. Field order is the EIP-712 order. */
export type Order = {
  /** `ChallengeSettlement` of the group. */
  readonly group: Address;
  readonly owner: Address;
  readonly payer: Address;
  /** Provider id of each slot; all different. */
  readonly providers: readonly number[];
  readonly shardRoot: Hex;
  readonly stripes: number;
  /** `kind << 16 | k << 8 | m`: kind 1 = rs(k,m), kind 2 = copies(n) with k = 1, m = n − 1. */
  readonly policy: number;
  readonly layout: number;
  /** First epoch that is challenged and paid. */
  readonly startEpoch: number;
  /** First epoch that is not. */
  readonly endEpoch: number;
  /** Token wei per 2^32 shard-epochs, for one slot's provider. */
  readonly price: bigint;
  /** Epochs that are paid for even if the order ends early. */
  readonly minEpochs: number;
  /** Unix seconds; opening needs block.timestamp < openBy ≤ start(startEpoch). */
  readonly openBy: bigint;
  readonly manifest: ManifestLocation;
  readonly salt: Hex;
};

export const ORDER_TYPES = {
  Order: [
    { name: "group", type: "address" },
    { name: "owner", type: "address" },
    { name: "payer", type: "address" },
    { name: "providers", type: "uint32[]" },
    { name: "shardRoot", type: "bytes32" },
    { name: "stripes", type: "uint32" },
    { name: "policy", type: "uint32" },
    { name: "layout", type: "uint8" },
    { name: "startEpoch", type: "uint32" },
    { name: "endEpoch", type: "uint32" },
    { name: "price", type: "uint128" },
    { name: "minEpochs", type: "uint32" },
    { name: "openBy", type: "uint64" },
    { name: "manifest", type: "ManifestLocation" },
    { name: "salt", type: "bytes32" },
  ],
  ManifestLocation: [
    { name: "firstStripe", type: "uint32" },
    { name: "stripes", type: "uint32" },
    { name: "length", type: "uint64" },
    { name: "digest", type: "bytes32" },
  ],
} as const;

/** Domain of everything that `StorageOrders` verifies. */
export function ordersDomain(chainId: number, storageOrders: Address): TypedDataDomain {
  return { name: "memo StorageOrders", version: "1", chainId, verifyingContract: storageOrders };
}

/** Order id = EIP-712 struct hash, the same in every contract and on every chain. */
export function orderId(order: Order): Hex {
  return hashStruct({ data: order, types: ORDER_TYPES, primaryType: "Order" });
}
