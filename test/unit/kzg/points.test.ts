import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, concatBytes, type Hex, hexToBytes, keccak256, numberToBytes, stringToBytes } from "viem";
import { FIELD_MODULUS } from "../../../protocol/constants.ts";
import { createFieldPool } from "../../../protocol/kzg/fieldPool.ts";
import { createKzg } from "../../../protocol/kzg/kzg.ts";
import { CEREMONY_TAU_G2, loadPoints } from "../../../protocol/kzg/points.ts";
import { encodePacked31 } from "../../../protocol/shard/packed31.ts";
import vectors from "../../vectors/kzg.json" with { type: "json" };
import { findPointOutsideSubgroup } from "../challenge/points.ts";

const points = await loadPoints();
const kzg = createKzg();
const opening = (index: number) => {
  const { commitment, z, y, proof } = vectors.shards[index]!;
  return {
    ...{
      commitment: hexToBytes(commitment as Hex),
      z: BigInt(z),
      y: BigInt(y),
      proof: hexToBytes(proof as Hex),
    },
  };
};
const sumOpening = (index: number) => {
  const { commitment, z, y, proof } = opening(index);
  return { sum: points.decompress(commitment), z, y, proof: points.decompress(proof) };
};
/** keccak("payload <length>" ‖ uint32 counter) in a row: the payloads behind the vectors. */
function payloadOf(length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, counter) =>
    keccak256(
      concatBytes([stringToBytes(`payload ${length}`), numberToBytes(counter, { size: 4 })]),
      "bytes",
    ),
  );
  return concatBytes(blocks).slice(0, length);
}

const IDENTITY = new Uint8Array(48).with(0, 0xc0);
const IDENTITY_POINT = new Uint8Array(96).with(0, 0x40);
/** The ceremony's result as another library carries it. */
const CEREMONY = new URL("../../../node_modules/viem/trusted-setups/mainnet.json", import.meta.url);
/** The base field's modulus. */
const P = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn;
const bytes48 = (value: bigint) => hexToBytes(`0x${value.toString(16).padStart(96, "0")}`);

describe("KZG", () => {
  it("agrees with the golden vectors", async () => {
    const shards = vectors.shards.map(({ payloadLength }) => encodePacked31(payloadOf(payloadLength)));
    for (const [index, shard] of shards.entries()) {
      const { commitment, z, y, proof } = opening(index);
      assert.deepEqual(await kzg.commit(shard), commitment);
      assert.deepEqual(await kzg.open(shard, z), { y, proof });
      assert.equal(kzg.verify({ commitment, z, y, proof }), true);
      const hash = createHash("sha256").update(commitment).digest("hex");
      assert.equal(vectors.shards[index]!.versionedHash, `0x01${hash.slice(2)}`);
    }
    const pool = createFieldPool({ threads: 0 });
    const sum = await pool.weightedSum(shards, vectors.weightedSum.weights.map(BigInt));
    assert.equal(`0x${createHash("sha256").update(sum).digest("hex")}`, vectors.weightedSum.sumSha256);
    await pool.close();
  });

  it("opens a shard to the value that verifies, and to no other value or point", async () => {
    const shard = encodePacked31(Uint8Array.of(1, 2, 3));
    const commitment = await kzg.commit(shard);
    const { y, proof } = await kzg.open(shard, 99n);
    assert.equal(kzg.verify({ commitment, z: 99n, y, proof }), true);
    assert.equal(kzg.verify({ commitment, z: 98n, y, proof }), false);
    assert.equal(kzg.verify({ commitment, z: 99n, y: y + 1n, proof }), false);
    assert.equal(kzg.verify({ commitment: opening(2).commitment, z: 99n, y, proof }), false);
  });

  it("refuses wrong lengths and non-canonical elements by code, and takes nothing malformed for valid", async () => {
    await assert.rejects(kzg.commit(new Uint8Array(5)), { code: "SHARD_LENGTH" });
    await assert.rejects(kzg.open(new Uint8Array(5), 1n), { code: "SHARD_LENGTH" });
    const shard = encodePacked31(new Uint8Array()).fill(0xff, 64, 96);
    await assert.rejects(kzg.commit(shard), { code: "SHARD_ELEMENT_NOT_CANONICAL" });
    await assert.rejects(kzg.open(shard, 1n), { code: "SHARD_ELEMENT_NOT_CANONICAL" });
    const valid = opening(3);
    assert.equal(kzg.verify({ ...valid, proof: valid.proof.subarray(1) }), false);
    assert.equal(kzg.verify({ ...valid, proof: new Uint8Array(48) }), false);
    assert.equal(kzg.verify({ ...valid, y: FIELD_MODULUS }), false);
    assert.equal(kzg.verify({ ...valid, commitment: findPointOutsideSubgroup(points).compressed }), false);
  });

  it("gives up a commit that waits when its signal aborts", async () => {
    const abort = new AbortController();
    const shard = encodePacked31(Uint8Array.of(1));
    const work = Array.from({ length: 6 }, () => kzg.commit(shard, { signal: abort.signal }));
    abort.abort(new Error("stop"));
    const outcomes = await Promise.allSettled(work);
    assert.equal(outcomes.at(-1)!.status, "rejected");
    assert.deepEqual(await kzg.commit(encodePacked31(new Uint8Array())), IDENTITY);
  });
});

