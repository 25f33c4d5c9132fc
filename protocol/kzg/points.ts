import mcl from "mcl-wasm";
import { COMMITMENT_BYTES, FIELD_MODULUS } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { createG1Kernel, type JacobianPoint, POINTS_PER_ROUND, WEIGHT_LIMIT } from "./g1Kernel.ts";
import {
  assertPointEncoding,
  compressPoint,
  isIdentity,
  isLargerRoot,
  POINT_BYTES,
} from "./pointEncoding.ts";

/** Most points that one answer holds, and so one sum has: ≈ 0.1 s of work. */
export const MAX_POINTS_PER_SUM = 4096;

/** [τ]_2 of Ethereum's KZG ceremony, compressed: the second G2 power of the trusted setup. */
export const CEREMONY_TAU_G2 =
  "b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72" +
  "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2";

const GENERATOR_G1 =
  "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
const GENERATOR_G2 =
  "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e" +
  "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8";

/** A weighted sum of commitments that is claimed to open to `y` at `z` by `proof`; both points of 96 bytes. */
export type SumOpening = {
  readonly sum: Uint8Array;
  readonly z: bigint;
  readonly y: bigint;
  readonly proof: Uint8Array;
};

/** Points of BLS12-381 G1. 48 bytes = compressed, 96 = uncompressed. The identity is a legal point. */
export type Points = {
  /**
   * Uncompressed form of a commitment, checked: ≈ 0.2 ms.
   * @throws COMMITMENT_LENGTH, COMMITMENT_NOT_ON_CURVE, COMMITMENT_NOT_IN_SUBGROUP
   */
  decompress(commitment: Uint8Array): Uint8Array;
  /**
   * Uncompressed form of a commitment that was checked before: curve only, ≈ 0.07 ms.
   * @throws COMMITMENT_LENGTH, COMMITMENT_NOT_ON_CURVE
   */
  expand(commitment: Uint8Array): Uint8Array;
  /**
   * Compressed form of a 96-byte point. Byte work only: whether it is on the curve is found when it is used.
   * @throws POINT_ENCODING
   */
  compress(point: Uint8Array): Uint8Array;
  /** @throws COMMITMENT_LENGTH, COMMITMENT_NOT_ON_CURVE, COMMITMENT_NOT_IN_SUBGROUP */
  assertCommitment(commitment: Uint8Array): void;
  /**
   * Σ weight·point as 48 bytes. Points are checked to be on the curve, the sum's subgroup is *not* checked.
   * Any number of points, 0 ≤ weight < field modulus; ≈ 2.5 ms for 64 points and weights of 128 bits.
   * @throws POINT_ENCODING, POINT_NOT_ON_CURVE
   */
  weightedSum(points: readonly Uint8Array[], weights: readonly bigint[]): Uint8Array;
  /** Like `weightedSum`, as 96 bytes. */
  weightedSumPoint(points: readonly Uint8Array[], weights: readonly bigint[]): Uint8Array;
  /**
   * Whether a 96-byte point is in the subgroup of prime order: ≈ 0.13 ms.
   * @throws POINT_ENCODING, POINT_NOT_ON_CURVE
   */
  isInSubgroup(point: Uint8Array): boolean;
  /**
   * Whether all openings hold, by one pairing equation under `weights` (one each, drawn by the verifier
   * after it has all openings). Sums and proofs must be known to be in the subgroup: else errors can hide
   * in the cofactor.
   */
  verifySums(openings: readonly SumOpening[], weights: readonly bigint[]): boolean;
};

let loading: Promise<Points> | undefined;

