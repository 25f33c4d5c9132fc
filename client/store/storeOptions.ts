import type { Address } from "viem";
import type { OnStoreProgress, StorePlan } from "./progress.ts";

/** What may be said about a store besides its source. */
export type StoreOptions = {
  /** Name in the owner's namespace; the file's own name when absent. */
  readonly name?: string;
  /** `rs(k,m)` or `copies(n)`; default `rs(6,3)`. */
  readonly policy?: string;
  /** Epochs to keep it for. */
  readonly epochs: number;
  /** Epochs from now to the first one that is paid; the upload has to be over by then. Default: by size. */
  readonly startIn?: number;
  /** Most token wei per 2^32 shard-epochs; default: whatever the chosen providers ask. */
  readonly maxPrice?: bigint;
  /** Epochs that are paid even if the order is ended early; default 0. */
  readonly minEpochs?: number;
  /** Spend of this payer's balance, as an agent of it; the account owns what it stores all the same. */
  readonly asAgentOf?: Address;
  /** Whether missing deposit is moved from the wallet; default true. */
  readonly deposit?: boolean;
  /** Whether segments are compressed where that makes them smaller; default true. */
  readonly compress?: boolean;
  /** Asked before anything is spent; false ends the store with `STORE_DECLINED`. */
  readonly confirm?: (plan: StorePlan) => Promise<boolean>;
  readonly onProgress?: OnStoreProgress;
  readonly signal?: AbortSignal;
};
