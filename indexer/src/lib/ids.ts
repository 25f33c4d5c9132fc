import type { Hex } from "viem";

/** Id of the only row of `network`. */
export const NETWORK_ID = "memo";

/** Addresses are kept in lower case, ids too. */
export function lower(value: Hex): Hex {
  return value.toLowerCase() as Hex;
}

/** Id of what has a number in a group: provider, keeper, roster (by term) or epoch. */
export function scoped(group: Hex, number: number | bigint): string {
  return `${group}-${number}`;
}

export function payerId(group: Hex, payer: Hex): string {
  return `${group}-${lower(payer)}`;
}

/** The address in the id of a payer. */
export function payerAddress(id: string): Hex {
  return id.slice(id.lastIndexOf("-") + 1) as Hex;
}

/** Id of what somebody may spend of a payer's balance. */
export function agentId(group: Hex, payer: Hex, agent: Hex): string {
  return `${payerId(group, payer)}-${lower(agent)}`;
}

/** Id of the terms on which an order may go on. */
export function renewalId(group: Hex, payer: Hex, order: Hex): string {
  return `${payerId(group, payer)}-${order}`;
}

export function slotId(order: Hex, slot: number): string {
  return `${order}-${slot}`;
}

/** Id of a hand-over (by the epoch until which it was paid) and of the repair that follows. */
export function handOverId(order: Hex, slot: number, until: number | bigint): string {
  return `${slotId(order, slot)}-${until}`;
}

/** Id of somebody's time as holder of a slot. */
export function assignmentId(order: Hex, slot: number, since: number | bigint): string {
  return `${slotId(order, slot)}-${since}`;
}

/** Id of an offer, of which an epoch has at most one per slot. */
export function offerId(order: Hex, slot: number, epoch: number): string {
  return `${slotId(order, slot)}-${epoch}`;
}

/** Id of a lost record. */
export function recordId(provider: string, epoch: number, part: number): string {
  return `${provider}-${epoch}-${part}`;
}
