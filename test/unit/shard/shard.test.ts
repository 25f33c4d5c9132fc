import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CID } from "multiformats/cid";
import { type Hex, hexToBytes } from "viem";
import { FIELD_MODULUS, PAYLOAD_BYTES, SHARD_BYTES } from "../../../protocol/constants.ts";
import { fieldFromBytes, fieldToBytes } from "../../../protocol/kzg/field.ts";
import { LAYOUT } from "../../../protocol/order.ts";
import { matchesCid, shardCid } from "../../../protocol/shard/cid.ts";
import { decodePacked31, encodePacked31 } from "../../../protocol/shard/packed31.ts";
import { assertShard } from "../../../protocol/shard/shard.ts";
import vectors from "../../vectors/packed31.json" with { type: "json" };

const sha256 = (bytes: Uint8Array) => `0x${createHash("sha256").update(bytes).digest("hex")}`;
const withElement = (index: number, value: bigint) => {
  const shard = new Uint8Array(SHARD_BYTES);
  const hex = value.toString(16).padStart(64, "0");
  shard.set(hexToBytes(`0x${hex}`), index * 32);
  return shard;
};

describe("layout packed31", () => {
  it("agrees with the golden vectors", () => {
    for (const { payload, shardStart, shardSha256, cid } of vectors) {
      if (payload === undefined) continue;
      const shard = encodePacked31(hexToBytes(payload as Hex));
      assert.deepEqual(shard.slice(0, 96), hexToBytes(shardStart as Hex));
      assert.equal(sha256(shard), shardSha256);
      assert.equal(String(shardCid(shard)), cid);
    }
  });

  it("gives every payload back, filled with zeros to the full shard", () => {
    const lengths = fc.oneof(
      fc.nat(200),
      fc.constantFrom(PAYLOAD_BYTES - 1, PAYLOAD_BYTES),
      fc.nat(PAYLOAD_BYTES),
    );
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 255 }), (length, byte) => {
        const payload = new Uint8Array(length).fill(byte);
        const shard = encodePacked31(payload);
        assertShard(shard, LAYOUT.packed31);
        const decoded = decodePacked31(shard);
        assert.equal(decoded.length, PAYLOAD_BYTES);
        assert.deepEqual(decoded.subarray(0, length), payload);
        assert.equal(decoded.indexOf(byte, length), -1);
      }),
      { numRuns: 25 },
    );
  });

  it("refuses more payload than a shard carries", () => {
    assert.throws(() => encodePacked31(new Uint8Array(PAYLOAD_BYTES + 1)), { code: "PAYLOAD_TOO_LONG" });
  });

  it("refuses to decode what is no packed shard", () => {
    assert.throws(() => decodePacked31(new Uint8Array(SHARD_BYTES - 1)), { code: "SHARD_LENGTH" });
    assert.throws(() => decodePacked31(withElement(4095, 1n << 248n)), {
      code: "SHARD_ELEMENT_NOT_CANONICAL",
    });
  });
});

describe("a shard", () => {
  it("has exactly 131,072 bytes", () => {
    for (const length of [0, SHARD_BYTES - 1, SHARD_BYTES + 1]) {
      assert.throws(() => assertShard(new Uint8Array(length), LAYOUT.blob), { code: "SHARD_LENGTH" });
    }
  });

  it("of layout blob holds canonical elements up to modulus − 1, anywhere", () => {
    for (const index of [0, 17, 4095]) {
      assertShard(withElement(index, FIELD_MODULUS - 1n), LAYOUT.blob);
      for (const value of [FIELD_MODULUS, FIELD_MODULUS + 1n, (1n << 256n) - 1n, 0x74n << 248n]) {
        const error = {
          code: "SHARD_ELEMENT_NOT_CANONICAL",
          details: { element: index, layout: LAYOUT.blob },
        };
        assert.throws(() => assertShard(withElement(index, value), LAYOUT.blob), error);
      }
    }
  });

  it("of layout packed31 has zero top bytes, although a larger element would be canonical", () => {
    assertShard(withElement(5, (1n << 248n) - 1n), LAYOUT.packed31);
    assertShard(withElement(5, 1n << 248n), LAYOUT.blob);
    assert.throws(() => assertShard(withElement(5, 1n << 248n), LAYOUT.packed31), {
      code: "SHARD_ELEMENT_NOT_CANONICAL",
    });
  });

  it("of an unknown layout is refused by name", () => {
    assert.throws(() => assertShard(new Uint8Array(SHARD_BYTES), 2), { code: "SHARD_LAYOUT_UNKNOWN" });
  });
});

describe("a shard's CID", () => {
  it("is raw sha2-256 and matches its bytes only", () => {
    const shard = encodePacked31(Uint8Array.of(1, 2, 3));
    const cid = shardCid(shard);
    assert.equal(CID.parse(String(cid)).equals(cid), true);
    assert.equal(matchesCid(shard, cid), true);
    assert.equal(matchesCid(shard.with(7, 9), cid), false);
    assert.equal(matchesCid(shard, CID.createV1(0x70, cid.multihash)), false);
  });
});

describe("a field element", () => {
  it("is 32 big-endian bytes below the modulus", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: FIELD_MODULUS - 1n }), (value) => {
        assert.equal(fieldFromBytes(fieldToBytes(value)), value);
      }),
    );
    assert.deepEqual(fieldToBytes(258n).slice(29), Uint8Array.of(0, 1, 2));
    const modulus = hexToBytes(`0x${FIELD_MODULUS.toString(16)}`);
    assert.throws(() => fieldFromBytes(modulus), { code: "FIELD_ELEMENT_NOT_CANONICAL" });
    assert.throws(() => fieldFromBytes(new Uint8Array(31)), { code: "FIELD_ELEMENT_LENGTH" });
    assert.throws(() => fieldToBytes(FIELD_MODULUS), RangeError);
    assert.throws(() => fieldToBytes(-1n), RangeError);
  });
});
