import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, type Hex, hexToBytes } from "viem";
import { multiproof, type Place, verifyMultiproof } from "../../../protocol/merkle/multiproof.ts";
import {
  type OrderTree,
  orderTree,
  shardProof,
  shardRoot,
  slotRoot,
  verifyShardProof,
} from "../../../protocol/merkle/slotRoot.ts";
import { treeRoot } from "../../../protocol/merkle/tree.ts";
import vectors from "../../vectors/merkle.json" with { type: "json" };

const commitment = (slot: number, stripe: number) => new Uint8Array(48).fill(slot).fill(stripe, 24);
const slotOf = (slot: number, stripes: number) =>
  Array.from({ length: stripes }, (_, stripe) => commitment(slot, stripe));
const treeOf = (slots: number, stripes: number): OrderTree =>
  orderTree(Array.from({ length: slots }, (_, slot) => slotOf(slot, stripes)));
const claimOf = (tree: OrderTree, places: readonly Place[]) => ({
  root: treeRoot(tree.top),
  slots: tree.slots.length,
  stripes: tree.stripes,
  shards: places.map(({ slot, stripe }) => ({ slot, stripe, commitment: commitment(slot, stripe) })),
  proof: multiproof(tree, places),
});

describe("the trees of an order", () => {
  it("agree with the golden vectors", () => {
    for (const of of vectors) {
      const slots = of.commitments.map((slot) => slot.map((hex) => hexToBytes(hex as Hex)));
      const tree = orderTree(slots);
      assert.deepEqual(slots.map(slotRoot), of.slotRoots);
      assert.equal(shardRoot(of.slotRoots as Hex[]), of.shardRoot);
      assert.equal(treeRoot(tree.top), of.shardRoot);
      for (const { slot, stripe, stripePath, slotPath } of of.proofs) {
        const proof = { stripePath: stripePath as Hex[], slotPath: slotPath as Hex[] };
        assert.deepEqual(shardProof(tree, slot, stripe), proof);
        const claim = {
          ...{
            root: of.shardRoot as Hex,
            slotRoot: of.slotRoots[slot] as Hex,
            slots: of.slots,
            stripes: of.stripes,
          },
          ...{ slot, stripe, commitment: slots[slot]![stripe]!, proof },
        };
        assert.equal(verifyShardProof(claim), true);
        assert.equal(verifyShardProof({ ...claim, stripe: stripe + 1 }), false);
        assert.equal(verifyShardProof({ ...claim, slot: slot + 1 }), false);
        assert.equal(verifyShardProof({ ...claim, commitment: claim.commitment.with(0, 1) }), false);
      }
      assert.deepEqual(multiproof(tree, of.multiproof.places), of.multiproof.proof);
    }
  });

  it("take commitments one by one or in a row", () => {
    assert.equal(slotRoot(concatBytes(slotOf(3, 5))), slotRoot(slotOf(3, 5)));
  });

  it("refuse commitments of wrong length and slots of different length", () => {
    assert.throws(() => slotRoot(new Uint8Array(49)), { code: "COMMITMENT_LENGTH" });
    assert.throws(() => slotRoot([new Uint8Array(47)]), { code: "COMMITMENT_LENGTH" });
    assert.throws(() => orderTree([slotOf(0, 2), slotOf(1, 3)]), { code: "ORDER_TREE_UNEVEN" });
  });
});

describe("a multiproof", () => {
  const shapes = fc
    .record({ slots: fc.integer({ min: 1, max: 9 }), stripes: fc.integer({ min: 1, max: 9 }) })
    .chain(({ slots, stripes }) =>
      fc.record({
        tree: fc.constant(treeOf(slots, stripes)),
        places: fc
          .uniqueArray(fc.nat(slots * stripes - 1), { minLength: 1 })
          .map((all) =>
            all.sort((a, b) => a - b).map((at) => ({ slot: Math.floor(at / stripes), stripe: at % stripes })),
          ),
      }),
    );

  it("proves any shards of any slots at once", () => {
    fc.assert(fc.property(shapes, ({ tree, places }) => verifyMultiproof(claimOf(tree, places))));
  });

  it("does not depend on the order of the places that it is made for", () => {
    const tree = treeOf(5, 6);
    const places = [
      { slot: 4, stripe: 1 },
      { slot: 0, stripe: 5 },
      { slot: 4, stripe: 0 },
    ];
    assert.deepEqual(multiproof(tree, places), multiproof(tree, places.toReversed()));
  });

  it("is used up exactly and binds every commitment", () => {
    fc.assert(
      fc.property(shapes, fc.nat(), ({ tree, places }, pick) => {
        const claim = claimOf(tree, places);
        const at = pick % claim.shards.length;
        const shard = claim.shards[at]!;
        const altered = { ...shard, commitment: shard.commitment.with(47, 99) };
        assert.equal(verifyMultiproof({ ...claim, shards: claim.shards.with(at, altered) }), false);
        assert.equal(verifyMultiproof({ ...claim, proof: [...claim.proof, claim.root] }), false);
        if (claim.proof.length > 0) {
          assert.equal(verifyMultiproof({ ...claim, proof: claim.proof.slice(0, -1) }), false);
        }
      }),
    );
  });

  it("refuses shards that are unsorted, repeated, out of range, or of another place", () => {
    const tree = treeOf(3, 3);
    const claim = claimOf(tree, [
      { slot: 0, stripe: 1 },
      { slot: 2, stripe: 0 },
    ]);
    assert.equal(verifyMultiproof(claim), true);
    assert.equal(verifyMultiproof({ ...claim, shards: claim.shards.toReversed() }), false);
    assert.equal(verifyMultiproof({ ...claim, shards: [claim.shards[0]!, ...claim.shards] }), false);
    assert.equal(
      verifyMultiproof({ ...claim, shards: [{ ...claim.shards[0]!, stripe: 2 }, claim.shards[1]!] }),
      false,
    );
    assert.equal(
      verifyMultiproof({ ...claim, shards: [claim.shards[0]!, { ...claim.shards[1]!, slot: 3 }] }),
      false,
    );
    assert.equal(verifyMultiproof({ ...claim, shards: [], proof: [] }), false);
    const scattered = claimOf(tree, [
      { slot: 0, stripe: 0 },
      { slot: 0, stripe: 2 },
      { slot: 2, stripe: 0 },
    ]);
    const [a, b, c] = scattered.shards;
    assert.equal(verifyMultiproof({ ...scattered, shards: [a!, c!, b!] }), false);
    assert.equal(verifyMultiproof({ ...claim, stripes: 2 }), false);
    assert.throws(() => multiproof(tree, [{ slot: 3, stripe: 0 }]), { code: "MERKLE_INDEX_OUT_OF_RANGE" });
    assert.throws(() => multiproof(tree, [{ slot: 0, stripe: 3 }]), { code: "MERKLE_INDEX_OUT_OF_RANGE" });
    assert.throws(() => multiproof(tree, []), { code: "MERKLE_RANGE_EMPTY" });
  });
});
