import type { Address, Hex } from "viem";
import type { RenewalTerms } from "../protocol/chain/allowanceTypes.ts";
import type { Order } from "../protocol/order.ts";
import type { ReadReason } from "./slots.ts";

/** An order as final blocks have it. */
export type ChainOrder = {
  readonly order: Order;
  /** First epoch that is not challenged, early end included. */
  readonly endEpoch: number;
};

/** What the chain knows of this provider. */
export type ChainSelf = {
  readonly id: number;
  readonly ask: bigint;
  readonly domain: Hex;
  /** Token wei that no slot locks; 0 when the whole is below the least stake. */
  readonly freeStake: bigint;
  /** Token wei that may still be locked anew in this epoch. */
  readonly lockable: bigint;
  /** First epoch in which it can take slots again; 0 when it can. */
  readonly jailedUntil: number;
  /** Whether it asked to leave. */
  readonly exiting: boolean;
};

/** What the provider's handlers ask of the chain: final state, and two numbers as they stand now. */
export type ProviderChain = {
  readonly chainId: number;
  /** `ChallengeSettlement` of the group. */
  readonly group: Address;
  readonly storageOrders: Address;
  /** Timestamp of the newest final block in seconds; 0 before there is one. Deadlines count by it. */
  now(): number;
  /** First second of an epoch. */
  epochStart(epoch: number): number;
  /** Least price of the group. */
  minPrice(): bigint;
  /** Chain time in seconds up to which the bytes of a slot of an opened order may be asked for by anybody. */
  heldUntil(id: Hex, slot: number): number;
  /** This operator's registration; undefined while there is none, and when the key was replaced. */
  self(): ChainSelf | undefined;
  /** Whether the provider whose bytes are kept here has another operator by now. */
  operatorReplaced(): boolean;
  order(id: Hex): ChainOrder | undefined;
  /** Stake in token wei that so many shards lock. */
  collateral(shards: number): bigint;
  /** Why a peer may read shards of an order without its owner's word, if it may. */
  readReason(peer: string, orderId: Hex): ReadReason | undefined;
  /** Token wei that the payer can spend on orders at the newest block. */
  freeBalance(payer: Address): Promise<bigint>;
  /** Token wei that opening the order takes from the payer. */
  cost(order: Order): Promise<bigint>;
  /** Whether an account, which may be a contract, has signed the order. */
  hasSigned(signer: Address, order: Order, signature: Hex): Promise<boolean>;
  /** Token wei that an agent may spend of a payer's balance at the newest block. */
  agentBudget(payer: Address, agent: Address): Promise<bigint>;
  /** Terms on which an order may go on without a further signature of its payer. */
  renewalOf(payer: Address, orderId: Hex): RenewalTerms | undefined;
};
