import { G1_KERNEL_BASE64 } from "./generated/g1Kernel.ts";

/** Points that the kernel sums at once. */
export const POINTS_PER_ROUND = 64;

/** Weights are below it. */
export const WEIGHT_LIMIT = 1n << 256n;

/** A sum in Jacobian coordinates of 48 bytes, big-endian; z is all zeros when it is the identity. */
export type JacobianPoint = { readonly x: Uint8Array; readonly y: Uint8Array; readonly z: Uint8Array };

/** Arithmetic on points of BLS12-381 G1. One call uses what the last one left, so none may be interleaved. */
export type G1Kernel = {
  /**
   * Reads an uncompressed point (not the identity) to a place; false when a coordinate is not below the field's
   * modulus or the point is not on the curve.
   */
  readPoint(place: number, point: Uint8Array): boolean;
  /** Finds the point with this x and reads it to place 0; its y, or nothing when x has none or is not reduced. */
  findPoint(x: Uint8Array, isLarger: (y: Uint8Array) => boolean, larger: boolean): Uint8Array | undefined;
  /** Whether the point that was read to place 0 is in the subgroup of prime order: ≈ 0.1 ms. */
  isInSubgroup(): boolean;
  /** Gives a place its weight, 0 ≤ weight < 2^256. */
  setWeight(place: number, weight: bigint): void;
  /** Σ weight·point of the first `count` ≤ 64 places, whatever the points: exact outside the subgroup, too. */
  weightedSum(count: number): JacobianPoint;
};

const BASE_FIELD =
  0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn;
/** The cube root of one for which (X, Y) → (βX, Y) multiplies points of the subgroup by −x². */
const BETA = 0x5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffen;

// Places in the kernel's memory: protocol/kzg/kernel/g1.as knows the same.
const CONSTANTS = 0x400;
const INPUT = 0x800;
const OUTPUT = 0x880;
const COORDINATE_BYTES = 48;
const LIMB_BITS = 28n;
const LIMBS = 14;
const LOW_64_BITS = 0xffffffffffffffffn;

type Exports = {
  readonly memory: WebAssembly.Memory;
  readPoint(place: number): number;
  findY(): number;
  takeOtherY(): void;
  isInSubgroup(): number;
  readWeight(place: number): number;
  weightedSum(count: number, digits: number): void;
};

/** Compiles the kernel: a few milliseconds and 1.8 MB. */
export function createG1Kernel(): G1Kernel {
  const module = new WebAssembly.Module(Buffer.from(G1_KERNEL_BASE64, "base64"));
  const kernel = new WebAssembly.Instance(module).exports as unknown as Exports;
  const bytes = new Uint8Array(kernel.memory.buffer);
  const view = new DataView(kernel.memory.buffer);
  const digits = new Uint32Array(POINTS_PER_ROUND);
  writeConstants(view);
  const output = (index: number) =>
    bytes.slice(OUTPUT + index * COORDINATE_BYTES, OUTPUT + (index + 1) * COORDINATE_BYTES);

  return {
    readPoint(place, point) {
      bytes.set(point, INPUT);
      return kernel.readPoint(place) !== 0;
    },
    findPoint(x, isLarger, larger) {
      bytes.set(x, INPUT);
      if (kernel.findY() === 0) return undefined;
      const y = output(0);
      if (isLarger(y) === larger) return y;
      kernel.takeOtherY();
      return output(0);
    },
    isInSubgroup: () => kernel.isInSubgroup() !== 0,
    setWeight(place, weight) {
      for (let at = INPUT, rest = weight; at < INPUT + 32; at += 8, rest >>= 64n) {
        view.setBigUint64(at, rest & LOW_64_BITS, true);
      }
      digits[place] = kernel.readWeight(place);
    },
    weightedSum(count) {
      kernel.weightedSum(count, Math.max(0, ...digits.subarray(0, count)));
      return { x: output(0), y: output(1), z: output(2) };
    },
  };
}

function writeConstants(view: DataView): void {
  const one = 1n << (LIMB_BITS * BigInt(LIMBS));
  const elements = [one * one, one, 1n, 4n * one, BETA * one].map((value) => value % BASE_FIELD);
  for (const [index, value] of elements.entries()) writeLimbs(view, CONSTANTS + 64 * index, value);
  writeBigEndian(view, CONSTANTS + 320, (BASE_FIELD + 1n) / 4n);
  writeBigEndian(view, CONSTANTS + 384, BASE_FIELD - 2n);
  writeLimbs(view, CONSTANTS + 448, BASE_FIELD);
}

function writeLimbs(view: DataView, at: number, value: bigint): void {
  for (let limb = 0; limb < LIMBS; limb++) {
    const word = (value >> (LIMB_BITS * BigInt(limb))) & ((1n << LIMB_BITS) - 1n);
    view.setUint32(at + 4 * limb, Number(word), true);
  }
}

function writeBigEndian(view: DataView, at: number, value: bigint): void {
  for (let byte = 0; byte < COORDINATE_BYTES; byte++) {
    view.setUint8(at + COORDINATE_BYTES - 1 - byte, Number((value >> BigInt(8 * byte)) & 0xffn));
  }
}
