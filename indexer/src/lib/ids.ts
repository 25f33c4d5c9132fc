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

export function slotId(order: Hex, slot: number): string {
  return `${order}-${slot}`;
}
