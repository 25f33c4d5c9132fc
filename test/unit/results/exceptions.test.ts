import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  bytesToHex,
  decodeAbiParameters,
  type Hex,
  keccak256,
  numberToHex,
  pad,
  parseAbiParameters,
  zeroHash,
} from "viem";
import { EXCEPTION_KIND } from "../../../protocol/certificate.ts";
import { MAX_LOST_ENTRIES } from "../../../protocol/constants.ts";
import { nodeAt } from "../../../protocol/merkle/tree.ts";
import type { Order } from "../../../protocol/order.ts";
import {
  compareEntries,
  type ExceptionLeaf,
  exceptionChunks,
  exceptionsOf,
  exceptionsRoot,
  exceptionsTree,
  lostData,
  lostDetail,
  lostParts,
  type OfferContent,
  offerData,
  offerDetail,
} from "../../../protocol/results/exceptions.ts";
import { VERDICT } from "../../../protocol/results/judge.ts";
import { leafOfMessage } from "../../../protocol/wire/exceptionMessage.ts";
import type { ExceptionMessage } from "../../../protocol/wire/keeper.ts";
import vectors from "../../vectors/exceptions.json" with { type: "json" };

const hash = (number: number): Hex => pad(numberToHex(number), { size: 32 });
const entry = (order: number, slot: number, stripe = 0) => ({ orderId: hash(order), slot, stripe });
const missed = (provider: number) => ({ provider, verdict: VERDICT.missed });
const offer = (provider: number, order: number, slot: number): OfferContent => ({
  provider,
  orderId: hash(order),
  slot,
  deadline: 9,
});
const orderOf = (salt: number): Order => ({
  group: `0x${"11".repeat(20)}`,
  owner: `0x${"22".repeat(20)}`,
  payer: `0x${"33".repeat(20)}`,
  providers: [1, 2],
  shardRoot: hash(5),
  stripes: 3,
  policy: 0x20001,
  layout: 0,
  startEpoch: 1,
  endEpoch: 9,
  price: 1n << 40n,
  minEpochs: 1,
  openBy: 7n,
  manifest: { firstStripe: 0, stripes: 1, length: 10n, digest: hash(1) },
  salt: hash(salt),
});
const ORDER_TUPLE =
  "(address group, address owner, address payer, uint32[] providers, bytes32 shardRoot, uint32 stripes, uint32 policy, uint8 layout, uint32 startEpoch, uint32 endEpoch, uint128 price, uint32 minEpochs, uint64 openBy, (uint32 firstStripe, uint32 stripes, uint64 length, bytes32 digest) manifest, bytes32 salt)";

describe("exceptions of an epoch", () => {
  it("are missed, then lost, then offers, each by its own order", () => {
    const plan = {
      lost: [
        { provider: 9, part: 0, entries: [entry(1, 0)] },
        { provider: 4, part: 1, entries: [entry(1, 1)] },
        { provider: 4, part: 0, entries: [entry(1, 2)] },
      ],
      offers: [offer(7, 2, 0), offer(2, 9, 9), offer(7, 1, 5), offer(7, 1, 3)],
    };
    const leaves = exceptionsOf([missed(8), { provider: 1, verdict: VERDICT.passed }, missed(3)], plan);
    const named = leaves.map(({ kind, provider, content }) => {
      if (content === undefined) return [kind, provider];
      return "part" in content
        ? [kind, provider, content.part]
        : [kind, provider, Number(content.orderId), content.slot];
    });
    assert.deepEqual(named, [
      [EXCEPTION_KIND.missed, 3],
      [EXCEPTION_KIND.missed, 8],
      [EXCEPTION_KIND.lost, 4, 0],
      [EXCEPTION_KIND.lost, 4, 1],
      [EXCEPTION_KIND.lost, 9, 0],
      [EXCEPTION_KIND.offer, 2, 9, 9],
      [EXCEPTION_KIND.offer, 7, 1, 3],
      [EXCEPTION_KIND.offer, 7, 1, 5],
      [EXCEPTION_KIND.offer, 7, 2, 0],
    ]);
  });

  it("carry zero for missed, else the hash of their content", () => {
    const content = { provider: 4, part: 2, entries: [entry(1, 3, 5), entry(2, 0, 7)] };
    const leaves = exceptionsOf([missed(3)], { lost: [content], offers: [offer(7, 1, 3)] });
    const [word, slot] = [(n: number) => numberToHex(n, { size: 32 }).slice(2), hash(1).slice(2)];
    const lost = `0x${word(2)}${word(64)}${word(2)}${slot}${word(3)}${word(5)}${word(2)}${word(0)}${word(7)}`;
    assert.deepEqual(
      leaves.map(({ data }) => data),
      [zeroHash, keccak256(lost as Hex), keccak256(`0x${slot}${word(3)}${word(9)}`)],
    );
  });

  it("stay with their content in the chunks that they are applied in", () => {
    const leaves = exceptionsOf([missed(3)], { lost: [], offers: [offer(7, 1, 3), offer(8, 1, 4)] });
    const chunks = exceptionChunks(leaves, 1, 1);
    assert.deepEqual(
      chunks.flatMap((chunk) => chunk.leaves),
      leaves.slice(1),
    );
  });
});

