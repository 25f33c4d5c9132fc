import type { Hex } from "viem";
import { epochStart } from "../protocol/chain/epochs.ts";
import type { GroupState, OrderInfo, SlotInfo } from "../protocol/chain/groupTypes.ts";
import { parseEndpoint } from "../protocol/net/host.ts";

/** A slot that keepers offer to a provider, which may take it up to and in epoch `deadline`. */
export type LiveOffer = { readonly order: OrderInfo; readonly slot: SlotInfo; readonly deadline: number };

/** Offers that a provider can still accept in `epoch`. */
export function offersTo(state: GroupState, provider: number, epoch: number): LiveOffer[] {
  const offers: LiveOffer[] = [];
  for (const order of state.orders.values()) {
    for (const slot of order.slots) {
      const offer = liveOffer(order, slot, epoch);
      if (offer?.provider === provider) offers.push({ order, slot, deadline: offer.deadline });
    }
  }
  return offers;
}

/** The offer of a slot if it can be accepted in `epoch`: the new holder is challenged from the next epoch on. */
export function liveOffer(order: OrderInfo, slot: SlotInfo, epoch: number): SlotInfo["offer"] {
  const over = order.closed || slot.voided || epoch + 1 >= order.endEpoch;
  return over || slot.offer === undefined || slot.offer.deadline < epoch ? undefined : slot.offer;
}

/** Why a peer may read shards of an order without its owner's word. */
export type ReadReason = "repair" | "heal";

/**
 * Whether chain state gives the host `peer` a reason to read an order: a slot of it is offered to that provider, or it
 * holds one and has missed an epoch of late, so that it may have shards to rebuild.
 */
export function readReason(
  state: GroupState,
  peer: string,
  orderId: Hex,
  epoch: number,
): ReadReason | undefined {
  const order = state.orders.get(orderId);
  if (order === undefined || order.closed) return undefined;
  const isPeer = (provider: number | undefined) =>
    provider !== undefined && peerOf(state.providers.get(provider)?.endpoint ?? "") === peer;
  if (order.slots.some((slot) => isPeer(liveOffer(order, slot, epoch)?.provider))) return "repair";
  const late = order.slots.some(
    ({ holder }) => holder !== undefined && missedLately(state, holder, epoch) && isPeer(holder),
  );
  return late ? "heal" : undefined;
}

/** Whether a provider missed an epoch in the cool-off before `epoch`. */
export function missedLately(state: GroupState, provider: number, epoch: number): boolean {
  for (let past = epoch; past > epoch - state.parameters.coolOffEpochs && past >= 0; past--) {
    if (state.missed.get(past)?.includes(provider)) return true;
  }
  return false;
}

/**
 * Chain time (seconds) up to which a provider has to keep the bytes of a slot that it holds or once held. Who lost a
 * slot keeps them while it can be asked to prove that it has them, and while nobody else has rebuilt them.
 */
export function heldUntil(state: GroupState, provider: number, order: OrderInfo, slot: number): number {
  const { parameters } = state;
  // Unbonding outlasts every window together.
  const over = epochStart(parameters, order.endEpoch) + parameters.unbondingDelay;
  const info = order.slots[slot];
  if (info === undefined || info.holder === provider || isDisputed(state, provider, order.id, slot))
    return over;
  if (info.holder === undefined && !info.voided && !order.closed) return over;
  // Who hands over is challenged up to the epoch before `until`; a former holder's former holder never is.
  const last = info.former === provider ? info.until : undefined;
  return last === undefined ? 0 : Math.min(over, epochStart(parameters, last + 1));
}

/** Whether a provider may still have to prove a slot in a dispute. */
function isDisputed(state: GroupState, provider: number, orderId: Hex, slot: number): boolean {
  for (const record of state.lost.values()) {
    if (record.provider !== provider || record.status === "closed") continue;
    if (record.entries.some((entry) => entry.orderId === orderId && entry.slot === slot)) return true;
  }
  return [...state.directChallenges.values()].some(
    ({ ticket }) => ticket.providerId === provider && ticket.orderId === orderId && ticket.slot === slot,
  );
}

/** Peer id in an endpoint; endpoints on chain are whatever their owners wrote. */
export function peerOf(endpoint: string): string | undefined {
  try {
    return parseEndpoint(endpoint).peer;
  } catch {
    return undefined;
  }
}
