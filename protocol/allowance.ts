import type { Address, Hex, TypedDataDomain } from "viem";

/** Lets an agent spend out of the payer's balance. Field order is the EIP-712 order. */
export type ApproveAgent = {
  readonly payer: Address;
  readonly agent: Address;
  /** Token wei. */
  readonly budget: bigint;
  /** Unix seconds from which nothing more can be spent. */
  readonly expiresAt: bigint;
  /** Any that the payer has not used; in no order. */
  readonly nonce: bigint;
  /** Unix seconds until which the signature is good. */
  readonly deadline: bigint;
};

/** Says on what terms an order may be continued without a further signature. */
export type SetRenewal = {
  readonly payer: Address;
  readonly orderId: Hex;
  /** Token wei per 2^32 shard-epochs of one slot. */
  readonly maxPrice: bigint;
  /** Length of each continuation. */
  readonly epochs: number;
  /** Continuations that may follow; 0 takes the terms back. */
  readonly times: number;
  readonly nonce: bigint;
  readonly deadline: bigint;
};

/** A promise of pay for reads. The latest one stands for all of its channel before it. */
export type Voucher = {
  readonly payer: Address;
  readonly providerId: number;
  readonly channel: bigint;
  /** Token wei promised since the channel's first voucher. */
  readonly total: bigint;
  /** Unix seconds from which it is worth nothing. */
  readonly expiresAt: bigint;
};

export const ALLOWANCE_TYPES = {
  ApproveAgent: [
    { name: "payer", type: "address" },
    { name: "agent", type: "address" },
    { name: "budget", type: "uint128" },
    { name: "expiresAt", type: "uint64" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint64" },
  ],
  SetRenewal: [
    { name: "payer", type: "address" },
    { name: "orderId", type: "bytes32" },
    { name: "maxPrice", type: "uint128" },
    { name: "epochs", type: "uint32" },
    { name: "times", type: "uint16" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint64" },
  ],
  Voucher: [
    { name: "payer", type: "address" },
    { name: "providerId", type: "uint32" },
    { name: "channel", type: "uint64" },
    { name: "total", type: "uint128" },
    { name: "expiresAt", type: "uint64" },
  ],
} as const;

/** Domain of everything that `Allowances` verifies. */
export function allowancesDomain(chainId: number, allowances: Address): TypedDataDomain {
  return { name: "memo Allowances", version: "1", chainId, verifyingContract: allowances };
}
