import { concat, type Hex, keccak256 } from "viem";
import { buildTree, leafHash, type MerkleTree, TAG, treeRoot } from "../merkle/tree.ts";
import type { ProofPart } from "../wire/proofMessage.ts";
import type { Judgement, Verdict } from "./judge.ts";

/** A leaf under `resultsRoot` with what its hashes are made of. */
export type ResultLeaf = {
  readonly provider: number;
  readonly verdict: Verdict;
  /** Bitmap over the challenge's (order, slot) pairs by first appearance. */
  readonly cover: Uint8Array;
  /** The whole proof, or one part per covered pair in ascending order; none if nothing is covered. */
  readonly parts: readonly ProofPart[];
};

/** provider (uint32) ‖ verdict (uint8) ‖ keccak(cover) ‖ keccak(parts' (y ‖ π) in order). */
export function resultPayload(leaf: ResultLeaf): Uint8Array {
  const payload = new Uint8Array(69);
  new DataView(payload.buffer).setUint32(0, leaf.provider);
  payload[4] = leaf.verdict;
  payload.set(keccak256(leaf.cover, "bytes"), 5);
  payload.set(keccak256(concat(leaf.parts.flatMap((part) => [part.y, part.proof])), "bytes"), 37);
  return payload;
}

/** Tree over the results of an epoch; leaves in ascending provider id. */
export function resultsTree(leaves: readonly ResultLeaf[]): MerkleTree {
  return buildTree(leaves.map((leaf, index) => leafHash(TAG.result, index, resultPayload(leaf))));
}

/** `Certificate.resultsRoot`. */
export function resultsRoot(leaves: readonly ResultLeaf[]): Hex {
  return treeRoot(resultsTree(leaves));
}

/** The leaf of a judgement whose proof parts are known. */
export function resultLeaf(judgement: Judgement, parts: readonly ProofPart[]): ResultLeaf {
  const { provider, verdict, cover } = judgement;
  return { provider, verdict, cover, parts };
}
