import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, concatBytes, type Hex, hexToBytes, numberToBytes } from "viem";
import { rangeProof, verifyRangeProof } from "../../../protocol/merkle/rangeProof.ts";
import { buildTree, leafHash, TAG, treeProof, treeRoot } from "../../../protocol/merkle/tree.ts";
import vectors from "../../vectors/rangeProof.json" with { type: "json" };

const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => leafHash(TAG.exception, index, Uint8Array.of(index)));

describe("a range proof", () => {
  it("agrees with the golden vectors, from the leaves' fields on", () => {
    for (const { count, leaves, leafHashes, root, chunks } of vectors) {
      const hashes = leaves.map(({ kind, provider, data }, index) =>
        leafHash(
          TAG.exception,
          index,
          concatBytes([Uint8Array.of(kind), numberToBytes(provider, { size: 4 }), hexToBytes(data as Hex)]),
        ),
      );
      assert.deepEqual(
        hashes.map((hash) => bytesToHex(hash)),
        leafHashes,
      );
      const tree = buildTree(hashes);
      assert.equal(treeRoot(tree), root);
      for (const { from, length, proof } of chunks) {
        assert.deepEqual(rangeProof(tree, from, length), proof);
        const chunk = hashes.slice(from, from + length);
        assert.equal(
          verifyRangeProof({ root: root as Hex, count, from, leaves: chunk, proof: proof as Hex[] }),
          true,
        );
      }
    }
  });

  it("proves any consecutive leaves, and only those at that place", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 33 }), fc.nat(), fc.nat(), (count, a, b) => {
        const leaves = leavesOf(count);
        const tree = buildTree(leaves);
        const from = a % count;
        const length = 1 + (b % (count - from));
        const proof = rangeProof(tree, from, length);
        const claim = { root: treeRoot(tree), count, from, leaves: leaves.slice(from, from + length), proof };
        assert.equal(verifyRangeProof(claim), true);
        assert.equal(verifyRangeProof({ ...claim, from: from + 1 }), false);
        assert.equal(
          verifyRangeProof({
            ...claim,
            leaves: claim.leaves.with(length - 1, leafHash(TAG.result, 0, new Uint8Array())),
          }),
          false,
        );
        assert.equal(verifyRangeProof({ ...claim, proof: [...proof, treeRoot(tree)] }), false);
        if (proof.length > 0) assert.equal(verifyRangeProof({ ...claim, proof: proof.slice(1) }), false);
      }),
    );
  });

  it("is the ordinary proof when the range is one leaf, and empty when it is a full tree", () => {
    const tree = buildTree(leavesOf(8));
    assert.deepEqual(rangeProof(tree, 5, 1), treeProof(tree, 5));
    assert.deepEqual(rangeProof(tree, 0, 8), []);
  });

  it("gives pads like any other neighbour", () => {
    const tree = buildTree(leavesOf(5));
    assert.equal(rangeProof(tree, 4, 1).length, 3);
  });

  it("refuses ranges that are empty or beyond the tree", () => {
    const leaves = leavesOf(5);
    const tree = buildTree(leaves);
    assert.throws(() => rangeProof(tree, 0, 0), { code: "MERKLE_RANGE_EMPTY" });
    assert.throws(() => rangeProof(tree, 3, 3), { code: "MERKLE_INDEX_OUT_OF_RANGE" });
    assert.equal(verifyRangeProof({ root: treeRoot(tree), count: 5, from: 0, leaves: [], proof: [] }), false);
    const padded = [...leaves, ...Array(3).fill(buildTree([]).levels[0])];
    assert.equal(
      verifyRangeProof({ root: treeRoot(tree), count: 5, from: 0, leaves: padded, proof: [] }),
      false,
    );
  });
});
