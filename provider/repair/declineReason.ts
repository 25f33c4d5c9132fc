import type { OrderInfo } from "../../protocol/chain/groupTypes.ts";
import { SHARD_BYTES } from "../../protocol/constants.ts";
import { unpromisedLock, unpromisedStake } from "../stake.ts";
import type { RepairDeps } from "./worker.ts";

/** Why an offer is not taken now; the next block may say otherwise. */
export function declineReason(
  deps: Pick<RepairDeps, "view" | "store" | "willing">,
  { order }: OrderInfo,
  freeBytes: number,
): string | undefined {
  const self = deps.view.self();
  if (!deps.willing) return "repairs are switched off";
  if (self === undefined) return "this key is not the provider's operator";
  if (self.exiting) return "this provider is leaving";
  if (self.jailedUntil > 0) return `this provider takes no slots before epoch ${self.jailedUntil}`;
  if (order.price < self.ask) return `the price ${order.price} is below what is asked, ${self.ask}`;
  const bytes = order.stripes * SHARD_BYTES;
  if (bytes > freeBytes) return `the slot needs ${bytes} bytes, ${freeBytes} are free`;
  const needed = deps.view.collateral(order.stripes);
  const free = unpromisedStake(deps.store, deps.view);
  if (needed > free) return `the slot locks ${needed} of stake, ${free} are free`;
  const lockable = unpromisedLock(deps.store, deps.view);
  if (needed > lockable) return `the slot locks ${needed} of stake anew, ${lockable} are left for this epoch`;
  return undefined;
}
