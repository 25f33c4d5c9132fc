import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, concatBytes, type Hex, keccak256, stringToBytes } from "viem";
import {
  buildTree,
  leafHash,
  nodeHash,
  padHash,
  TAG,
  treeDepth,
  treeProof,
  treeRoot,
  verifyTreeProof,
} from "../../../protocol/merkle/tree.ts";

const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => leafHash(TAG.result, index, Uint8Array.of(index)));

describe("a Merkle tree", () => {
  it("hashes a leaf as keccak(0x00 ‖ tag ‖ uint32 index ‖ payload)", () => {
    const expected = keccak256(
      concatBytes([Uint8Array.of(0), TAG.shard, Uint8Array.of(0, 0, 1, 2), Uint8Array.of(9, 8)]),
    );
    assert.equal(bytesToHex(leafHash(TAG.shard, 258, Uint8Array.of(9, 8))), expected);
    assert.equal(bytesToHex(TAG.shard), keccak256(stringToBytes("memo/shard/v1")));
  });

  it("has the pad leaf as root when empty and the leaf itself when there is one", () => {
    assert.equal(treeRoot(buildTree([])), keccak256("0x02"));
    const [leaf] = leavesOf(1);
    assert.equal(treeRoot(buildTree([leaf!])), bytesToHex(leaf!));
  });

  it("pads to a power of two with keccak(0x02)", () => {
    const [a, b, c] = leavesOf(3);
    const pad = keccak256("0x02", "bytes");
    assert.equal(
      treeRoot(buildTree([a!, b!, c!])),
      bytesToHex(nodeHash(nodeHash(a!, b!), nodeHash(c!, pad))),
    );
    assert.deepEqual(padHash(1), nodeHash(pad, pad));
  });

  it("is as deep as the power of two above its leaves", () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 8, 9, 65536, 65537].map(treeDepth), [0, 0, 1, 2, 2, 3, 3, 4, 16, 17]);
  });

  it("proves every leaf at its index and nowhere else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(39), fc.nat(39), (count, a, b) => {
        const leaves = leavesOf(count);
        const tree = buildTree(leaves);
        const index = a % count;
        const other = b % count;
        const claim = {
          root: treeRoot(tree),
          leaf: leaves[index]!,
          index,
          count,
          proof: treeProof(tree, index),
        };
        assert.equal(verifyTreeProof(claim), true);
        assert.equal(verifyTreeProof({ ...claim, index: other }), other === index);
        assert.equal(verifyTreeProof({ ...claim, leaf: leaves[other]! }), other === index);
      }),
    );
  });

  it("refuses a proof that is too long, too short, no hash, or beyond the tree", () => {
    const leaves = leavesOf(5);
    const tree = buildTree(leaves);
    const proof = treeProof(tree, 4);
    const claim = { root: treeRoot(tree), leaf: leaves[4]!, index: 4, count: 5, proof };
    assert.equal(verifyTreeProof(claim), true);
    assert.equal(verifyTreeProof({ ...claim, proof: [...proof, proof[0]!] }), false);
    assert.equal(verifyTreeProof({ ...claim, proof: proof.slice(1) }), false);
    assert.equal(verifyTreeProof({ ...claim, proof: [`${proof[0]}00` as Hex, ...proof.slice(1)] }), false);
    assert.equal(verifyTreeProof({ ...claim, index: 5 }), false);
    assert.equal(verifyTreeProof({ ...claim, index: -1 }), false);
    assert.equal(verifyTreeProof({ ...claim, index: 4.5 }), false);
    assert.equal(verifyTreeProof({ ...claim, count: 4 }), false);
    const first = { ...claim, leaf: leaves[1]!, index: 1, proof: treeProof(tree, 1) };
    assert.equal(verifyTreeProof(first), true);
    assert.equal(verifyTreeProof({ ...first, count: 4 }), false);
    assert.equal(verifyTreeProof({ ...first, count: 9 }), false);
  });

  it("does not take a pad for a leaf: pads lie beyond the count", () => {
    const tree = buildTree(leavesOf(3));
    assert.throws(() => treeProof(tree, 3), { code: "MERKLE_INDEX_OUT_OF_RANGE" });
    const [a, b] = leavesOf(3);
    const proof = [bytesToHex(leavesOf(3)[2]!), bytesToHex(nodeHash(a!, b!))];
    assert.equal(
      verifyTreeProof({ root: treeRoot(tree), leaf: padHash(0), index: 3, count: 3, proof }),
      false,
    );
  });
});
