import { FIELD_ELEMENTS_PER_SHARD, FIELD_MODULUS, SHARD_BYTES } from "../constants.ts";
import { FIELD_KERNEL_BASE64 } from "./generated/fieldKernel.ts";

/** Shards that the kernel sums without a reduction in between. */
export const SHARDS_PER_ROUND = 64;

const PAGES = 148;
const WEIGHT_LIMBS = 5;
const LIMB_BITS = 26n;

// Places in the kernel's memory: protocol/kzg/kernel/field.as knows the same.
const WEIGHTS = 0x8000;
const CONSTANTS = 0x9d00;
const POINT = 0x9e00;
const VALUE = 0x9e20;
const ROOTS = 0x30000;
const OUTPUT = 0x90000;
const SHARDS = 0xc0000;
const SHARD_STRIDE = SHARD_BYTES + 64;

/** A primitive root of unity of order 2^32 of the field: 7^((q − 1) / 2^32), 7 being a generator. */
const GENERATOR = 7n;

/** What one call of the kernel does with the shards and weights that lie in its memory. */
export type KernelStep = {
  /** Shards that take part, from the first. */
  readonly count: number;
  /** Whether the sum begins with them or goes on. */
  readonly begin: boolean;
  /** What is read out afterwards. */
  readonly finish: "nothing" | "sum" | "value";
};

type Exports = {
  accumulate(count: number, begin: boolean): void;
  emit(): void;
  evaluate(): void;
};

/** Memory of one kernel; shared, so that one thread can fill it and another compute in it. */
export function createKernelMemory(): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const one = 1n << 256n;
  const constants = [
    one ** 2n,
    1n << 416n,
    one,
    power(BigInt(FIELD_ELEMENTS_PER_SHARD), FIELD_MODULUS - 2n) * one,
    FIELD_MODULUS - 2n,
  ];
  constants.forEach((value, index) => {
    writeElement(memory, CONSTANTS + 32 * index, value % FIELD_MODULUS);
  });
  const step = power(GENERATOR, (FIELD_MODULUS - 1n) / BigInt(FIELD_ELEMENTS_PER_SHARD));
  let root = 1n;
  for (let index = 0; index < FIELD_ELEMENTS_PER_SHARD; index++) {
    writeElement(memory, ROOTS + 32 * reverse12(index), (root * one) % FIELD_MODULUS);
    root = (root * step) % FIELD_MODULUS;
  }
  return memory;
}

/** Puts up to 64 shards and their weights (128 bits) into a kernel's memory. */
export function loadTerms(
  memory: WebAssembly.Memory,
  shards: readonly Uint8Array[],
  weights: readonly bigint[],
): void {
  const bytes = new Uint8Array(memory.buffer);
  const view = new DataView(memory.buffer);
  for (const [index, shard] of shards.entries()) {
    bytes.set(shard, SHARDS + index * SHARD_STRIDE);
    let weight = weights[index]!;
    for (let limb = 0; limb < WEIGHT_LIMBS; limb++) {
      view.setUint32(
        WEIGHTS + 4 * (index * WEIGHT_LIMBS + limb),
        Number(weight & ((1n << LIMB_BITS) - 1n)),
        true,
      );
      weight >>= LIMB_BITS;
    }
  }
}

/** Puts the point of an evaluation into a kernel's memory. */
export function loadPoint(memory: WebAssembly.Memory, z: bigint): void {
  writeElement(memory, POINT, z);
}

/** The weighted sum after a step that finished with "sum", as a blob of its own. */
export function readSum(memory: WebAssembly.Memory): Uint8Array<ArrayBuffer> {
  const sum = new Uint8Array(SHARD_BYTES);
  sum.set(new Uint8Array(memory.buffer, OUTPUT, SHARD_BYTES));
  return sum;
}

/** The value at the point after a step that finished with "value". */
export function readValue(memory: WebAssembly.Memory): bigint {
  const view = new DataView(memory.buffer, VALUE, 32);
  let value = 0n;
  for (let word = 3; word >= 0; word--) value = (value << 64n) | view.getBigUint64(8 * word, true);
  return value;
}

/** Compiles the kernel over a memory and returns what runs a step of it. */
export function createKernel(memory: WebAssembly.Memory): (step: KernelStep) => void {
  const module = new WebAssembly.Module(Buffer.from(FIELD_KERNEL_BASE64, "base64"));
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  return ({ count, begin, finish }) => {
    exports.accumulate(count, begin);
    if (finish === "sum") exports.emit();
    if (finish === "value") exports.evaluate();
  };
}

function writeElement(memory: WebAssembly.Memory, at: number, value: bigint): void {
  const view = new DataView(memory.buffer, at, 32);
  for (let word = 0; word < 4; word++) {
    view.setBigUint64(8 * word, (value >> BigInt(64 * word)) & 0xffffffffffffffffn, true);
  }
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % FIELD_MODULUS;
    square = (square * square) % FIELD_MODULUS;
  }
  return result;
}

/** Blobs hold their elements in bit-reversed order of the roots. */
function reverse12(index: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 12; bit++) reversed |= ((index >>> bit) & 1) << (11 - bit);
  return reversed;
}
