import { type Hex, hexToBytes } from "viem";
import { COMMITMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import {
  buildTree,
  leafHash,
  type MerkleTree,
  nodeAt,
  TAG,
  treeProof,
  treeRoot,
  verifyTreeProof,
} from "./tree.ts";

/** Commitments of a slot, stripe by stripe: one by one, or 48 bytes each in a row. */
export type Commitments = Uint8Array | readonly Uint8Array[];

/** The trees of an order: one per slot over its commitments, and one over the slot roots. */
export type OrderTree = {
  readonly stripes: number;
  readonly slots: readonly MerkleTree[];
  readonly top: MerkleTree;
};

/** Hash of the leaf that holds the commitment of `stripe`. */
export function shardLeaf(stripe: number, commitment: Uint8Array): Uint8Array {
  return leafHash(TAG.shard, stripe, commitment);
}

/** Hash of the leaf that holds the root of `slot`. */
export function slotLeaf(slot: number, root: Uint8Array): Uint8Array {
  return leafHash(TAG.slot, slot, root);
}

/**
 * Tree over the commitments of one slot.
 * @throws COMMITMENT_LENGTH
 */
export function slotTree(commitments: Commitments): MerkleTree {
  return buildTree(splitCommitments(commitments).map((commitment, stripe) => shardLeaf(stripe, commitment)));
}

/**
 * Root over the commitments of one slot.
 * @throws COMMITMENT_LENGTH
 */
export function slotRoot(commitments: Commitments): Hex {
  return treeRoot(slotTree(commitments));
}

/** Root over the slot roots of an order, in slot order: `Order.shardRoot`. */
export function shardRoot(slotRoots: readonly Hex[]): Hex {
  return treeRoot(buildTree(slotRoots.map((root, slot) => slotLeaf(slot, hexToBytes(root)))));
}

/**
 * All trees of an order from the commitments of its slots, in slot order.
 * @throws COMMITMENT_LENGTH, ORDER_TREE_UNEVEN when slots differ in stripes
 */
export function orderTree(slots: readonly Commitments[]): OrderTree {
  const trees = slots.map(slotTree);
  const stripes = trees[0]?.count ?? 0;
  const uneven = trees.findIndex((tree) => tree.count !== stripes);
  if (uneven !== -1) {
    throw new MemoError(
      "ORDER_TREE_UNEVEN",
      `Slot ${uneven} has ${trees[uneven]!.count} commitments, slot 0 has ${stripes}: every slot needs one per stripe.`,
    );
  }
  const top = buildTree(trees.map((tree, slot) => slotLeaf(slot, nodeAt(tree, tree.depth, 0))));
  return { stripes, slots: trees, top };
}

/** Path of one shard: from its leaf to the slot root, then from the slot's leaf to the shard root. */
export type ShardProof = { readonly stripePath: readonly Hex[]; readonly slotPath: readonly Hex[] };

/**
 * Proof that a shard's commitment is in the order.
 * @throws MERKLE_INDEX_OUT_OF_RANGE
 */
export function shardProof(tree: OrderTree, slot: number, stripe: number): ShardProof {
  const slotPath = treeProof(tree.top, slot);
  return { stripePath: treeProof(tree.slots[slot]!, stripe), slotPath };
}

/** Whether the commitment is that of (slot, stripe) in the order of `slots` × `stripes` under `root`. */
export function verifyShardProof(claim: {
  root: Hex;
  slotRoot: Hex;
  slots: number;
  stripes: number;
  slot: number;
  stripe: number;
  commitment: Uint8Array;
  proof: ShardProof;
}): boolean {
  const { root, slot, stripe, commitment, proof } = claim;
  return (
    commitment.length === COMMITMENT_BYTES &&
    verifyTreeProof({
      root: claim.slotRoot,
      leaf: shardLeaf(stripe, commitment),
      index: stripe,
      count: claim.stripes,
      proof: proof.stripePath,
    }) &&
    verifyTreeProof({
      root,
      leaf: slotLeaf(slot, hexToBytes(claim.slotRoot)),
      index: slot,
      count: claim.slots,
      proof: proof.slotPath,
    })
  );
}

/**
 * Commitments one by one.
 * @throws COMMITMENT_LENGTH
 */
export function splitCommitments(commitments: Commitments): readonly Uint8Array[] {
  if (commitments instanceof Uint8Array) {
    if (commitments.length % COMMITMENT_BYTES !== 0) throw wrongLength(commitments.length);
    return Array.from({ length: commitments.length / COMMITMENT_BYTES }, (_, index) =>
      commitments.subarray(index * COMMITMENT_BYTES, (index + 1) * COMMITMENT_BYTES),
    );
  }
  const wrong = commitments.find((commitment) => commitment.length !== COMMITMENT_BYTES);
  if (wrong !== undefined) throw wrongLength(wrong.length);
  return commitments;
}

function wrongLength(length: number): MemoError {
  return new MemoError(
    "COMMITMENT_LENGTH",
    `A commitment has ${COMMITMENT_BYTES} bytes; ${length} bytes are none.`,
    {
      details: { length },
    },
  );
}
