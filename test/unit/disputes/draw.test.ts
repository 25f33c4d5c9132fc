import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Hex, keccak256, numberToHex, stringToHex } from "viem";
import { APPEAL_DRAWS, FIELD_MODULUS } from "../../../protocol/constants.ts";
import { appealDraw, appealPoint, drawnIndexes, drawnShards } from "../../../protocol/disputes/draw.ts";

const word = (value: number | bigint) => numberToHex(value, { size: 32 }).slice(2);
const draws = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => keccak256(bytes));

describe("the entries that an appeal has to answer", () => {
  it("are the first distinct ones of keccak256(abi.encode(draw, i)) mod count", () => {
    const draw = keccak256("0x07");
    const hashes = Array.from({ length: 20 }, (_, i) => BigInt(keccak256(`${draw}${word(i)}`)) % 6n);
    const expected = [...new Set(hashes.map(Number))].slice(0, 4);
    assert.ok(new Set(hashes.slice(0, 4)).size < 4, "a draw that repeats itself");
    assert.deepEqual(drawnIndexes(draw, 6), expected);
  });

  it("are all of a few and four of many, each once", () => {
    fc.assert(
      fc.property(draws, fc.integer({ min: 0, max: 64 }), (draw, count) => {
        const indexes = drawnIndexes(draw, count);
        assert.equal(new Set(indexes).size, Math.min(count, APPEAL_DRAWS));
        assert.ok(indexes.every((index) => index >= 0 && index < count));
      }),
    );
  });

  it("differ with the provider and with the part of its record", () => {
    const epochDraw = keccak256("0x01");
    assert.equal(appealDraw(epochDraw, 5, 2), keccak256(`${epochDraw}${word(5)}${word(2)}` as Hex));
    assert.notEqual(appealDraw(epochDraw, 5, 2), appealDraw(epochDraw, 2, 5));
  });
});

describe("the shards that an appeal has to answer", () => {
  const entries = fc.array(
    fc
      .integer({ min: 1, max: 9 })
      .chain((stripes) => fc.record({ stripes: fc.constant(stripes), stripe: fc.nat(stripes - 1) })),
    { minLength: 1, maxLength: 64 },
  );

  it("are those that the drawn entries name, and nothing else when the record has four or more", () => {
    fc.assert(
      fc.property(draws, entries, (draw, all) => {
        const named = drawnIndexes(draw, all.length).map((index) => ({ index, stripe: all[index]!.stripe }));
        const drawn = drawnShards(draw, all);
        assert.deepEqual(drawn.slice(0, named.length), named);
        if (all.length >= APPEAL_DRAWS) assert.equal(drawn.length, APPEAL_DRAWS);
      }),
    );
  });

  it("are four different ones however few entries there are, or all that the slots have", () => {
    fc.assert(
      fc.property(draws, entries, (draw, all) => {
        const drawn = drawnShards(draw, all);
        const shards = all.reduce((sum, { stripes }) => sum + stripes, 0);
        assert.equal(new Set(drawn.map(({ index, stripe }) => `${index}/${stripe}`)).size, drawn.length);
        assert.equal(drawn.length, Math.min(shards, APPEAL_DRAWS));
        assert.ok(drawn.every(({ index, stripe }) => stripe < all[index]!.stripes));
      }),
    );
  });

  it("follow, after the named ones, from keccak256(abi.encode(draw, 'more', i)): entry, then stripe", () => {
    const draw = keccak256("0x09");
    const text = `${word(0x60)}%i${word(4)}${stringToHex("more", { size: 32 }).slice(2)}`;
    const hashes = Array.from({ length: 30 }, (_, i) =>
      BigInt(keccak256(`${draw}${text.replace("%i", word(i))}`)),
    );
    const expected = new Set(["0/5", ...hashes.map((hash) => `0/${(hash >> 128n) % 6n}`)]);
    const drawn = drawnShards(draw, [{ stripe: 5, stripes: 6 }]).map(
      ({ index, stripe }) => `${index}/${stripe}`,
    );
    assert.deepEqual(drawn, [...expected].slice(0, APPEAL_DRAWS));
  });
});

describe("the point at which a shard has to be opened", () => {
  const of = {
    chainId: 31_337,
    disputes: "0x00000000000000000000000000000000c0ffee02",
    draw: keccak256("0x02"),
    orderId: keccak256("0x03"),
    slot: 4,
    stripe: 5,
  } as const;

  it("is 248 bits of a hash of all that it depends on", () => {
    const domain = keccak256(stringToHex("memo/appeal/v1")).slice(2);
    const [draw, order] = [of.draw.slice(2), of.orderId.slice(2)];
    const text = `0x${domain}${word(31_337)}${word(BigInt(of.disputes))}${draw}${order}${word(4)}${word(5)}`;
    assert.equal(appealPoint(of), BigInt(keccak256(text as Hex)) >> 8n);
  });

  it("differs with each of them", () => {
    const changes = [
      { chainId: 1 },
      { disputes: "0x00000000000000000000000000000000c0ffee03" },
      { draw: keccak256("0x04") },
      { orderId: keccak256("0x05") },
      { slot: 5 },
      { stripe: 4 },
    ] as const;
    const points = [of, ...changes.map((change) => ({ ...of, ...change }))].map(appealPoint);
    assert.equal(new Set(points).size, points.length);
    assert.ok(points.every((point) => point < FIELD_MODULUS));
  });
});
