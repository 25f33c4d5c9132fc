import mcl from "mcl-wasm";
import { COMMITMENT_BYTES, FIELD_MODULUS } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { assertPointEncoding, compressPoint, isIdentity, POINT_BYTES } from "./pointEncoding.ts";

/** `mulVec` keeps its arguments on the stack of the module and fails from ≈ 5,900 points on. */
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
   * Uncompressed form of a commitment, checked: ≈ 0.35 ms.
   * @throws COMMITMENT_LENGTH, COMMITMENT_NOT_ON_CURVE, COMMITMENT_NOT_IN_SUBGROUP
   */
  decompress(commitment: Uint8Array): Uint8Array;
  /**
   * Uncompressed form of a commitment that was checked before: curve only, ≈ 0.12 ms.
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
   * Any number of points, 0 ≤ weight < field modulus. The array of a point must keep its bytes: what was read
   * from it once is remembered for as long as the array lives.
   * @throws POINT_ENCODING, POINT_NOT_ON_CURVE
   */
  weightedSum(points: readonly Uint8Array[], weights: readonly bigint[]): Uint8Array;
  /** Like `weightedSum`, as 96 bytes. */
  weightedSumPoint(points: readonly Uint8Array[], weights: readonly bigint[]): Uint8Array;
  /**
   * Whether a 96-byte point is in the subgroup of prime order: ≈ 0.25 ms.
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
  const generator = new mcl.G1();
  generator.deserialize(fromHex(GENERATOR_G1));
  const g2 = new mcl.G2();
  g2.deserialize(fromHex(GENERATOR_G2));
  const tauG2 = new mcl.G2();
  tauG2.deserialize(fromHex(CEREMONY_TAU_G2));
  const oneInG2 = new mcl.PrecomputedG2(g2);
  const tauInG2 = new mcl.PrecomputedG2(tauG2);

  const points: Points = {
    decompress(commitment) {
      const point = readCompressed(commitment);
      if (!point.isValidOrder()) {
        throw new MemoError(
          "COMMITMENT_NOT_IN_SUBGROUP",
          "The commitment is a point of the curve but not of the subgroup of prime order.",
        );
      }
      return writePoint(point);
    },
    expand: (commitment) => writePoint(readCompressed(commitment)),
    compress: compressPoint,
    assertCommitment(commitment) {
      points.decompress(commitment);
    },
    weightedSum: (terms, weights) => sumOf(terms, weights).serialize(),
    weightedSumPoint: (terms, weights) => writePoint(sumOf(terms, weights)),
    isInSubgroup: (point) => readPoint(point).isValidOrder(),
    verifySums(openings, weights) {
      assertSameLength(openings.length, weights.length);
      if (openings.length === 0) return true;
      const rho = weights.map(scalar);
      const proofs = openings.map(({ proof }) => readPoint(proof));
      // e(Σ ρ(C − y·G + z·π), H) = e(Σ ρ·π, τH)
      let ofGenerator = new mcl.Fr();
      for (const [index, { y }] of openings.entries()) {
        ofGenerator = mcl.add(ofGenerator, mcl.mul(rho[index]!, scalar(y)));
      }
      const left = mcl.add(
        mcl.sub(
          multiply(
            openings.map(({ sum }) => readPoint(sum)),
            rho,
          ),
          mcl.mul(generator, ofGenerator),
        ),
        multiply(
          proofs,
          openings.map(({ z }, index) => mcl.mul(rho[index]!, scalar(z))),
        ),
      );
      const right = multiply(proofs, rho);
      return mcl.finalExp(mcl.precomputedMillerLoop2(left, oneInG2, mcl.neg(right), tauInG2)).isOne();
    },
  };
  return points;
}

function sumOf(terms: readonly Uint8Array[], weights: readonly bigint[]): mcl.G1 {
  assertSameLength(terms.length, weights.length);
  return multiply(terms.map(readPoint), weights.map(scalar));
}

function multiply(points: mcl.G1[], scalars: mcl.Fr[]): mcl.G1 {
  let sum = new mcl.G1();
  for (let from = 0; from < points.length; from += MAX_POINTS_PER_SUM) {
    const to = from + MAX_POINTS_PER_SUM;
    sum = mcl.add(sum, mcl.mulVec(points.slice(from, to), scalars.slice(from, to)));
  }
  return sum;
}

const LOW_64_BITS = 0xffffffffffffffffn;
const scalarBytes = new Uint8Array(32);
const scalarView = new DataView(scalarBytes.buffer);

function scalar(value: bigint): mcl.Fr {
  if (value < 0n || value >= FIELD_MODULUS)
    throw new RangeError("a weight lies between 0 and the field's modulus");
  for (let at = 0, rest = value; at < 32; at += 8, rest >>= 64n) {
    scalarView.setBigUint64(at, rest & LOW_64_BITS, true);
  }
  const element = new mcl.Fr();
  element.setLittleEndian(scalarBytes);
  return element;
}

function readCompressed(commitment: Uint8Array): mcl.G1 {
  if (commitment.length !== COMMITMENT_BYTES) {
    throw new MemoError(
      "COMMITMENT_LENGTH",
      `A commitment has ${COMMITMENT_BYTES} bytes, not ${commitment.length}.`,
      {
        details: { length: commitment.length },
      },
    );
  }
  const point = new mcl.G1();
  const flags = commitment[0]! & 0xe0;
  const identity = (flags & 0x40) !== 0;
  const legal = identity
    ? commitment[0] === 0xc0 && commitment.subarray(1).every((byte) => byte === 0)
    : (flags & 0x80) !== 0;
  if (legal && identity) return point;
  try {
    if (!legal) throw new RangeError("flags of a compressed point");
    point.deserialize(commitment);
  } catch (cause) {
    throw new MemoError(
      "COMMITMENT_NOT_ON_CURVE",
      "The 48 bytes are no compressed point of the curve BLS12-381.",
      {
        cause,
      },
    );
  }
  return point;
}

/** Points that were read before, by the array that held them: a keeper sums the same ones every epoch. */
const pointsRead = new WeakMap<Uint8Array, mcl.G1>();

function readPoint(bytes: Uint8Array): mcl.G1 {
  const known = pointsRead.get(bytes);
  if (known !== undefined) return known;
  const point = parsePoint(bytes);
  pointsRead.set(bytes, point);
  return point;
}

function parsePoint(bytes: Uint8Array): mcl.G1 {
  assertPointEncoding(bytes);
  const point = new mcl.G1();
  if (isIdentity(bytes)) return point;
  try {
    point.setX(coordinate(bytes.subarray(0, COMMITMENT_BYTES)));
    point.setY(coordinate(bytes.subarray(COMMITMENT_BYTES)));
    point.setZ(one());
    if (!point.isValid()) throw new RangeError("the equation of the curve does not hold");
  } catch (cause) {
    throw new MemoError("POINT_NOT_ON_CURVE", "The 96 bytes are no point of the curve BLS12-381.", { cause });
  }
  return point;
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

function one(): mcl.Fp {
  const element = new mcl.Fp();
  element.setInt(1);
  return element;
}

function assertSameLength(points: number, weights: number): void {
  if (points !== weights) throw new RangeError(`${points} points need as many weights, not ${weights}`);
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16));
}
