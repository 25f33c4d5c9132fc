import { isAddressEqual } from "viem";
import type { Order } from "./order.ts";

const SAME = ["shardRoot", "stripes", "policy", "layout"] as const;
const SAME_PLACE = ["firstStripe", "stripes", "length"] as const;

/**
 * What keeps `next` from being a continuation of `order`: the same content of the same owner in the same group. Times,
 * price, payer and holders are other people's to judge.
 * @returns names of the fields that differ
 */
export function continuationDifferences(order: Order, next: Order): string[] {
  const differs: string[] = SAME.filter((field) => next[field] !== order[field]);
  if (!isAddressEqual(next.group, order.group)) differs.push("group");
  if (!isAddressEqual(next.owner, order.owner)) differs.push("owner");
  const isSamePlace =
    SAME_PLACE.every((field) => next.manifest[field] === order.manifest[field]) &&
    next.manifest.digest.toLowerCase() === order.manifest.digest.toLowerCase();
  if (!isSamePlace) differs.push("manifest");
  return differs;
}
