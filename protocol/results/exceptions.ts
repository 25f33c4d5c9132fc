import { type Hex, hexToBytes, zeroHash } from "viem";
import { EXCEPTION_KIND } from "../certificate.ts";
import { rangeProof } from "../merkle/rangeProof.ts";
import { buildTree, leafHash, type MerkleTree, TAG, treeRoot } from "../merkle/tree.ts";
import { type Judgement, VERDICT } from "./judge.ts";

/** What the chain applies after a certificate, one leaf after the other. */
export type ExceptionLeaf = {
  readonly kind: number;
  readonly provider: number;
  /** Zero for `missed`. */
  readonly data: Hex;
};

/** The exceptions of an epoch in leaf order: `missed`, ascending provider id. */
export function exceptionsOf(
  judgements: readonly Pick<Judgement, "provider" | "verdict">[],
): readonly ExceptionLeaf[] {
  return judgements
    .filter(({ verdict }) => verdict === VERDICT.missed)
    .map(({ provider }) => ({ kind: EXCEPTION_KIND.missed, provider, data: zeroHash }))
    .sort((a, b) => a.provider - b.provider);
}

/** kind (uint8) ‖ provider (uint32) ‖ data (32 bytes). */
export function exceptionPayload(leaf: ExceptionLeaf): Uint8Array {
  const payload = new Uint8Array(37);
  payload[0] = leaf.kind;
  new DataView(payload.buffer).setUint32(1, leaf.provider);
  payload.set(hexToBytes(leaf.data), 5);
  return payload;
}

/** Tree over an epoch's exceptions. */
export function exceptionsTree(leaves: readonly ExceptionLeaf[]): MerkleTree {
  return buildTree(leaves.map((leaf, index) => leafHash(TAG.exception, index, exceptionPayload(leaf))));
}

/** `Certificate.exceptionsRoot`; the empty tree's root when there are none. */
export function exceptionsRoot(leaves: readonly ExceptionLeaf[]): Hex {
  return treeRoot(exceptionsTree(leaves));
}

/** Consecutive leaves with the range proof under `exceptionsRoot` that `applyExceptions` takes. */
export type ExceptionChunk = {
  readonly from: number;
  readonly leaves: readonly ExceptionLeaf[];
  readonly proof: readonly Hex[];
};

/** Cuts the leaves from index `from` on into chunks of at most `size`, each with its range proof. */
export function exceptionChunks(
  leaves: readonly ExceptionLeaf[],
  from: number,
  size: number,
): ExceptionChunk[] {
  const tree = exceptionsTree(leaves);
  const chunks: ExceptionChunk[] = [];
  for (let at = from; at < leaves.length; at += size) {
    const chunk = leaves.slice(at, at + size);
    chunks.push({ from: at, leaves: chunk, proof: rangeProof(tree, at, chunk.length) });
  }
  return chunks;
}
