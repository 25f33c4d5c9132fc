import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatHex, keccak256 } from "viem";
import {
  challengePairs,
  coveredPairs,
  coverOf,
  isWhole,
  mergeCovers,
  partShards,
  partsHash,
  proofDigest,
  wholeCover,
} from "../../../protocol/challenge/proof.ts";

const [A, B] = [keccak256("0x0a"), keccak256("0x0b")];
const challenge = [
  { orderId: B, slot: 3, stripe: 9 },
  { orderId: A, slot: 3, stripe: 0 },
  { orderId: B, slot: 3, stripe: 1 },
];
const part = (byte: number) => ({ y: new Uint8Array(32).fill(byte), proof: new Uint8Array(48).fill(byte) });

describe("a cover", () => {
  it("stands for the (order, slot) pairs by first appearance", () => {
    assert.deepEqual(challengePairs(challenge), [
      { orderId: B, slot: 3, shards: [challenge[0], challenge[2]] },
      { orderId: A, slot: 3, shards: [challenge[1]] },
    ]);
  });

  it("is a bitmap with the lowest bit first", () => {
    assert.deepEqual(coverOf([0, 9], 10), Uint8Array.of(0b1, 0b10));
    assert.deepEqual(wholeCover(10), Uint8Array.of(0xff, 0b11));
    assert.deepEqual(wholeCover(8), Uint8Array.of(0xff));
    assert.throws(() => coverOf([10], 10), RangeError);
  });

  it("gives its pairs back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.uniqueArray(fc.nat(69)), (count, some) => {
        const pairs = some.filter((pair) => pair < count).sort((a, b) => a - b);
        assert.deepEqual(coveredPairs(coverOf(pairs, count), count), pairs);
        assert.equal(isWhole(coverOf(pairs, count), count), pairs.length === count);
      }),
    );
  });

  it("has one form only: wrong length or bits beyond the pairs are refused", () => {
    assert.throws(() => coveredPairs(Uint8Array.of(0b100), 2), { code: "COVER_MALFORMED" });
    assert.throws(() => coveredPairs(Uint8Array.of(1, 0), 2), { code: "COVER_MALFORMED" });
    assert.throws(() => coveredPairs(new Uint8Array(), 2), { code: "COVER_MALFORMED" });
    assert.throws(() => isWhole(Uint8Array.of(0b111), 2), { code: "COVER_MALFORMED" });
  });

  it("merges with another of the same challenge", () => {
    assert.deepEqual(mergeCovers(coverOf([0], 9), coverOf([8], 9)), coverOf([0, 8], 9));
    assert.throws(() => mergeCovers(new Uint8Array(1), new Uint8Array(2)), { code: "COVER_MALFORMED" });
  });
});

describe("a proof", () => {
  it("has one part over the whole challenge, or one per covered pair", () => {
    assert.deepEqual(partShards(challenge, { cover: wholeCover(2), parts: [part(1)] }), [challenge]);
    assert.deepEqual(partShards(challenge, { cover: coverOf([1], 2), parts: [part(1)] }), [[challenge[1]]]);
  });

  it("is refused in any other form", () => {
    const forms = [
      { cover: wholeCover(2), parts: [part(1), part(2)] },
      { cover: coverOf([1], 2), parts: [] },
      { cover: coverOf([1], 2), parts: [part(1), part(2)] },
      { cover: coverOf([], 2), parts: [] },
      { cover: wholeCover(2), parts: [{ ...part(1), y: new Uint8Array(31) }] },
      { cover: wholeCover(2), parts: [{ ...part(1), proof: new Uint8Array(49) }] },
    ];
    for (const form of forms) assert.throws(() => partShards(challenge, form), { code: "PROOF_MALFORMED" });
    assert.throws(() => partShards([], { cover: new Uint8Array(), parts: [part(1)] }), {
      code: "PROOF_MALFORMED",
    });
    assert.throws(() => partShards(challenge, { cover: wholeCover(3), parts: [part(1)] }), {
      code: "COVER_MALFORMED",
    });
  });

  it("is hashed over its values and points, and for the signature over its cover too", () => {
    const parts = [part(1), part(2)];
    const bytes = concatHex([`0x${"01".repeat(80)}`, `0x${"02".repeat(80)}`]);
    assert.equal(partsHash(parts), keccak256(bytes));
    assert.equal(proofDigest({ cover: Uint8Array.of(3), parts }), keccak256(concatHex(["0x03", bytes])));
  });
});
