import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import mcl from "mcl-wasm";
import { bytesToBigInt, bytesToHex, hexToBytes, keccak256, stringToBytes } from "viem";
import { createG1Kernel, POINTS_PER_ROUND } from "../../../protocol/kzg/g1Kernel.ts";
import { isLargerRoot } from "../../../protocol/kzg/pointEncoding.ts";
import { loadPoints } from "../../../protocol/kzg/points.ts";

await loadPoints(); // sets the library up; it is the reference here
const kernel = createG1Kernel();

const P = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn;
const ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
/** Points of the curve / ORDER = 3·11²·10177²·859267²·52437899². */
const COFACTOR = 0x396c8c005555e1568c00aaab0000aaabn;

const bytes48 = (value: bigint) => hexToBytes(`0x${value.toString(16).padStart(96, "0")}`);
const coordinate = (bytes: Uint8Array) => {
  const element = new mcl.Fp();
  element.deserialize(bytes);
  return element;
};
const jacobian = (x: Uint8Array, y: Uint8Array, z: Uint8Array) => {
  const point = new mcl.G1();
  point.setX(coordinate(x));
  point.setY(coordinate(y));
  point.setZ(coordinate(z));
  return point;
};
const toBytes = (point: mcl.G1) => {
  const affine = mcl.normalize(point);
  return Uint8Array.from([...affine.getX().serialize(), ...affine.getY().serialize()]);
};
const fromBytes = (point: Uint8Array) => jacobian(point.subarray(0, 48), point.subarray(48), bytes48(1n));

/** A point of the curve; it is in the subgroup with probability 2^-126. */
function curvePoint(name: string): mcl.G1 {
  for (let attempt = 0; ; attempt++) {
    const x = bytes48(bytesToBigInt(keccak256(stringToBytes(`${name} ${attempt}`), "bytes")) % P);
    const y = kernel.findPoint(x, isLargerRoot, attempt % 2 === 0);
    if (y === undefined) continue;
    const point = jacobian(x, y, bytes48(1n));
    assert.ok(point.isValid());
    return point;
  }
}
const subgroupPoint = (name: string) => mcl.hashAndMapToG1(name);

/** scalar·point by doubling and adding; the library's own multiplication is right in the subgroup only. */
function times(point: mcl.G1, scalar: bigint): mcl.G1 {
  let sum = new mcl.G1();
  for (const bit of scalar.toString(2)) {
    sum = mcl.dbl(sum);
    if (bit === "1") sum = mcl.add(sum, point);
  }
  return sum;
}
const reference = (points: mcl.G1[], weights: bigint[]) =>
  points.reduce((sum, point, index) => mcl.add(sum, times(point, weights[index]!)), new mcl.G1());

function sumOf(points: mcl.G1[], weights: bigint[]): mcl.G1 {
  for (const [index, point] of points.entries()) {
    assert.equal(kernel.readPoint(index, toBytes(point)), true);
    kernel.setWeight(index, weights[index]!);
  }
  const { x, y, z } = kernel.weightedSum(points.length);
  return jacobian(x, y, z);
}

/** A point whose order is exactly `prime`, which divides the cofactor. */
function pointOfOrder(prime: bigint): mcl.G1 {
  const part = COFACTOR % (prime * prime) === 0n ? prime * prime : prime;
  for (let attempt = 0; ; attempt++) {
    let point = times(curvePoint(`order ${prime} ${attempt}`), ORDER * (COFACTOR / part));
    if (point.isZero()) continue;
    const next = times(point, prime);
    if (!next.isZero()) point = next;
    assert.ok(times(point, prime).isZero());
    return point;
  }
}
const PRIMES = [3n, 11n, 10177n, 859267n, 52437899n];
const SMALL = new Map(PRIMES.map((prime) => [prime, pointOfOrder(prime)]));

const isInSubgroup = (point: mcl.G1) => {
  assert.equal(kernel.readPoint(0, toBytes(point)), true);
  return kernel.isInSubgroup();
};

describe("the subgroup test by the endomorphism", () => {
  it("agrees with multiplying by the order, in the subgroup and outside", () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), fc.constantFrom(...PRIMES, 0n), (name, inside, prime) => {
        let point = inside ? subgroupPoint(name) : curvePoint(name);
        if (prime > 0n) point = mcl.add(point, SMALL.get(prime)!);
        const expected = times(point, ORDER).isZero();
        assert.equal(expected, inside && prime === 0n);
        assert.equal(point.isValidOrder(), expected);
        assert.equal(isInSubgroup(point), expected);
      }),
      { numRuns: 150 },
    );
  });

  it("refuses points of small order and their sums, whose multiples by the cofactor vanish", () => {
    for (const [prime, point] of SMALL) {
      assert.equal(times(point, prime).isZero(), true);
      assert.equal(isInSubgroup(point), false, `order ${prime}`);
      assert.equal(isInSubgroup(mcl.neg(point)), false, `order ${prime}`);
      assert.equal(isInSubgroup(mcl.add(point, subgroupPoint("a"))), false, `order ${prime}`);
    }
    assert.equal(isInSubgroup(mcl.add(SMALL.get(11n)!, SMALL.get(3n)!)), false);
    assert.equal(isInSubgroup(subgroupPoint("a")), true);
  });
});

