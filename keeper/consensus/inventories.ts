import type { InventoryMessage } from "./messages.ts";
import { type InstanceContext, isBacked, type ProofBook } from "./value.ts";

/** Inventories of an epoch: the first one of each member. */
export type InventoryPool = {
  /** Keeps it; `conflict` if the member has signed another one. */
  add(message: InventoryMessage): "kept" | "repeated" | "conflict" | "malformed";
  /** Ends the time within which a received inventory must be in a proposal. */
  closeDemand(): void;
  all(): readonly InventoryMessage[];
  /** Those whose proofs are all in the book. */
  backed(): readonly InventoryMessage[];
  /** Members whose inventory came in time, is backed, and is missing from `absent`'s complement. */
  lacking(absent: number): readonly number[];
};

/** Creates the pool. Own inventory is never demanded: others do that. */
export function createInventoryPool(context: InstanceContext, book: ProofBook): InventoryPool {
  const kept = new Map<number, InventoryMessage>();
  const early = new Set<number>();
  let demanding = true;
  const isUsable = (message: InventoryMessage) => isBacked(context, book, message.holdings);

  return {
    add(message) {
      const earlier = kept.get(message.member);
      if (earlier !== undefined) return sameHoldings(earlier, message) ? "repeated" : "conflict";
      if (message.holdings.length !== context.set.length) return "malformed";
      kept.set(message.member, message);
      if (demanding && message.member !== context.self) early.add(message.member);
      return "kept";
    },
    closeDemand: () => {
      demanding = false;
    },
    all: () => [...kept.values()],
    backed: () => [...kept.values()].filter(isUsable),
    lacking: (absent) =>
      [...early].filter((member) => ((absent >>> member) & 1) === 1 && isUsable(kept.get(member)!)),
  };
}

function sameHoldings(a: InventoryMessage, b: InventoryMessage): boolean {
  return (
    a === b ||
    (a.holdings.length === b.holdings.length &&
      a.holdings.every((held, index) => String(held) === String(b.holdings[index])))
  );
}
