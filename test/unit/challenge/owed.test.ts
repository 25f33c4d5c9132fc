import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { keccak256 } from "viem";
import { joinNewHolders, nextOwed, retainOwed } from "../../../protocol/challenge/owed.ts";
import { challengePairs, coverOf, wholeCover } from "../../../protocol/challenge/proof.ts";
import { type ShardRef, shardKey } from "../../../protocol/challenge/sample.ts";

const [A, B] = [keccak256("0x0a"), keccak256("0x0b")];
const a = (stripe: number): ShardRef => ({ orderId: A, slot: 1, stripe });
const b = (stripe: number): ShardRef => ({ orderId: B, slot: 0, stripe });
const keys = (shards: ShardRef[]) => shards.map(shardKey).sort();

describe("owed shards", () => {
  it("are the whole challenge of a silent provider", () => {
    assert.deepEqual(nextOwed([], [a(1), b(2)], undefined), [a(1), b(2)]);
  });

  it("are those that no part covers", () => {
    assert.deepEqual(nextOwed([], [a(1), b(2), a(3)], coverOf([1], 2)), [a(1), a(3)]);
  });

  it("leave once they are asked for and covered", () => {
    assert.deepEqual(nextOwed([a(1), b(2)], [a(7), a(1), b(2)], wholeCover(2)), []);
    assert.deepEqual(nextOwed([a(1), b(2)], [a(1), b(2)], coverOf([0], 2)), [b(2)]);
  });

  it("stay while they were not asked for, even if others of the slot were covered", () => {
    // The certificate that made a(1) owed came after the set's block of this challenge.
    assert.deepEqual(nextOwed([a(1)], [a(5)], wholeCover(1)), [a(1)]);
  });

  it("never double, and contain exactly what is uncovered or not asked for", () => {
    const shard = fc
      .record({ stripe: fc.nat(8), first: fc.boolean() })
      .map(({ stripe, first }) => (first ? a(stripe) : b(stripe)));
    const some = fc.uniqueArray(shard, { selector: shardKey, minLength: 1 });
    fc.assert(
      fc.property(some, some, fc.boolean(), fc.boolean(), (owed, challenge, first, second) => {
        const pairs = challengePairs(challenge);
        const bits = [first, second].slice(0, pairs.length);
        const cover = coverOf(
          bits.flatMap((bit, index) => (bit ? [index] : [])),
          pairs.length,
        );
        const asked = new Set(challenge.map(shardKey));
        const uncovered = pairs.filter((_, index) => !bits[index]).flatMap(({ shards }) => shards);
        const expected = [...owed.filter((one) => !asked.has(shardKey(one))), ...uncovered];
        assert.deepEqual(keys(nextOwed(owed, challenge, cover)), keys(expected));
      }),
    );
  });

  it("vanish with the slot: eviction, hand-over, void or end", () => {
    assert.deepEqual(retainOwed([a(1), b(2)], [{ orderId: B, slot: 0 }]), [b(2)]);
    assert.deepEqual(retainOwed([a(1)], [{ orderId: A, slot: 2 }]), []);
  });

  it("refuse a cover of another challenge", () => {
    assert.throws(() => nextOwed([], [a(1)], new Uint8Array(2)), { code: "COVER_MALFORMED" });
  });
});

describe("a new holder", () => {
  const taken = { orderId: A, slot: 1, stripes: 3, since: 5, changed: true };

  it("owes every shard of the slot", () => {
    assert.deepEqual(joinNewHolders([b(9)], [taken], new Set()), [b(9), a(0), a(1), a(2)]);
  });

  it("owes nothing more because of a slot that it had from the order's start", () => {
    assert.deepEqual(joinNewHolders([a(2)], [{ ...taken, changed: false }], new Set()), [a(2)]);
  });

  it("owes them once: what it covered does not come back with the next set", () => {
    const known = new Set<string>();
    const first = joinNewHolders([], [taken], known);
    const next = nextOwed(first, [a(0), a(1), a(2)], wholeCover(1));
    assert.deepEqual(joinNewHolders(next, [taken], known), []);
  });

  it("owes them until they are covered, however many sets pass", () => {
    const known = new Set<string>();
    const first = joinNewHolders([], [taken], known);
    const next = nextOwed(first, [a(0), a(1), a(2)], undefined);
    assert.deepEqual(keys(joinNewHolders(next, [taken], known)), keys([a(0), a(1), a(2)]));
  });

  it("owes them again when it lost the slot and took it once more", () => {
    const known = new Set<string>();
    joinNewHolders([], [taken], known);
    assert.equal(joinNewHolders([], [{ ...taken, since: 9 }], known).length, 3);
  });

  it("does not owe a shard twice that it owed already", () => {
    assert.deepEqual(keys(joinNewHolders([a(1)], [taken], new Set())), keys([a(0), a(1), a(2)]));
  });
});
