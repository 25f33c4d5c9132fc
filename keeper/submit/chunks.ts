import { type Hex, size } from "viem";
import { EXCEPTION_KIND } from "../../protocol/certificate.ts";
import type { OrderInfo } from "../../protocol/chain/groupTypes.ts";
import { rangeProof } from "../../protocol/merkle/rangeProof.ts";
import {
  type ExceptionChunk,
  type ExceptionLeaf,
  exceptionsTree,
  lostDetail,
  offerDetail,
} from "../../protocol/results/exceptions.ts";

/** Bounds of one transaction: leaves, bytes of details, and gas, well below what a block or a pool takes. */
const CHUNK = { leaves: 50, bytes: 90_000, gas: 8_000_000 };
/** Gas that leaves cost at most, calldata included: measured in the contracts' snapshot, rounded up. */
const GAS = { missed: 40_000, lost: 90_000, lostEntry: 80_000, offer: 90_000 };

/** Consecutive exceptions as `applyExceptions` takes them. */
export type AppliedChunk = ExceptionChunk & {
  /** One per lost leaf and offer, in leaf order. */
  readonly details: readonly Hex[];
};

/** What goes along with a leaf; undefined for those that need nothing, or whose order is unknown. */
function detailOf(leaf: ExceptionLeaf, orders: ReadonlyMap<Hex, OrderInfo>): Hex | undefined {
  if (leaf.kind === EXCEPTION_KIND.lost) {
    const named = new Set(leaf.content.entries.map(({ orderId }) => orderId));
    const open = [...named].flatMap((id) => {
      const info = orders.get(id);
      return info === undefined || info.closed ? [] : [info];
    });
    return lostDetail(leaf.content, open);
  }
  if (leaf.kind !== EXCEPTION_KIND.offer) return undefined;
  const info = orders.get(leaf.content.orderId);
  return info === undefined ? undefined : offerDetail(leaf.content, info.order);
}

function gasOf(leaf: ExceptionLeaf): number {
  if (leaf.kind === EXCEPTION_KIND.missed) return GAS.missed;
  if (leaf.kind === EXCEPTION_KIND.offer) return GAS.offer;
  return GAS.lost + GAS.lostEntry * leaf.content.entries.length;
}

/** The next leaves from index `from` on that fit one transaction, at least one; undefined at the end. */
export function nextChunk(
  leaves: readonly ExceptionLeaf[],
  from: number,
  orders: ReadonlyMap<Hex, OrderInfo>,
): AppliedChunk | undefined {
  if (from >= leaves.length) return undefined;
  const details: Hex[] = [];
  let bytes = 0;
  let gas = 0;
  let to = from;
  for (; to < leaves.length && to - from < CHUNK.leaves; to++) {
    const detail = detailOf(leaves[to]!, orders);
    bytes += detail === undefined ? 0 : size(detail);
    gas += gasOf(leaves[to]!);
    if (to > from && (bytes > CHUNK.bytes || gas > CHUNK.gas)) break;
    if (detail !== undefined) details.push(detail);
  }
  const chunk = leaves.slice(from, to);
  return { from, leaves: chunk, proof: rangeProof(exceptionsTree(leaves), from, chunk.length), details };
}

/** Whether applying them draws what an appeal has to answer, which takes two blocks after the certificate. */
export function needsDraw(leaves: readonly ExceptionLeaf[]): boolean {
  return leaves.some(({ kind }) => kind === EXCEPTION_KIND.lost);
}
