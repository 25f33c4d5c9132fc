import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SEGMENT_BYTES } from "../../../protocol/constants.ts";
import { collect } from "../../../protocol/object/rechunk.ts";
import {
  openSegment,
  openSegments,
  SEGMENT_OVERHEAD,
  type Segment,
  type SegmentContext,
  sealSegments,
} from "../../../protocol/object/segments.ts";
import { noise, testRandom } from "./noise.ts";

const random = testRandom();
const context: SegmentContext = { key: random(32), objectId: random(16), version: 1 };
const tampered = { code: "SEGMENT_TAMPERED" };

async function seal(
  bytes: Uint8Array,
  options: { context?: SegmentContext; compress?: boolean } = {},
): Promise<Segment[]> {
  const segments: Segment[] = [];
  for await (const segment of sealSegments([bytes], options.context ?? context, options.compress))
    segments.push(segment);
  return segments;
}

const open = (stored: readonly Uint8Array[], total = stored.length, by = context) =>
  collect(openSegments(stored, by, { total }));

describe("segments", () => {
  it("come back whatever the bytes and however they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 * SEGMENT_BYTES + 1000 }),
        fc.integer({ min: 1, max: SEGMENT_BYTES }),
        fc.boolean(),
        fc.boolean(),
        async (length, chunk, compress, compressible) => {
          const bytes = compressible ? new Uint8Array(length).fill(length) : noise(length, length);
          const chunks = Array.from({ length: Math.ceil(length / chunk) }, (_, i) =>
            bytes.subarray(i * chunk, (i + 1) * chunk),
          );
          const stored: Uint8Array[] = [];
          for await (const segment of sealSegments(chunks, context, compress)) stored.push(segment.bytes);
          assert.ok(Buffer.from(await open(stored)).equals(bytes));
        },
      ),
      { numRuns: 8 },
    );
  });

  for (const [length, count] of [
    [0, 1],
    [1, 1],
    [SEGMENT_BYTES, 1],
    [SEGMENT_BYTES + 1, 2],
    [2 * SEGMENT_BYTES, 2],
  ] as const) {
    it(`of ${length} bytes are ${count}`, async () => {
      const segments = await seal(noise(length, 5));
      assert.equal(segments.length, count);
      assert.deepEqual(
        segments.map((segment) => segment.last),
        segments.map((_, i) => i === count - 1),
      );
    });
  }

  it("are compressed only when that makes them smaller", async () => {
    const [text] = await seal(new TextEncoder().encode("to be or not to be, ".repeat(9000)));
    assert.ok(text!.bytes.length < 5000);
    const [incompressible] = await seal(noise(300_000, 3));
    assert.equal(incompressible!.bytes.length, 300_000 + SEGMENT_OVERHEAD);
    const [short] = await seal(noise(100, 3));
    assert.equal(short!.bytes.length, 100 + SEGMENT_OVERHEAD);
    const mixed = Buffer.concat([noise(65_536, 3), new Uint8Array(100_000)]);
    const [sampled] = await seal(mixed);
    assert.equal(sampled!.bytes.length, mixed.length + SEGMENT_OVERHEAD, "its first 64 KiB speak for it");
    const [asked] = await seal(new Uint8Array(300_000), { compress: false });
    assert.equal(asked!.bytes.length, 300_000 + SEGMENT_OVERHEAD);
  });

  it("do not open when any single bit is changed", async () => {
    const [segment] = await seal(noise(40, 8));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: segment!.bytes.length * 8 - 1 }), async (bit) => {
        const changed = segment!.bytes.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        await assert.rejects(openSegment(changed, 0, true, context), tampered);
      }),
    );
  });

  it("do not open reordered, repeated, truncated, lengthened or without their end", async () => {
    const [a, b, c] = (await seal(noise(2 * SEGMENT_BYTES + 9, 4))).map((segment) => segment.bytes);
    await assert.rejects(open([b!, a!, c!]), tampered);
    await assert.rejects(open([a!, a!, c!]), tampered);
    await assert.rejects(open([a!, c!]), tampered);
    await assert.rejects(open([a!, b!]), tampered);
    await assert.rejects(open([a!, b!, c!, c!]), tampered);
    await assert.rejects(open([a!, b!, c!.subarray(0, -1)]), tampered);
    await assert.rejects(open([new Uint8Array(3)]), tampered);
    await assert.rejects(open([a!, b!], 3), { code: "SEGMENT_MISSING" });
  });

  it("do not open in another object, version or under another key", async () => {
    const [segment] = await seal(noise(100, 2));
    for (const other of [
      { ...context, objectId: random(16) },
      { ...context, version: 2 },
      { ...context, key: random(32) },
    ]) {
      await assert.rejects(openSegment(segment!.bytes, 0, true, other), tampered);
    }
  });

  it("open one by one from any place", async () => {
    const bytes = noise(2 * SEGMENT_BYTES + 100, 6);
    const stored = (await seal(bytes)).map((segment) => segment.bytes);
    const part = await collect(openSegments(stored.slice(1, 2), context, { total: 3, first: 1, count: 1 }));
    assert.ok(Buffer.from(part).equals(bytes.subarray(SEGMENT_BYTES, 2 * SEGMENT_BYTES)));
  });
});
