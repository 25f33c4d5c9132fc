import { type Hex, zeroHash } from "viem";
import { EXCEPTION_KIND } from "../../../protocol/certificate.ts";
import { rangeProof } from "../../../protocol/merkle/rangeProof.ts";
import { buildTree, leafHash, TAG, treeRoot } from "../../../protocol/merkle/tree.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import {
  exceptionPayload,
  type LostLeafContent,
  lostData,
  lostDetail,
  offerData,
  offerDetail,
} from "../../../protocol/results/exceptions.ts";

/** A leaf as the contract takes it, and what its hash stands for; also leaves that no keeper makes. */
export type TestLeaf = {
  readonly kind: number;
  readonly provider: number;
  readonly data: Hex;
  readonly detail?: Hex;
};

export function missedLeaf(provider: number): TestLeaf {
  return { kind: EXCEPTION_KIND.missed, provider, data: zeroHash };
}

/** A provider lost shards of these slots; of each the first stripe unless another is named. */
export function lostLeaf(
  provider: number,
  lost: readonly { readonly order: Order; readonly slot: number; readonly stripe?: number }[],
  part = 0,
): TestLeaf {
  const entries = lost
    .map(({ order, slot, stripe = 0 }) => ({ orderId: orderId(order), slot, stripe }))
    .sort((a, b) => (a.orderId === b.orderId ? a.slot - b.slot : a.orderId < b.orderId ? -1 : 1));
  const content: LostLeafContent = { provider, part, entries };
  const open = lost.map(({ order }) => ({ id: orderId(order), order }));
  return { kind: EXCEPTION_KIND.lost, provider, data: lostData(content), detail: lostDetail(content, open) };
}

/** A slot is offered to a provider. */
export function offerLeaf(provider: number, order: Order, slot: number, deadline: number): TestLeaf {
  const content = { provider, orderId: orderId(order), slot, deadline };
  return {
    kind: EXCEPTION_KIND.offer,
    provider,
    data: offerData(content),
    detail: offerDetail(content, order),
  };
}

/** The tree of exceptions that a certificate names, and the arguments that apply part of it. */
export function exceptionTree(leaves: readonly TestLeaf[]) {
  const payload = (leaf: TestLeaf) => exceptionPayload(leaf as Parameters<typeof exceptionPayload>[0]);
  const tree = buildTree(leaves.map((leaf, index) => leafHash(TAG.exception, index, payload(leaf))));
  return {
    certificate: { exceptionsRoot: treeRoot(tree), exceptions: leaves.length },
    chunk: (from: number, length: number): [TestLeaf[], Hex[], Hex[]] => {
      const chunk = leaves.slice(from, from + length);
      const details = chunk.flatMap(({ detail }) => (detail === undefined ? [] : [detail]));
      return [chunk, rangeProof(tree, from, length), details];
    },
  };
}
