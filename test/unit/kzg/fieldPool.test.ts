import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { bytesToBigInt } from "viem";
import { FIELD_MODULUS, SHARD_BYTES } from "../../../protocol/constants.ts";
import { fieldFromBytes, fieldToBytes } from "../../../protocol/kzg/field.ts";
import { createFieldPool, type FieldPool } from "../../../protocol/kzg/fieldPool.ts";

const inline = createFieldPool({ threads: 0 });
const threaded = createFieldPool({ threads: 2 });
after(() => Promise.all([inline.close(), threaded.close()]));

const LARGEST_WEIGHT = (1n << 128n) - 1n;
const ELEMENTS = 4096;

/** Elements that hit every limb: random ones, and those at the edges of the field. */
function randomShard(random: () => number, canonical = true): Uint8Array {
  const shard = Uint8Array.from({ length: SHARD_BYTES }, () => Math.floor(random() * 256));
  const edges = [0n, 1n, FIELD_MODULUS - 1n, (1n << 224n) - 1n, 0xffffffffn];
  if (canonical) for (let at = 0; at < SHARD_BYTES; at += 32) shard[at]! %= 0x73;
  else edges.push((1n << 256n) - 1n, FIELD_MODULUS);
  edges.forEach((edge, index) => {
    const at = Math.floor(random() * ELEMENTS);
    for (let byte = 0; byte < 32; byte++)
      shard[at * 32 + byte] = Number((edge >> BigInt(248 - 8 * byte)) & 0xffn);
    shard.set(shard.subarray(at * 32, at * 32 + 32), index * 32);
  });
  return shard;
}

const element = (shard: Uint8Array, index: number) =>
  bytesToBigInt(shard.subarray(index * 32, index * 32 + 32));

function expectedSum(shards: Uint8Array[], weights: bigint[], index: number): bigint {
  return shards.reduce((sum, shard, at) => sum + element(shard, index) * weights[at]!, 0n) % FIELD_MODULUS;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base % FIELD_MODULUS, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % FIELD_MODULUS;
    square = (square * square) % FIELD_MODULUS;
  }
  return result;
}

const reversed = (index: number) =>
  Number.parseInt(index.toString(2).padStart(12, "0").split("").reverse().join(""), 2);
const OMEGA = power(7n, (FIELD_MODULUS - 1n) / BigInt(ELEMENTS));
/** Roots of unity in the order of a blob's elements. */
const ROOTS = Array.from({ length: ELEMENTS }, (_, index) => power(OMEGA, BigInt(reversed(index))));

/** (z^n − 1)/n · Σ f_i·ω_i/(z − ω_i), each inverse by itself. */
function expectedValue(elements: bigint[], z: bigint): bigint {
  let sum = 0n;
  for (const [index, value] of elements.entries()) {
    if (value === 0n) continue;
    const difference = (z - ROOTS[index]! + FIELD_MODULUS) % FIELD_MODULUS;
    sum += ((value * ROOTS[index]!) % FIELD_MODULUS) * power(difference, FIELD_MODULUS - 2n);
  }
  const vanishing = (power(z, BigInt(ELEMENTS)) - 1n + FIELD_MODULUS) % FIELD_MODULUS;
  return (
    ((((sum % FIELD_MODULUS) * vanishing) % FIELD_MODULUS) * power(BigInt(ELEMENTS), FIELD_MODULUS - 2n)) %
    FIELD_MODULUS
  );
}

