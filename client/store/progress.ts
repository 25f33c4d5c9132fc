import type { Address, Hex } from "viem";

/** What is about to be bought, told before anything is spent. */
export type StorePlan = {
  readonly name: string;
  /** Plain bytes. */
  readonly bytes: number;
  readonly policy: string;
  /** Most shards that the order can have. */
  readonly shards: number;
  readonly startEpoch: number;
  readonly endEpoch: number;
  /** Token wei per 2^32 shard-epochs. */
  readonly price: bigint;
  /** Most token wei that opening takes, everything included. */
  readonly cost: bigint;
  /** Part of the cost that is not deposited yet and will be moved from the wallet. */
  readonly deposit: bigint;
  readonly payer: Address;
};

/** Steps of a store, in this order; `replaced` and `shards` come many times. */
export type StoreProgress =
  | ({ readonly stage: "planned" } & StorePlan)
  | { readonly stage: "deposited"; readonly amount: bigint; readonly transaction: Hex }
  /** A provider agreed to hold a slot. */
  | { readonly stage: "reserved"; readonly slot: number; readonly provider: number }
  /** A provider was refused, and why; another one takes the slot. */
  | {
      readonly stage: "replaced";
      readonly slot: number;
      readonly provider: number;
      readonly code: string;
      readonly reason: string;
    }
  /** Plain bytes read and shards sent so far, of at most so many. */
  | {
      readonly stage: "shards";
      readonly bytes: number;
      readonly ofBytes: number;
      readonly shards: number;
      readonly ofShards: number;
    }
  /** All commitments of a window are verified. */
  | { readonly stage: "committed"; readonly firstStripe: number; readonly stripes: number }
  | { readonly stage: "signed"; readonly orderId: Hex; readonly providers: readonly number[] }
  | { readonly stage: "opened"; readonly orderId: Hex; readonly transaction: Hex; readonly gas: bigint };

export type OnStoreProgress = (event: StoreProgress) => void;
