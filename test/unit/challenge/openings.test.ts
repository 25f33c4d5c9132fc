import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keccak256 } from "viem";
import {
  buildOpenings,
  type Openings,
  openingsDigest,
  verifyOpenings,
} from "../../../protocol/challenge/openings.ts";
import type { ShardRef } from "../../../protocol/challenge/sample.ts";
import { FIELD_MODULUS } from "../../../protocol/constants.ts";
import { loadPoints } from "../../../protocol/kzg/points.ts";
import { type OrderTree, orderTree } from "../../../protocol/merkle/slotRoot.ts";
import { treeRoot } from "../../../protocol/merkle/tree.ts";
import vectors from "../../vectors/kzg.json" with { type: "json" };

const points = await loadPoints();
const POINTS = vectors.shards.map(({ commitment }) =>
  points.decompress(Buffer.from(commitment.slice(2), "hex")),
);
const MINUS_ONE = FIELD_MODULUS - 1n;
const SLOTS = 3;
const STRIPES = 4;
const ORDERS = [keccak256("0x0a"), keccak256("0x0b")] as const;
const pointOf = ({ orderId, slot, stripe }: ShardRef) =>
  POINTS[(ORDERS.indexOf(orderId) + slot * STRIPES + stripe) % POINTS.length]!;
const trees = new Map<string, OrderTree>(
  ORDERS.map((orderId) => [
    orderId,
    orderTree(
      Array.from({ length: SLOTS }, (_, slot) =>
        Array.from({ length: STRIPES }, (_, stripe) => points.compress(pointOf({ orderId, slot, stripe }))),
      ),
    ),
  ]),
);
const orderOf = (orderId: string) => ({
  ...{ shardRoot: treeRoot(trees.get(orderId)!.top), slots: SLOTS, stripes: STRIPES },
});

/** Two orders, several slots, not sorted: as draws come. */
const shards: ShardRef[] = [
  { orderId: ORDERS[1], slot: 2, stripe: 3 },
  { orderId: ORDERS[0], slot: 0, stripe: 1 },
  { orderId: ORDERS[1], slot: 0, stripe: 0 },
  { orderId: ORDERS[1], slot: 2, stripe: 0 },
];
const openings = buildOpenings({ shards, pointOf, treeOf: (orderId) => trees.get(orderId)! });

function assertRefused(altered: Partial<Openings>, of: ShardRef[] = shards) {
  assert.throws(() => verifyOpenings({ shards: of, openings: { ...openings, ...altered }, orderOf }), {
    code: "OPENINGS_INVALID",
  });
}

describe("openings", () => {
  it("give every shard of the challenge its point, proven to be the order's", () => {
    const opened = verifyOpenings({ shards, openings, orderOf });
    assert.deepEqual(
      opened,
      shards.map((shard) => ({ ...shard, point: pointOf(shard) })),
    );
    assert.equal(openings.orders.length, 2);
    assert.equal(openingsDigest(openings.points), keccak256(openings.points));
  });

  it("can be had in slices", () => {
    for (const [from, to] of [
      [0, 2],
      [2, 4],
    ]) {
      const slice = shards.slice(from, to);
      const part = buildOpenings({ shards: slice, pointOf, treeOf: (orderId) => trees.get(orderId)! });
      assert.equal(verifyOpenings({ shards: slice, openings: part, orderOf }).length, 2);
    }
  });

  it("are refused with points swapped, altered, negated, missing or too many", () => {
    const swapped = openings.points.slice();
    swapped.copyWithin(0, 96, 192);
    swapped.set(openings.points.subarray(0, 96), 96);
    assertRefused({ points: swapped });
    assertRefused({ points: openings.points.with(50, openings.points[50]! ^ 1).with(0, 1) });
    const negated = openings.points.slice();
    const other = points.weightedSumPoint([negated.subarray(96, 192)], [MINUS_ONE]);
    negated.set(other, 96);
    assert.deepEqual(other.subarray(0, 48), openings.points.subarray(96, 144));
    assertRefused({ points: negated });
    assertRefused({ points: openings.points.subarray(96) });
    assertRefused({ points: new Uint8Array([...openings.points, ...openings.points.subarray(0, 96)]) });
    assertRefused({ points: openings.points.with(0, openings.points[0]! | 0x80) });
  });

  it("are refused with orders missing, added, repeated, swapped, or with a hash too few or too many", () => {
    const [first, second] = openings.orders as [Openings["orders"][0], Openings["orders"][0]];
    assertRefused({ orders: [first] });
    assertRefused({ orders: [first, second, second] });
    assertRefused({ orders: [second, first] });
    assertRefused({ orders: [first, { ...second, multiproof: second.multiproof.slice(1) }] });
    assertRefused({ orders: [{ ...first, multiproof: [...first.multiproof, ORDERS[0]] }, second] });
  });

  it("of other shards of the same orders are refused", () => {
    assertRefused({}, [{ ...shards[0]!, stripe: 2 }, ...shards.slice(1)]);
    assertRefused({}, [shards[2]!, shards[1]!, shards[0]!, shards[3]!]);
    assertRefused({}, [{ ...shards[0]!, slot: 3 }, ...shards.slice(1)]);
  });

  it("hold at most 4,096 shards", () => {
    const many = Array.from({ length: 4097 }, (_, stripe) => ({ orderId: ORDERS[0], slot: 0, stripe }));
    assert.throws(() => buildOpenings({ shards: many, pointOf, treeOf: () => trees.get(ORDERS[0])! }), {
      code: "OPENINGS_TOO_MANY",
    });
    assert.throws(() => verifyOpenings({ shards: many, openings, orderOf }), { code: "OPENINGS_TOO_MANY" });
  });

  it("of a challenge that names a shard twice are refused", () => {
    assertRefused({}, [shards[0]!, shards[1]!, shards[2]!, shards[2]!]);
  });
});