const seeds = fc.integer({ min: 1, max: 0x7fffffff });
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("a weighted sum", () => {
  it("equals the sum in BigInt for any shards and weights, on threads and inline", async () => {
    const weights = fc.array(
      fc.oneof(fc.bigInt({ min: 0n, max: LARGEST_WEIGHT }), fc.constantFrom(0n, 1n, LARGEST_WEIGHT)),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    await fc.assert(
      fc.asyncProperty(weights, seeds, fc.boolean(), async (weights, seed, canonical) => {
        const random = randomFrom(seed);
        const shards = weights.map(() => randomShard(random, canonical));
        const sum = await inline.weightedSum(shards, weights);
        assert.deepEqual(await threaded.weightedSum(shards, weights), sum);
        for (let index = 0; index < ELEMENTS; index += index < 8 ? 1 : 37) {
          assert.equal(
            fieldFromBytes(sum.subarray(index * 32, index * 32 + 32)),
            expectedSum(shards, weights, index),
          );
        }
      }),
      { numRuns: 20 },
    );
  });

  it("does not overflow with 64 shards of largest elements and largest weights", async () => {
    const largest = new Uint8Array(SHARD_BYTES).fill(0xff);
    const weights: bigint[] = Array(64).fill(LARGEST_WEIGHT);
    const sum = await inline.weightedSum(Array(64).fill(largest), weights);
    const expected = (((1n << 256n) - 1n) * LARGEST_WEIGHT * 64n) % FIELD_MODULUS;
    for (const index of [0, 1, 2047, 4095]) assert.equal(element(sum, index), expected);
  });

  it("goes on over rounds of 64 shards", async () => {
    const random = randomFrom(5);
    const kinds = [randomShard(random), randomShard(random), randomShard(random)];
    for (const count of [65, 130]) {
      const shards = Array.from({ length: count }, (_, index) => kinds[index % 3]!);
      const weights = shards.map((_, index) => LARGEST_WEIGHT - BigInt(index));
      const sum = await threaded.weightedSum(shards, weights);
      for (let index = 0; index < ELEMENTS; index += 101) {
        assert.equal(element(sum, index), expectedSum(shards, weights, index));
      }
    }
  });

  it("of nothing is zero", async () => {
    assert.deepEqual(await inline.weightedSum([], []), new Uint8Array(SHARD_BYTES));
  });

  it("is a copy of its own: later work does not change it", async () => {
    const shard = randomShard(randomFrom(1));
    const first = await threaded.weightedSum([shard], [1n]);
    await Promise.all(Array.from({ length: 4 }, () => threaded.weightedSum([shard], [2n])));
    assert.deepEqual(first, shard);
  });
});

describe("a weighted evaluation", () => {
  it("equals the barycentric formula in BigInt", async () => {
    const shard = randomShard(randomFrom(77));
    const other = new Uint8Array(SHARD_BYTES);
    other[31] = 5;
    const sparse = Array.from({ length: ELEMENTS }, (_, index) => (index < 24 ? element(shard, index) : 0n));
    const blob = new Uint8Array(SHARD_BYTES);
    sparse.forEach((value, index) => {
      blob.set(fieldToBytes(value), index * 32);
    });
    for (const z of [0n, 2n, (1n << 248n) - 1n, FIELD_MODULUS - 2n]) {
      const value = await inline.weightedEvaluation([blob, other], [3n, LARGEST_WEIGHT], z);
      const elements = sparse.map(
        (own, index) => (own * 3n + element(other, index) * LARGEST_WEIGHT) % FIELD_MODULUS,
      );
      assert.equal(value, expectedValue(elements, z));
      assert.equal(await threaded.weightedEvaluation([blob, other], [3n, LARGEST_WEIGHT], z), value);
    }
  });

  it("is the element itself at a root of unity, in bit-reversed order", async () => {
    const shard = randomShard(randomFrom(3));
    for (const index of [0, 1, 2, 1000, 4095]) {
      assert.equal(await inline.weightedEvaluation([shard], [1n], ROOTS[index]!), element(shard, index));
    }
  });

  it("of a constant polynomial is the constant everywhere", async () => {
    const constant = new Uint8Array(SHARD_BYTES);
    for (let index = 0; index < ELEMENTS; index++) constant.set(fieldToBytes(FIELD_MODULUS - 1n), index * 32);
    assert.equal(await threaded.weightedEvaluation([constant], [1n], 123456789n), FIELD_MODULUS - 1n);
  });
});

describe("a field pool", () => {
  it("refuses shards of wrong length, and weights that are missing or too large", async () => {
    const shard = new Uint8Array(SHARD_BYTES);
    await assert.rejects(inline.weightedSum([shard.subarray(1)], [1n]), { code: "SHARD_LENGTH" });
    await assert.rejects(inline.weightedSum([shard], []), RangeError);
    await assert.rejects(inline.weightedSum([shard], [LARGEST_WEIGHT + 1n]), RangeError);
    await assert.rejects(inline.weightedSum([shard], [-1n]), RangeError);
  });

  it("gives up what its signal aborts, and goes on with the rest", async () => {
    const shard = randomShard(randomFrom(9));
    const reason = new Error("not needed any more");
    await assert.rejects(inline.weightedSum([shard], [1n], { signal: AbortSignal.abort(reason) }), reason);
    const abort = new AbortController();
    const aborted = assert.rejects(
      threaded.weightedSum(Array(640).fill(shard), Array(640).fill(1n), { signal: abort.signal }),
      reason,
    );
    abort.abort(reason);
    await aborted;
    assert.deepEqual(await threaded.weightedSum([shard], [1n]), shard);
  });

  it("refuses work once it is closed", async () => {
    const pool = createFieldPool({ threads: 1 });
    assert.deepEqual(await pool.weightedSum([], []), new Uint8Array(SHARD_BYTES));
    await pool.close();
    await assert.rejects(pool.weightedSum([], []), { code: "FIELD_POOL_CLOSED" });
  });

  it("leaves the event loop free while threads work", async () => {
    const shards: Uint8Array[] = Array(64).fill(randomShard(randomFrom(4)));
    const turnsDuring = async (pool: FieldPool): Promise<number> => {
      let done = false;
      const work = pool.weightedSum(shards, Array(64).fill(1n)).then(() => {
        done = true;
      });
      let turns = 0;
      for (; !done; turns++) await new Promise((resolve) => setImmediate(resolve));
      await work;
      return turns;
    };
    const most = async (pool: FieldPool) => {
      const counts: number[] = [];
      for (let run = 0; run < 10; run++) counts.push(await turnsDuring(pool));
      return Math.max(...counts);
    };
    const [blocked, free] = [await most(inline), await most(threaded)];
    assert.ok(free > 10 && blocked < 10, `the event loop turned ${free} times, ${blocked} inline`);
  });
});
