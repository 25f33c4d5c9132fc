import { bytesToHex, type Hex } from "viem";
import { COMMITMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { type OrderTree, shardLeaf, slotLeaf } from "./slotRoot.ts";
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
 * One proof for many shards of an order. Canonical form: for each slot that has shards, ascending, the
 * hashes that lead from its stripes to its slot root; then those that lead from the slots' leaves to the
 * shard root. Within a tree: bottom up, on each level from left to right, every sibling that cannot be
 * computed from what is known. Pads are given like any other, so the length depends on the positions only.
 */
export type Multiproof = readonly Hex[];

/** Place of a shard in its order. */
export type Place = { readonly slot: number; readonly stripe: number };

/**
 * Proof for the shards at `places`, in any order, repeats ignored.
 * @throws MERKLE_INDEX_OUT_OF_RANGE, MERKLE_RANGE_EMPTY
 */
export function multiproof(tree: OrderTree, places: readonly Place[]): Multiproof {
  if (places.length === 0)
    throw new MemoError("MERKLE_RANGE_EMPTY", "A multiproof needs at least one shard.");
  const bySlot = Map.groupBy(places, ({ slot }) => slot);
  const slots = [...bySlot.keys()].sort((a, b) => a - b);
  const hashes: Hash[] = [];
  for (const slot of slots) {
    assertIndex(slot, tree.slots.length);
    const stripes = [...new Set(bySlot.get(slot)!.map(({ stripe }) => stripe))].sort((a, b) => a - b);
    hashes.push(...siblings(tree.slots[slot]!, stripes));
  }
  hashes.push(...siblings(tree.top, slots));
  return hashes.map((hash) => bytesToHex(hash));
}

/**
 * Whether `shards` (strictly ascending by slot, then stripe) are in the order of `slots` × `stripes` under
 * `root`. The proof must be used up exactly.
 */
export function verifyMultiproof(claim: {
  root: Hex;
  slots: number;
  stripes: number;
  shards: readonly (Place & { readonly commitment: Uint8Array })[];
  proof: Multiproof;
}): boolean {
  const { shards, slots, stripes } = claim;
  if (shards.length === 0) return false;
  for (const [index, { slot, stripe, commitment }] of shards.entries()) {
    if (!Number.isInteger(slot) || slot < 0 || slot >= slots) return false;
    if (!Number.isInteger(stripe) || stripe < 0 || stripe >= stripes) return false;
    if (commitment.length !== COMMITMENT_BYTES) return false;
    const before = shards[index - 1];
    if (before && (before.slot > slot || (before.slot === slot && before.stripe >= stripe))) return false;
  }
  const hashes: Hash[] = [];
  for (const step of claim.proof) {
    const hash = readHash(step);
    if (hash === undefined) return false;
    hashes.push(hash);
  }
  const rest = hashes.values();
  const top: Leaf[] = [];
  for (const [slot, group] of Map.groupBy(shards, (shard) => shard.slot)) {
    const leaves = group.map(({ stripe, commitment }) => ({
      index: stripe,
      hash: shardLeaf(stripe, commitment),
    }));
    const root = fold(leaves, treeDepth(stripes), rest);
    if (root === undefined) return false;
    top.push({ index: slot, hash: slotLeaf(slot, root) });
  }
  const root = fold(top, treeDepth(slots), rest);
  return root !== undefined && rest.next().done === true && equalsRoot(root, claim.root);
}

type Leaf = { readonly index: number; readonly hash: Hash };

function siblings(tree: MerkleTree, leaves: readonly number[]): Hash[] {
  const found: Hash[] = [];
  let row = leaves;
  for (const index of row) assertIndex(index, tree.count);
  for (let level = 0; level < tree.depth; level++) {
    const known = new Set(row);
    for (const index of row) if (!known.has(index ^ 1)) found.push(nodeAt(tree, level, index ^ 1));
    row = [...new Set(row.map((index) => index >>> 1))];
  }
  return found;
}

function fold(leaves: readonly Leaf[], depth: number, rest: Iterator<Hash>): Hash | undefined {
  let row = leaves;
  for (let level = 0; level < depth; level++) {
    const above: Leaf[] = [];
    for (let at = 0; at < row.length; at++) {
      const { index, hash } = row[at]!;
      let sibling: Hash | undefined;
      if (row[at + 1]?.index === (index ^ 1)) sibling = row[++at]!.hash;
      else sibling = rest.next().value;
      if (sibling === undefined) return undefined;
      above.push({ index: index >>> 1, hash: index & 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling) });
    }
    row = above;
  }
  return row[0]?.hash;
}
