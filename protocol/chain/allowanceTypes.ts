import type { Address, Hex } from "viem";

/** Terms on which an order may be continued without a further signature of its payer. */
export type RenewalTerms = {
  readonly payer: Address;
  readonly orderId: Hex;
  /** Highest price, token wei per 2^32 shard-epochs of one slot. */
  readonly maxPrice: bigint;
  /** Length of each continuation. */
  readonly epochs: number;
  /** Continuations that may still follow. */
  readonly left: number;
};

/** Key of terms in `GroupState.renewals`. */
export type RenewalKey = `${string}/${Hex}`;

/** Key of terms in `GroupState.renewals`. */
export function renewalKey(payer: Address, orderId: Hex): RenewalKey {
  return `${payer.toLowerCase()}/${orderId}`;
}
