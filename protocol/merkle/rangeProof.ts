import { bytesToHex, type Hex } from "viem";
import { MemoError } from "../errors.ts";
import {
  assertIndex,
  equalsRoot,
  type Hash,
  type MerkleTree,
  nodeAt,
  nodeHash,
  readHash,
  treeDepth,
} from "./tree.ts";

/**
 * Proof that the consecutive leaves [from, from + length) are in the tree. Bottom up, on each level first
 * the left neighbour if the range begins at an odd index, then the right neighbour if it ends (exclusive)
 * at an odd index. Pads are given like any other neighbour.
 * @throws MERKLE_INDEX_OUT_OF_RANGE, MERKLE_RANGE_EMPTY
 */
export function rangeProof(tree: MerkleTree, from: number, length: number): Hex[] {
  if (!Number.isInteger(length) || length < 1) {
    throw new MemoError("MERKLE_RANGE_EMPTY", "A range proof needs at least one leaf.", {
      details: { from, length },
    });
  }
  assertIndex(from, tree.count);
  assertIndex(from + length - 1, tree.count);
  const proof: Hex[] = [];
  let begin = from;
  let end = from + length;
  for (let level = 0; level < tree.depth; level++) {
    if (begin & 1) proof.push(bytesToHex(nodeAt(tree, level, begin - 1)));
    if (end & 1) proof.push(bytesToHex(nodeAt(tree, level, end)));
    begin = begin >>> 1;
    end = (end + 1) >>> 1;
  }
  return proof;
}

/** Whether `leaves` (hashes) are the leaves from index `from` on in the tree of `count` leaves under `root`. */
export function verifyRangeProof(claim: {
  root: Hex;
  count: number;
  from: number;
  leaves: readonly Hash[];
  proof: readonly Hex[];
}): boolean {
  const { count, from, leaves } = claim;
  if (!Number.isInteger(from) || from < 0 || leaves.length === 0 || from + leaves.length > count)
    return false;
  const proof = claim.proof.map(readHash);
  let used = 0;
  let begin = from;
  let end = from + leaves.length;
  let row = [...leaves];
  for (let level = 0; level < treeDepth(count); level++) {
    if (begin & 1) {
      const left = proof[used++];
      if (left === undefined) return false;
      row.unshift(left);
    }
    if (end & 1) {
      const right = proof[used++];
      if (right === undefined) return false;
      row.push(right);
    }
    const above: Hash[] = [];
    for (let index = 0; index < row.length; index += 2) above.push(nodeHash(row[index]!, row[index + 1]!));
    row = above;
    begin = begin >>> 1;
    end = (end + 1) >>> 1;
  }
  return used === proof.length && equalsRoot(row[0]!, claim.root);
}
