import type { Abi, Address, Hex } from "viem";
import type { StoreResult } from "../../../client/store/store.ts";
import { allowancesAbi } from "../../../protocol/abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import type { Kzg } from "../../../protocol/kzg/kzg.ts";
import type { Order } from "../../../protocol/order.ts";
import type { Call, Sender } from "../../embedded/calls.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import type { StoryContext } from "../context.ts";
import type { Cast } from "./cast.ts";

/** What every act of the second half has at hand. */
export interface Play extends StoryContext {
  cast: Cast;
  /** The file. */
  file: StoreResult;
  /** A second order that the cheater holds a slot of too. */
  second: StoreResult;
  kzg: Kzg;
  /** Why each provider missed what it missed: the story knows, as it made it so. */
  reasons: Reasons;
}

/** Why a provider misses epochs, from one epoch on until another reason is given. */
export interface Reasons {
  set(provider: number, fromEpoch: number, reason: string): void;
  of(provider: number, epoch: number): string;
}

export function createReasons(): Reasons {
  const known: { provider: number; fromEpoch: number; reason: string }[] = [];
  return {
    set(provider, fromEpoch, reason) {
      known.push({ provider, fromEpoch, reason });
    },
    of(provider, epoch) {
      const fitting = known.filter((each) => each.provider === provider && each.fromEpoch <= epoch);
      return fitting.at(-1)?.reason ?? "unknown";
    },
  };
}

export function senderOf({ chain, conductor }: EmbeddedNetwork): Sender {
  return { publicClient: chain.publicClient, walletClient: chain.walletClient, conductor };
}

type Target = Pick<Call, "address" | "abi">;

/** The contracts of the group, to be called. */
export function targetsOf({
  group,
}: EmbeddedNetwork): Record<
  "allowances" | "disputes" | "orders" | "repairs" | "settlement" | "staking",
  Target
> {
  const target = (address: Address, abi: unknown): Target => ({ address, abi: abi as Abi });
  return {
    allowances: target(group.allowances, allowancesAbi),
    disputes: target(group.disputes, disputesAbi),
    orders: target(group.orders, storageOrdersAbi),
    repairs: target(group.repairs, repairsAbi),
    settlement: target(group.settlement, challengeSettlementAbi),
    staking: target(group.staking, stakingAbi),
  };
}

/** Providers that hold the slots of an order now; 0 where nobody does. */
export function holdersOf({ chain, group }: EmbeddedNetwork, order: Order): Promise<readonly number[]> {
  return chain.publicClient.readContract({
    address: group.repairs,
    abi: repairsAbi,
    functionName: "holdersOf",
    args: [order],
  });
}

/** Stake of a provider, collateral included. */
export async function stakeOf({ chain, group }: EmbeddedNetwork, provider: number): Promise<bigint> {
  const { stake } = await chain.publicClient.readContract({
    address: group.staking,
    abi: stakingAbi,
    functionName: "provider",
    args: [provider],
  });
  return stake;
}

/** Slot of an order that a provider held when it opened. */
export function slotOf(order: Order, provider: number): number {
  return order.providers.indexOf(provider);
}

export function shortId(orderId: Hex): string {
  return `${orderId.slice(0, 10)}…`;
}