describe("what a provider lost", () => {
  it("is cut into parts of at most 64 entries, ascending by order and slot", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.nat(200), fc.nat(31)), {
      selector: ([order, slot]) => order * 32 + slot,
      minLength: 1,
      maxLength: 3 * MAX_LOST_ENTRIES,
    });
    fc.assert(
      fc.property(entries, (slots) => {
        const parts = lostParts(
          5,
          slots.map(([order, slot]) => entry(order, slot)),
        );
        assert.deepEqual(
          parts.map(({ part }) => part),
          parts.map((_, index) => index),
        );
        const all = parts.flatMap((part) => part.entries);
        assert.equal(all.length, slots.length);
        assert.ok(all.every((one, index) => index === 0 || compareEntries(all[index - 1]!, one) < 0));
        assert.ok(parts.slice(0, -1).every((part) => part.entries.length === MAX_LOST_ENTRIES));
        assert.ok(parts.every((part) => part.entries.length <= MAX_LOST_ENTRIES && part.entries.length > 0));
      }),
    );
  });

  it("has as many parts as its entries need, both sides of the boundary", () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => entry(index, 0));
    const parts = [0, 1, 64, 65, 128, 129].map((count) => lostParts(5, many(count)).length);
    assert.deepEqual(parts, [0, 1, 1, 2, 2, 3]);
  });

  it("names a slot once", () => {
    assert.throws(() => lostParts(5, [entry(1, 2, 0), entry(3, 1), entry(1, 2, 1)]), {
      code: "LOST_ENTRY_REPEATED",
    });
  });
});

describe("what is handed in with a leaf", () => {
  it("is for a lost one its content and the open orders among its entries, each once, ascending", () => {
    const content = {
      provider: 4,
      part: 2,
      entries: [entry(1, 3, 5), entry(1, 4), entry(2, 0, 7), entry(6, 0)],
    };
    const open = [2, 3, 1, 2].map((id) => ({ id: hash(id), order: orderOf(id) }));
    const type = parseAbiParameters(
      `(uint32 part, (bytes32 orderId, uint8 slot, uint32 stripe)[] entries, ${ORDER_TUPLE}[] orders) detail`,
    );
    const [detail] = decodeAbiParameters(type, lostDetail(content, open));
    assert.deepEqual(detail, {
      part: 2,
      entries: content.entries,
      orders: [orderOf(1), orderOf(2)],
    });
    assert.equal(lostData({ ...detail }), lostData(content));
  });

  it("is for an offer its content and the order", () => {
    const content = offer(7, 1, 3);
    const type = parseAbiParameters(`(${ORDER_TUPLE} order, uint8 slot, uint32 deadline) detail`);
    const [detail] = decodeAbiParameters(type, offerDetail(content, orderOf(1)));
    assert.deepEqual(detail, { order: orderOf(1), slot: 3, deadline: 9 });
  });

  it("differs with every field of an offer", () => {
    const base = offer(7, 1, 3);
    const others = [{ orderId: hash(2) }, { slot: 4 }, { deadline: 8 }].map((change) => ({
      ...base,
      ...change,
    }));
    assert.equal(new Set([base, ...others].map(offerData)).size, 4);
  });
});

describe("golden vectors of exceptions", () => {
  it("hash as this code hashes, from what the leaves stand for on", () => {
    for (const { leaves, root, orders } of vectors) {
      const messages = leaves.map(({ kind, provider, content }) => ({ kind, provider, ...content }));
      const computed = messages.map((message) => leafOfMessage(message as unknown as ExceptionMessage));
      assert.equal(exceptionsRoot(computed), root);
      const tree = exceptionsTree(computed);
      for (const [index, leaf] of leaves.entries()) {
        assert.equal(computed[index]?.data, leaf.data);
        assert.equal(bytesToHex(nodeAt(tree, 0, index)), leaf.leafHash);
        assert.equal(detailOf(computed[index]!, orders.map(readOrder)), leaf.detail);
      }
    }
  });
});

function detailOf(leaf: ExceptionLeaf, orders: { id: Hex; order: Order }[]): Hex | undefined {
  if (leaf.kind === EXCEPTION_KIND.lost) return lostDetail(leaf.content, [...orders].reverse());
  if (leaf.kind !== EXCEPTION_KIND.offer) return undefined;
  return offerDetail(leaf.content, orders.find(({ id }) => id === leaf.content.orderId)!.order);
}

function readOrder({ id, order }: (typeof vectors)[number]["orders"][number]): { id: Hex; order: Order } {
  const { length, ...location } = order.manifest;
  const manifest = { ...location, length: BigInt(length) };
  const [price, openBy] = [BigInt(order.price), BigInt(order.openBy)];
  return { id: id as Hex, order: { ...order, price, openBy, manifest } as Order };
}