describe("points", () => {
  it("know the ceremony that node-eth-kzg uses", () => {
    const { g2_monomial } = JSON.parse(readFileSync(CEREMONY, "utf8")) as {
      g2_monomial: Hex[];
    };
    assert.equal(`0x${CEREMONY_TAU_G2}`, g2_monomial[1]);
    const { commitment, z, y, proof } = opening(4);
    assert.equal(kzg.verify({ commitment, z, y, proof }), true);
    assert.equal(points.verifySums([sumOpening(4)], [1n]), true);
    assert.equal(points.verifySums([{ ...sumOpening(4), y: y + 1n }], [1n]), false);
  });

  it("decompress and compress to the same bytes, the identity included", () => {
    for (const { commitment } of vectors.shards) {
      const bytes = hexToBytes(commitment as Hex);
      assert.deepEqual(points.compress(points.decompress(bytes)), bytes);
      assert.deepEqual(points.expand(bytes), points.decompress(bytes));
    }
    assert.deepEqual(points.decompress(IDENTITY), IDENTITY_POINT);
    assert.deepEqual(points.compress(IDENTITY_POINT), IDENTITY);
  });

  it("tell a commitment that is off the curve from one outside the subgroup", () => {
    const outside = findPointOutsideSubgroup(points);
    assert.throws(() => points.decompress(outside.compressed), { code: "COMMITMENT_NOT_IN_SUBGROUP" });
    assert.throws(() => points.assertCommitment(outside.compressed), { code: "COMMITMENT_NOT_IN_SUBGROUP" });
    assert.equal(points.isInSubgroup(outside.point), false);
    assert.deepEqual(points.expand(outside.compressed), outside.point);
    // x = 1 has no y: 1 + 4 is no square.
    const offCurve = new Uint8Array(48).with(0, 0x80).with(47, 1);
    assert.throws(() => points.decompress(offCurve), { code: "COMMITMENT_NOT_ON_CURVE" });
    points.assertCommitment(IDENTITY);
  });

  it("leaves the bytes that it is given as they are, a Buffer's too, whose `slice` is no copy", () => {
    for (const index of vectors.shards.keys()) {
      const { commitment } = opening(index);
      for (const make of [points.expand, points.decompress]) {
        const bytes = Buffer.from(commitment);
        const point = Buffer.from(make(bytes));
        assert.deepEqual(new Uint8Array(bytes), commitment);
        assert.deepEqual(points.compress(point), commitment);
        assert.deepEqual(new Uint8Array(point), points.expand(commitment));
      }
    }
  });

  it("refuse encodings that are not the one of a point", () => {
    const valid = opening(3).commitment;
    const cases = [
      valid.with(0, valid[0]! & 0x7f), // not marked as compressed
      IDENTITY.with(47, 1),
      IDENTITY.with(0, 0xe0),
      IDENTITY.with(0, 0x40),
      new Uint8Array(48),
      new Uint8Array(48).fill(0xff),
      bytes48(P).map((byte, index) => (index === 0 ? byte | 0x80 : byte)), // x not reduced
    ];
    for (const bytes of cases) {
      assert.throws(() => points.decompress(bytes), { code: "COMMITMENT_NOT_ON_CURVE" }, bytesToHex(bytes));
    }
    assert.throws(() => points.decompress(valid.subarray(1)), { code: "COMMITMENT_LENGTH" });
    const point = points.decompress(valid);
    assert.throws(() => points.compress(point.subarray(1)), { code: "POINT_ENCODING" });
    assert.throws(() => points.compress(point.with(0, point[0]! | 0x20)), { code: "POINT_ENCODING" });
    assert.throws(() => points.compress(IDENTITY_POINT.with(95, 1)), { code: "POINT_ENCODING" });
  });

  it("refuse 96 bytes that are no point of the curve when they are summed", () => {
    const point = points.decompress(opening(3).commitment);
    const y = BigInt(bytesToHex(point.subarray(48)));
    const cases = [
      point.with(95, point[95]! ^ 1),
      new Uint8Array(96),
      Uint8Array.from([...point.subarray(0, 48), ...bytes48(y + P)]),
    ];
    for (const bytes of cases) {
      assert.throws(() => points.weightedSum([bytes], [1n]), { code: "POINT_NOT_ON_CURVE" });
    }
  });

  it("sum with weights like the polynomials behind them", async () => {
    const shards = [1, 2, 3].map((byte) => encodePacked31(new Uint8Array(50 * byte).fill(byte)));
    const commitments = await Promise.all(shards.map((shard) => kzg.commit(shard)));
    const expanded = commitments.map((commitment) => points.decompress(commitment));
    const weights = [5n, (1n << 128n) - 1n, FIELD_MODULUS - 1n];
    const sum = points.weightedSum(expanded, weights);
    assert.deepEqual(points.compress(points.weightedSumPoint(expanded, weights)), sum);
    const twice = points.weightedSum([...expanded, ...expanded], [2n, 0n, 0n, 3n, weights[1]!, weights[2]!]);
    assert.deepEqual(twice, sum);
    assert.deepEqual(points.weightedSum([expanded[0]!, expanded[0]!], [1n, FIELD_MODULUS - 1n]), IDENTITY);
    assert.deepEqual(points.weightedSum([], []), IDENTITY);
    assert.deepEqual(points.weightedSum([IDENTITY_POINT, expanded[1]!], [9n, 1n]), commitments[1]);
    assert.throws(() => points.weightedSum(expanded, [1n]), RangeError);
  });

  it("sum equal points like different ones, outside the subgroup too", () => {
    const { point } = findPointOutsideSubgroup(points);
    const [two, three] = [2n, 3n].map((times) => points.weightedSumPoint([point], [times]));
    assert.deepEqual(points.weightedSumPoint([point, point], [1n, 2n]), three);
    const large = FIELD_MODULUS - 1n;
    const copies = Array<Uint8Array>(6).fill(point);
    const single = points.weightedSumPoint([point], [large]);
    const sixfold = points.weightedSumPoint([single], [6n]);
    assert.deepEqual(points.weightedSumPoint(copies, Array<bigint>(6).fill(large)), sixfold);
    assert.deepEqual(points.weightedSumPoint([point, two!, point], [1n, 1n, 0n]), three);
  });

  it("sum more points than one multiplication takes", () => {
    const point = points.decompress(opening(3).commitment);
    const many = points.weightedSum(Array(4100).fill(point), Array(4100).fill(1n));
    assert.deepEqual(many, points.weightedSum([point], [4100n]));
  });

  it("check openings together like node-eth-kzg does alone", () => {
    const indexes = fc.uniqueArray(fc.nat(vectors.shards.length - 1), { minLength: 1 });
    const weight = fc.bigInt({ min: 1n, max: (1n << 128n) - 1n });
    fc.assert(
      fc.property(
        indexes,
        fc.array(weight, { minLength: 6, maxLength: 6 }),
        fc.nat(5),
        (chosen, weights, at) => {
          const openings = chosen.map(sumOpening);
          assert.ok(chosen.every((index) => kzg.verify(opening(index))));
          assert.equal(points.verifySums(openings, weights.slice(0, openings.length)), true);
          const wrong = openings[at % openings.length]!;
          const altered = openings.with(at % openings.length, {
            ...wrong,
            y: (wrong.y + 1n) % FIELD_MODULUS,
          });
          assert.equal(points.verifySums(altered, weights.slice(0, openings.length)), false);
        },
      ),
      { numRuns: 15 },
    );
    assert.equal(points.verifySums([], []), true);
  });
});
