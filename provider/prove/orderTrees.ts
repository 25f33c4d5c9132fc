import type { Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { type OrderTree, orderTree } from "../../protocol/merkle/slotRoot.ts";
import type { ProviderStore } from "../store/store.ts";

/** Leaves of order trees that are kept at hand, about 100 bytes each. */
const CACHED_LEAVES = 131_072;

/** All trees of an order of which a slot is held. @throws ORDER_UNKNOWN */
export type OrderTrees = (orderId: Hex) => OrderTree;

export function createOrderTrees(store: ProviderStore): OrderTrees {
  const trees = new Map<Hex, OrderTree>();
  let leaves = 0;
  return (orderId) => {
    const cached = trees.get(orderId);
    if (cached !== undefined) return cached;
    const held = store.orders.get(orderId);
    const slots = held?.order.providers.map((_, slot) => store.uploads.slotCommitments(held.uploadId, slot));
    const known = slots?.filter((commitments) => commitments !== undefined) ?? [];
    if (known.length === 0 || known.length !== slots?.length) {
      throw new MemoError("ORDER_UNKNOWN", `The commitments of order ${orderId} are not here.`, {
        details: { orderId },
      });
    }
    const tree = orderTree(known);
    trees.set(orderId, tree);
    leaves += tree.stripes * tree.slots.length;
    for (const [oldest, { stripes, slots: kept }] of trees) {
      if (leaves <= CACHED_LEAVES || oldest === orderId) break;
      trees.delete(oldest);
      leaves -= stripes * kept.length;
    }
    return tree;
  };
}
