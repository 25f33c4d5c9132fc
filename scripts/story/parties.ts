import { type Address, getAddress } from "viem";
import { embeddedAccount } from "../embedded/accounts.ts";
import type { EmbeddedNetwork } from "../embedded/network.ts";

/** Nobody has its key. */
export const BURN_ADDRESS: Address = "0x000000000000000000000000000000000000dEaD";
export const BURNT = "burnt";

/** Whose address it is in the embedded network; an address that is nobody's stands for itself. */
export function partyOf(network: EmbeddedNetwork, address: Address): string {
  const wanted = getAddress(address);
  const is = (other: Address) => getAddress(other) === wanted;
  if (is(BURN_ADDRESS)) return BURNT;
  for (const role of ["user", "outsider"] as const) if (is(embeddedAccount(role).address)) return role;
  if (is(network.group.parameters.treasury)) return "treasury";
  for (const kind of ["provider", "keeper"] as const) {
    for (const { id } of network.members[`${kind}s`]) {
      const owns = is(embeddedAccount(`${kind} owner`, id).address);
      if (owns || is(embeddedAccount(`${kind} operator`, id).address)) return `${kind} ${id}`;
    }
  }
  return wanted;
}