/** Loads the curve library once per process: ≈ 50 ms. */
export function loadPoints(): Promise<Points> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Points> {
  await mcl.init(mcl.BLS12_381);
  mcl.setETHserialization(true);
  // Order is checked where it matters and reported apart from the curve, not on every read.
  mcl.verifyOrderG1(false);
  mcl.verifyOrderG2(false);
  const g2 = new mcl.G2();
  g2.deserialize(fromHex(GENERATOR_G2));
  const tauG2 = new mcl.G2();
  tauG2.deserialize(fromHex(CEREMONY_TAU_G2));
  const oneInG2 = new mcl.PrecomputedG2(g2);
  const tauInG2 = new mcl.PrecomputedG2(tauG2);

  const kernel = createG1Kernel();
  const generator = expand(fromHex(GENERATOR_G1));

  /** The point behind a commitment; if it is not the identity, it stands at the kernel's place 0. */
  function expand(commitment: Uint8Array): Uint8Array {
    assertCommitmentLength(commitment);
    const point = new Uint8Array(POINT_BYTES);
    if (commitment[0] === 0xc0 && commitment.subarray(1).every((byte) => byte === 0)) {
      point[0] = 0x40;
      return point;
    }
    const flags = commitment[0]! & 0xe0;
    // A copy: `slice` of a Buffer, which a database hands out, is none.
    const x = new Uint8Array(commitment);
    x[0]! &= 0x1f;
    const y =
      flags === 0x80 || flags === 0xa0 ? kernel.findPoint(x, isLargerRoot, flags === 0xa0) : undefined;
    if (y === undefined) {
      throw new MemoError(
        "COMMITMENT_NOT_ON_CURVE",
        "The 48 bytes are no compressed point of the curve BLS12-381.",
      );
    }
    point.set(x);
    point.set(y, COMMITMENT_BYTES);
    return point;
  }

  /** Puts a point at a place of the kernel; false for the identity, which has no coordinates. */
  function place(index: number, point: Uint8Array): boolean {
    assertPointEncoding(point);
    if (isIdentity(point)) return false;
    if (kernel.readPoint(index, point)) return true;
    throw new MemoError("POINT_NOT_ON_CURVE", "The 96 bytes are no point of the curve BLS12-381.");
  }

  function sumOf(points: readonly Uint8Array[], weights: readonly bigint[]): mcl.G1 {
    if (points.length !== weights.length) {
      throw new RangeError(`${points.length} points need as many weights, not ${weights.length}`);
    }
    let sum = new mcl.G1();
    let placed = 0;
    for (const [point, weight] of distinct(points, weights)) {
      if (!place(placed, point)) continue;
      kernel.setWeight(placed++, weight);
      if (placed < POINTS_PER_ROUND) continue;
      sum = mcl.add(sum, pointOf(kernel.weightedSum(placed)));
      placed = 0;
    }
    return placed === 0 ? sum : mcl.add(sum, pointOf(kernel.weightedSum(placed)));
  }

  function decompress(commitment: Uint8Array): Uint8Array {
    const point = expand(commitment);
    if (isIdentity(point) || kernel.isInSubgroup()) return point;
    throw new MemoError(
      "COMMITMENT_NOT_IN_SUBGROUP",
      "The commitment is a point of the curve but not of the subgroup of prime order.",
    );
  }

  return {
    decompress,
    expand,
    compress: compressPoint,
    assertCommitment: decompress,
    weightedSum: (terms, weights) => sumOf(terms, weights).serialize(),
    weightedSumPoint: (terms, weights) => writePoint(sumOf(terms, weights)),
    isInSubgroup: (point) => !place(0, point) || kernel.isInSubgroup(),
    verifySums(openings, weights) {
      if (openings.length !== weights.length) {
        throw new RangeError(`${openings.length} openings need as many weights, not ${weights.length}`);
      }
      if (openings.length === 0) return true;
      const proofs = openings.map(({ proof }) => proof);
      // e(Σ ρ(C − y·G + z·π), H) = e(Σ ρ·π, τH)
      const ofGenerator = openings.reduce((sum, { y }, index) => sum + weights[index]! * y, 0n);
      const left = sumOf(
        [...openings.map(({ sum }) => sum), ...proofs, generator],
        [
          ...weights,
          ...openings.map(({ z }, index) => (weights[index]! * z) % FIELD_MODULUS),
          FIELD_MODULUS - 1n - ((ofGenerator + FIELD_MODULUS - 1n) % FIELD_MODULUS),
        ],
      );
      const right = mcl.neg(sumOf(proofs, weights));
      return mcl.finalExp(mcl.precomputedMillerLoop2(left, oneInG2, right, tauInG2)).isOne();
    },
  };
}

/**
 * Terms with equal points taken together, as files that repeat themselves have many: the kernel is slower when it
 * meets equal points. Weights are added as integers, not modulo the order, which only counts in the subgroup.
 */
function distinct(points: readonly Uint8Array[], weights: readonly bigint[]): [Uint8Array, bigint][] {
  const places = new Map<string, number>();
  const terms: [Uint8Array, bigint][] = [];
  for (const [index, point] of points.entries()) {
    const weight = weights[index]!;
    if (weight < 0n || weight >= FIELD_MODULUS) {
      throw new RangeError("a weight lies between 0 and the field's modulus");
    }
    const key = Buffer.from(point.buffer, point.byteOffset, point.length).toString("latin1");
    const known = terms[places.get(key) ?? terms.length];
    if (known !== undefined && known[1] + weight < WEIGHT_LIMIT) {
      known[1] += weight;
    } else {
      places.set(key, terms.push([point, weight]) - 1);
    }
  }
  return terms;
}

/** What the kernel has summed, as a point of the library. */
function pointOf({ x, y, z }: JacobianPoint): mcl.G1 {
  const point = new mcl.G1();
  point.setX(coordinate(x));
  point.setY(coordinate(y));
  point.setZ(coordinate(z));
  return point;
}

function assertCommitmentLength(commitment: Uint8Array): void {
  if (commitment.length === COMMITMENT_BYTES) return;
  throw new MemoError(
    "COMMITMENT_LENGTH",
    `A commitment has ${COMMITMENT_BYTES} bytes, not ${commitment.length}.`,
    { details: { length: commitment.length } },
  );
}

function writePoint(point: mcl.G1): Uint8Array {
  const bytes = new Uint8Array(POINT_BYTES);
  if (point.isZero()) {
    bytes[0] = 0x40;
    return bytes;
  }
  point.normalize();
  bytes.set(point.getX().serialize());
  bytes.set(point.getY().serialize(), COMMITMENT_BYTES);
  return bytes;
}

function coordinate(bytes: Uint8Array): mcl.Fp {
  const element = new mcl.Fp();
  element.deserialize(bytes);
  return element;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16));
}
