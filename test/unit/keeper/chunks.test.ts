import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { size } from "viem";
import { needsDraw, nextChunk } from "../../../keeper/submit/chunks.ts";
import type { OrderInfo } from "../../../protocol/chain/groupTypes.ts";
import { verifyRangeProof } from "../../../protocol/merkle/rangeProof.ts";
import { leafHash, TAG } from "../../../protocol/merkle/tree.ts";
import type { Order } from "../../../protocol/order.ts";
import {
  type ExceptionLeaf,
  exceptionPayload,
  exceptionsRoot,
  lostDetail,
  lostLeaf,
  missedLeaf,
  offerDetail,
  offerLeaf,
} from "../../../protocol/results/exceptions.ts";
import { hash } from "../../sim/repair/chain.ts";

const address = `0x${"ab".repeat(20)}` as const;
const order = (slots: number): Order => ({
  group: address,
  owner: address,
  payer: address,
  providers: Array.from({ length: slots }, (_, index) => index + 1),
  shardRoot: hash("root"),
  stripes: 3,
  policy: (1 << 16) | ((slots - 1) << 8) | 1,
  layout: 0,
  startEpoch: 1,
  endEpoch: 90,
  price: 1n,
  minEpochs: 1,
  openBy: 1n,
  manifest: { firstStripe: 0, stripes: 1, length: 1n, digest: hash("manifest") },
  salt: hash("salt"),
});
const info = (name: string, slots = 9, closed = false) =>
  [hash(name), { id: hash(name), order: order(slots), closed }] as unknown as [`0x${string}`, OrderInfo];
const orders = new Map(Array.from({ length: 64 }, (_, index) => info(`order ${index}`)));
const ids = [...orders.keys()].sort();
const entries = (count: number) => ids.slice(0, count).map((orderId) => ({ orderId, slot: 1, stripe: 0 }));
const lost = (part: number, count: number) => lostLeaf({ provider: 7, part, entries: entries(count) });
const offer = (slot: number) => offerLeaf({ provider: 8, orderId: ids[0]!, slot, deadline: 9 });

function all(leaves: readonly ExceptionLeaf[], known = orders) {
  const chunks: NonNullable<ReturnType<typeof nextChunk>>[] = [];
  for (let from = 0; ; ) {
    const chunk = nextChunk(leaves, from, known);
    if (chunk === undefined) return chunks;
    chunks.push(chunk);
    from += chunk.leaves.length;
  }
}
const lengths = (leaves: readonly ExceptionLeaf[]) => all(leaves).map((chunk) => chunk.leaves.length);

describe("exceptions of one transaction", () => {
  it("are at most fifty", () => {
    const missed = Array.from({ length: 101 }, (_, index) => missedLeaf(index + 1));
    assert.deepEqual(lengths(missed.slice(0, 50)), [50]);
    assert.deepEqual(lengths(missed), [50, 50, 1]);
  });

  it("are fewer when they evict many slots", () => {
    assert.deepEqual(lengths([lost(0, 1), lost(1, 1)]), [2]);
    // Few orders, many slots: it is the evictions that cost.
    const dense = (part: number) => {
      const slots = Array.from({ length: 32 }, (_, slot) => slot);
      const named = ids.slice(0, 2).flatMap((orderId) => slots.map((slot) => ({ orderId, slot, stripe: 0 })));
      return lostLeaf({ provider: 7, part, entries: named });
    };
    assert.deepEqual(lengths([dense(0), dense(1)]), [1, 1]);
    assert.deepEqual(lengths([dense(0), lost(1, 20)]), [2]);
    assert.deepEqual(lengths([lost(0, 40), lost(1, 40), lost(2, 20)]), [2, 1]);
  });

  it("are fewer when their orders are many bytes, but one is always tried", () => {
    const wide = new Map([...orders].map(([id, each]) => [id, { ...each, order: order(32) }]));
    const chunks = all([lost(0, 40), lost(1, 20), lost(2, 64)], wide);
    assert.deepEqual(
      chunks.map(({ leaves }) => leaves.length),
      [1, 1, 1],
    );
    assert.ok(chunks.every(({ details }) => size(details[0]!) <= 120_000));
  });

  it("prove themselves, with one detail for each lost leaf and offer in their order", () => {
    const leaves = [
      ...Array.from({ length: 49 }, (_, index) => missedLeaf(index + 1)),
      lost(0, 2),
      offer(2),
      offer(3),
    ];
    const root = exceptionsRoot(leaves);
    const [first, second] = all(leaves);
    for (const { from, leaves: chunk, proof } of [first!, second!]) {
      const hashes = chunk.map((leaf, index) =>
        leafHash(TAG.exception, from + index, exceptionPayload(leaf)),
      );
      assert.ok(verifyRangeProof({ root, count: leaves.length, from, leaves: hashes, proof }));
    }
    const open = [...orders.values()].map(({ id, order: each }) => ({ id, order: each }));
    assert.deepEqual(first!.details, [lostDetail({ provider: 7, part: 0, entries: entries(2) }, open)]);
    const offered = [2, 3].map((slot) =>
      offerDetail({ provider: 8, orderId: ids[0]!, slot, deadline: 9 }, orders.get(ids[0]!)!.order),
    );
    assert.deepEqual(second!.details, offered);
  });

  it("leave out orders that are closed", () => {
    const [id] = ids;
    const closed = new Map(orders).set(id!, { ...orders.get(id!)!, closed: true });
    const [chunk] = all([lost(0, 1)], closed);
    assert.deepEqual(chunk!.details, [lostDetail({ provider: 7, part: 0, entries: entries(1) }, [])]);
  });

  it("wait for the draw only when slots are lost", () => {
    assert.equal(needsDraw([missedLeaf(1), offer(1)]), false);
    assert.equal(needsDraw([missedLeaf(1), lost(0, 1)]), true);
  });
});
