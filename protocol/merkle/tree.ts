import { bytesToHex, type Hex, hexToBytes, stringToBytes } from "viem";
import { MemoError } from "../errors.ts";
import { keccak } from "./keccak.ts";

/** A 32-byte hash as bytes: trees work on bytes, their edges speak `Hex`. */
export type Hash = Uint8Array;

const HASH_BYTES = 32;

/** Domain tags of leaves: a leaf of one kind of tree can never be read as one of another. */
export const TAG = {
  shard: keccak(stringToBytes("memo/shard/v1")),
  slot: keccak(stringToBytes("memo/slot/v1")),
  result: keccak(stringToBytes("memo/result/v1")),
  exception: keccak(stringToBytes("memo/exception/v1")),
} as const;

/** `pads[level]` = root of a subtree of 2^level pad leaves. */
const pads: Hash[] = [keccak(Uint8Array.of(0x02))];

/** keccak(0x00 ‖ tag ‖ index as uint32 ‖ payload). The index is hashed, so a leaf cannot move. */
export function leafHash(tag: Uint8Array, index: number, payload: Uint8Array): Hash {
  assertUint32(index, "leaf index");
  const input = new Uint8Array(37 + payload.length);
  input.set(tag, 1);
  new DataView(input.buffer).setUint32(33, index);
  input.set(payload, 37);
  return keccak(input);
}

/** keccak(0x01 ‖ left ‖ right). */
export function nodeHash(left: Hash, right: Hash): Hash {
  const input = new Uint8Array(65);
  input[0] = 0x01;
  input.set(left, 1);
  input.set(right, 33);
  return keccak(input);
}

/** Root of a subtree of 2^`level` pad leaves. */
export function padHash(level: number): Hash {
  for (let next = pads.length; next <= level; next++) pads.push(nodeHash(pads[next - 1]!, pads[next - 1]!));
  return pads[level]!;
}

/** Levels between the leaves and the root of a tree of `count` leaves, padded to a power of two. */
export function treeDepth(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

/** A padded binary Merkle tree. Pads are not stored: `nodeAt` knows them. */
export type MerkleTree = {
  readonly count: number;
  readonly depth: number;
  /** Hashes of each level, bottom up, 32 bytes each, without pads. */
  readonly levels: readonly Uint8Array[];
};

/** Builds the tree over leaf hashes. No leaves: a tree of depth 0 whose root is the pad leaf. */
export function buildTree(leaves: readonly Hash[]): MerkleTree {
  const depth = treeDepth(leaves.length);
  let level = new Uint8Array(leaves.length * HASH_BYTES);
  leaves.forEach((leaf, index) => {
    level.set(leaf, index * HASH_BYTES);
  });
  const levels = [level];
  for (let height = 0; height < depth; height++) {
    const width = level.length / HASH_BYTES;
    const above = new Uint8Array(Math.ceil(width / 2) * HASH_BYTES);
    for (let index = 0; index * 2 < width; index++) {
      const left = hashAt(level, 2 * index);
      const right = 2 * index + 1 < width ? hashAt(level, 2 * index + 1) : padHash(height);
      above.set(nodeHash(left, right), index * HASH_BYTES);
    }
    levels.push(above);
    level = above;
  }
  return { count: leaves.length, depth, levels };
}

/** The node `index` of `level` (0 = leaves), pads included. */
export function nodeAt(tree: MerkleTree, level: number, index: number): Hash {
  const hashes = tree.levels[level];
  if (hashes === undefined) throw new RangeError(`a tree of depth ${tree.depth} has no level ${level}`);
  return (index + 1) * HASH_BYTES <= hashes.length ? hashAt(hashes, index) : padHash(level);
}

/** Root of the tree. */
export function treeRoot(tree: MerkleTree): Hex {
  return bytesToHex(nodeAt(tree, tree.depth, 0));
}

/**
 * Path from leaf `index` to the root: the sibling of each level, bottom up.
 * @throws MERKLE_INDEX_OUT_OF_RANGE
 */
export function treeProof(tree: MerkleTree, index: number): Hex[] {
  assertIndex(index, tree.count);
  return Array.from({ length: tree.depth }, (_, level) =>
    bytesToHex(nodeAt(tree, level, (index >>> level) ^ 1)),
  );
}

/** Whether `proof` leads from `leaf` at `index` of a tree of `count` leaves to `root`. */
export function verifyTreeProof(claim: {
  root: Hex;
  leaf: Hash;
  index: number;
  count: number;
  proof: readonly Hex[];
}): boolean {
  const { leaf, index, count, proof } = claim;
  if (!Number.isInteger(index) || index < 0 || index >= count) return false;
  if (proof.length !== treeDepth(count)) return false;
  let hash = leaf;
  for (const [level, step] of proof.entries()) {
    const sibling = readHash(step);
    if (sibling === undefined) return false;
    hash = (index >>> level) & 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  }
  return equalsRoot(hash, claim.root);
}

/** The 32 bytes of a hash in hex, or undefined when it is anything else. */
export function readHash(hash: Hex): Hash | undefined {
  return /^0x[0-9a-fA-F]{64}$/.test(hash) ? hexToBytes(hash) : undefined;
}

/** Whether a computed hash is the root, whatever the case of its hex. */
export function equalsRoot(hash: Hash, root: Hex): boolean {
  return bytesToHex(hash) === root.toLowerCase();
}

/** @throws MERKLE_INDEX_OUT_OF_RANGE unless 0 ≤ index < count */
export function assertIndex(index: number, count: number): void {
  if (Number.isInteger(index) && index >= 0 && index < count) return;
  throw new MemoError(
    "MERKLE_INDEX_OUT_OF_RANGE",
    `Leaf ${index} does not exist: the tree has ${count} leaves.`,
    {
      details: { index, count },
    },
  );
}

function hashAt(level: Uint8Array, index: number): Hash {
  return level.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

function assertUint32(value: number, what: string): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`${what} ${value} is no uint32`);
  }
}
