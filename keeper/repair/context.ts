import type { Hex } from "viem";
import { expiriesAt } from "../../protocol/chain/disputeTypes.ts";
import type { EpochSet, GroupState, OrderInfo, SlotInfo } from "../../protocol/chain/groupTypes.ts";
import type { ShardRef } from "../../protocol/challenge/sample.ts";
import type { EpochChallenge } from "../challenge/challenges.ts";
import type { FaultHistory } from "./clocks.ts";

/**
 * What lost slots and offers of an epoch follow from, beside the results that are voted on: the chain up to the
 * epoch's cut-off. Equal for all keepers that have come so far.
 */
export type RepairContext = {
  readonly epoch: number;
  readonly seed: Hex;
  readonly set: EpochSet;
  readonly challenge: EpochChallenge;
  /** What each provider owed when it was challenged. */
  readonly owed: ReadonlyMap<number, readonly ShardRef[]>;
  /** The group when the set was taken, before anybody knew the seed. */
  readonly setState: GroupState;
  /** The group at the cut-off. */
  readonly state: GroupState;
  /** What the certificates that were on chain at the cut-off say. */
  readonly history: FaultHistory;
};

/** What a look over all orders at the cut-off finds, once per epoch. */
export type RepairIndex = {
  /** Orders that want a look: a slot is vacant, or its holder leaves. */
  readonly disturbed: readonly Hex[];
  /** Collateral that live offers count on, by assignee. */
  readonly promised: ReadonlyMap<number, bigint>;
  /** Deadline of the last offer that a provider did not take. */
  readonly lastExpired: ReadonlyMap<number, number>;
  /** Shards in all slots of open orders. */
  readonly activeShards: number;
};

/** Looks over all orders. */
export function indexRepairs({ state, epoch }: Pick<RepairContext, "state" | "epoch">): RepairIndex {
  const { orders, providers, expiredOffers, parameters } = state;
  const leaving = new Set([...providers.values()].filter(({ exiting }) => exiting).map(({ id }) => id));
  const disturbed: Hex[] = [];
  const promised = new Map<number, bigint>();
  const lastExpired = new Map<number, number>();
  const expire = (provider: number, deadline: number) =>
    lastExpired.set(provider, Math.max(deadline, lastExpired.get(provider) ?? -1));
  for (const { provider, epoch: deadline } of expiredOffers) expire(provider, deadline);
  let activeShards = 0;
  for (const { id, order, slots, closed } of orders.values()) {
    if (closed) continue;
    activeShards += order.stripes * slots.length;
    let isDisturbed = false;
    for (const { holder, offer } of slots) {
      isDisturbed ||= holder === undefined || leaving.has(holder);
      if (offer === undefined) continue;
      if (offer.deadline < liveFrom(epoch)) {
        expire(offer.provider, offer.deadline);
        continue;
      }
      const collateral = parameters.collateralPerShard * BigInt(order.stripes);
      promised.set(offer.provider, (promised.get(offer.provider) ?? 0n) + collateral);
    }
    if (isDisturbed) disturbed.push(id);
  }
  return { disturbed, promised, lastExpired, activeShards };
}

/** An offer whose deadline is before this epoch is over when the certificate of `epoch` is applied. */
function liveFrom(epoch: number): number {
  return epoch + 1;
}

/** Whether the slot's last offer can still be accepted when the certificate of `epoch` is applied. */
export function hasLiveOffer({ offer }: SlotInfo, epoch: number): boolean {
  return offer !== undefined && offer.deadline >= liveFrom(epoch);
}

/** Offers of the slot that nobody took, as the certificate of `epoch` finds them. */
export function expiredOffersOf(slot: SlotInfo, epoch: number): number {
  return expiriesAt(slot, liveFrom(epoch));
}

/** Slots without holder. */
export function vacantSlots({ slots }: OrderInfo): readonly SlotInfo[] {
  return slots.filter(({ holder }) => holder === undefined);
}

/** Slots that an order can do without, as the contracts read them. */
export function paritiesOf({ order }: OrderInfo): number {
  return order.policy & 0xff;
}
