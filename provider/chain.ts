import type { Address, Hex } from "viem";
import type { Order } from "../protocol/order.ts";

/** An order as final blocks have it. */
export type ChainOrder = {
  readonly order: Order;
  /** First epoch that is not challenged, early end included. */
  readonly endEpoch: number;
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
  /** Seconds after an order's end during which its bytes may still be asked for. */
  retention(): number;
  /** This operator's registration; undefined while there is none. */
  self(): { id: number; ask: bigint; domain: Hex } | undefined;
  order(id: Hex): ChainOrder | undefined;
  /** Token wei that the payer can spend on orders at the newest block. */
  freeBalance(payer: Address): Promise<bigint>;
  /** Token wei that opening the order takes from the payer. */
  cost(order: Order): Promise<bigint>;
};