describe("a weighted sum in the kernel", () => {
  const weight = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    fc.bigInt({ min: 0n, max: ORDER - 1n }),
    fc.constantFrom(0n, 1n, 2n, 3n, 7n, 8n, 9n, 15n, 16n, ORDER - 1n, (1n << 128n) - 1n, (1n << 256n) - 1n),
  );
  const base = fc.oneof(
    fc.nat(9).map((index) => subgroupPoint(`p${index}`)),
    fc.nat(4).map((index) => curvePoint(`q${index}`)),
    fc.constantFrom(...SMALL.values()),
  );

  it("is the exact sum of any points of the curve: equal, opposite, multiples, of small order", () => {
    const term = fc.tuple(base, fc.constantFrom(1n, 2n, 3n, 5n, 6n, 8n), fc.boolean(), weight);
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 12 }), (terms) => {
        const kept = terms
          .map(([point, factor, negative, weight]) => ({
            point: times(negative ? mcl.neg(point) : point, factor),
            weight,
          }))
          .filter(({ point }) => !point.isZero());
        if (kept.length === 0) return;
        const points = kept.map(({ point }) => point);
        const weights = kept.map(({ weight }) => weight);
        assert.ok(sumOf(points, weights).isEqual(reference(points, weights)));
      }),
      { numRuns: 60 },
    );
  });

  it("is the exact sum of a full round, with the weights that challenges have and with the largest", () => {
    const points = Array.from({ length: POINTS_PER_ROUND }, (_, index) => subgroupPoint(`round ${index}`));
    const random = points.map((_, index) => bytesToBigInt(keccak256(stringToBytes(`${index}`), "bytes")));
    for (const shift of [0n, 1n, 128n, 250n]) {
      const weights = random.map((value) => value >> shift);
      assert.ok(sumOf(points, weights).isEqual(reference(points, weights)), `shift ${shift}`);
    }
    // A digit in every fourth place: the most additions that there can be.
    const densest = points.map(() => BigInt(`0x${"1".repeat(64)}`));
    assert.ok(sumOf(points, densest).isEqual(reference(points, densest)));
  });

  it("is the identity when everything cancels", () => {
    const [a, b] = [subgroupPoint("a"), curvePoint("b")];
    assert.ok(sumOf([a, mcl.neg(a)], [5n, 5n]).isZero());
    assert.ok(sumOf([a, a], [1n, ORDER - 1n]).isZero());
    assert.ok(sumOf([b, b, mcl.neg(b)], [2n, 3n, 5n]).isZero());
    assert.ok(sumOf([SMALL.get(3n)!], [3n]).isZero());
    assert.ok(sumOf([a], [0n]).isZero());
    assert.ok(sumOf([a, b], [0n, 0n]).isZero());
  });

  it("does not depend on what was summed before", () => {
    const [a, b, c] = [subgroupPoint("a"), subgroupPoint("b"), subgroupPoint("c")];
    const before = sumOf([a, b], [3n, 1n << 127n]);
    sumOf([c, a, b], [(1n << 256n) - 1n, 77n, 5n]);
    assert.ok(sumOf([a, b], [3n, 1n << 127n]).isEqual(before));
  });
});

describe("reading points", () => {
  it("finds the y that the library finds, and the other one", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: P - 1n }), (x) => {
        const compressed = (flag: number) => bytes48(x).with(0, bytes48(x)[0]! | flag);
        for (const larger of [false, true]) {
          const y = kernel.findPoint(bytes48(x), isLargerRoot, larger);
          const point = new mcl.G1();
          let found = true;
          try {
            point.deserialize(compressed(larger ? 0xa0 : 0x80));
          } catch {
            found = false;
          }
          assert.equal(y !== undefined, found);
          if (y === undefined) continue;
          assert.equal(isLargerRoot(y), larger);
          assert.equal(bytesToHex(y), bytesToHex(toBytes(point).subarray(48)));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("refuses coordinates that are not reduced and points off the curve", () => {
    const point = toBytes(subgroupPoint("a"));
    const [x, y] = [point.subarray(0, 48), point.subarray(48)];
    const plus = (bytes: Uint8Array, by: bigint) => bytes48(bytesToBigInt(bytes) + by);
    assert.equal(kernel.readPoint(0, point), true);
    assert.ok(fromBytes(point).isEqual(subgroupPoint("a")));
    assert.equal(kernel.readPoint(0, Uint8Array.from([...plus(x, P), ...y])), false);
    assert.equal(kernel.readPoint(0, Uint8Array.from([...x, ...plus(y, P)])), false);
    assert.equal(kernel.readPoint(0, Uint8Array.from([...x, ...plus(y, 1n)])), false);
    assert.equal(kernel.readPoint(0, new Uint8Array(96)), false);
    assert.equal(kernel.findPoint(bytes48(P), isLargerRoot, false), undefined);
    assert.equal(kernel.findPoint(plus(x, P), isLargerRoot, false), undefined);
    // 0 is the x of (0, ±2).
    assert.equal(bytesToBigInt(kernel.findPoint(bytes48(0n), isLargerRoot, false)!), 2n);
    assert.equal(bytesToBigInt(kernel.findPoint(bytes48(0n), isLargerRoot, true)!), P - 2n);
  });
});
