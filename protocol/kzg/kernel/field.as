// Arithmetic in the scalar field of BLS12-381, compiled from AssemblyScript to WebAssembly
// (scripts/generate/kernel.ts). Elements inside are eight 32-bit limbs, least significant first.
//
// Weighted sums: a weight is five limbs of 26 bits, an element eight of 32, so that the 40 sums of products
// fit 64 bits without a carry for 64 shards: (2^26 − 1)(2^32 − 1)·64 < 2^64. Only then is anything reduced.

// Places in memory, in bytes; protocol/kzg/fieldKernel.ts knows the same.
const SUM: usize = 0x10000; // 4096 elements: the weighted sum, canonical
const ROOTS: usize = 0x30000; // 4096 roots of unity, bit-reversed, Montgomery form
const DIFFERENCES: usize = 0x50000; // z − root, Montgomery form
const PRODUCTS: usize = 0x70000; // running products of the differences
const WEIGHTS: usize = 0x8000; // per shard five 26-bit limbs as u32
const COLUMNS: usize = 0x9800; // 40 u64: the sums of products of one element
const WIDE: usize = 0x9a00; // 15 u64 holding 32 bits each
const TEMPORARY: usize = 0x9b00; // a few elements
const CONSTANTS: usize = 0x9d00; // elements given by the host, see below
const POINT: usize = 0x9e00; // z, plain
const VALUE: usize = 0x9e20; // result of an evaluation, plain
const OUTPUT: usize = 0x90000; // 4096 elements, big-endian
const SHARDS: usize = 0xc0000;
// One cache line more than a shard, so that the same element of all shards falls into different cache sets.
const SHARD_STRIDE: usize = 131072 + 64;

const ELEMENTS: usize = 4096;
const MASK: u64 = 0xffffffff;

const R_SQUARED: usize = CONSTANTS; // 2^512 mod q
const R_AND_SHIFT: usize = CONSTANTS + 32; // 2^(256 + 160) mod q
const ONE: usize = CONSTANTS + 64; // 2^256 mod q
const INVERSE_OF_COUNT: usize = CONSTANTS + 96; // 4096^-1, Montgomery form
const EXPONENT: usize = CONSTANTS + 128; // q − 2, plain

const Q0: u64 = 0x00000001;
const Q1: u64 = 0xffffffff;
const Q2: u64 = 0xfffe5bfe;
const Q3: u64 = 0x53bda402;
const Q4: u64 = 0x09a1d805;
const Q5: u64 = 0x3339d808;
const Q6: u64 = 0x299d7d48;
const Q7: u64 = 0x73eda753;

@inline function limb(at: usize, index: usize): u64 {
  return <u64>load<u32>(at + (index << 2));
}

@inline function reverse(v: v128): v128 {
  return i8x16.shuffle(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/** Adds Σ weight·element of the first `count` shards to SUM, or begins it. */
export function accumulate(count: u32, begin: bool): void {
  for (let element: usize = 0; element < ELEMENTS; element++) {
    columnsOfHalf(SHARDS + (element << 5) + 16, count, COLUMNS);
    columnsOfHalf(SHARDS + (element << 5), count, COLUMNS + 32);
    reduceColumns(TEMPORARY);
    const to = SUM + (element << 5);
    if (begin) copy(to, TEMPORARY);
    else addModulo(to, to, TEMPORARY);
  }
}

// Sums of products of one half of an element (four limbs) over all shards: five rows of 64 bytes, one per
// limb of the weight, of which this half fills 32 bytes.
function columnsOfHalf(from: usize, count: u32, to: usize): void {
  let low0 = i64x2.splat(0);
  let high0 = i64x2.splat(0);
  let low1 = i64x2.splat(0);
  let high1 = i64x2.splat(0);
  let low2 = i64x2.splat(0);
  let high2 = i64x2.splat(0);
  let low3 = i64x2.splat(0);
  let high3 = i64x2.splat(0);
  let low4 = i64x2.splat(0);
  let high4 = i64x2.splat(0);
  let weights = WEIGHTS;
  for (let shard: u32 = 0; shard < count; shard++) {
    const limbs = reverse(v128.load(from));
    const weight0 = v128.load32_splat(weights, 0);
    low0 = i64x2.add(low0, i64x2.extmul_low_i32x4_u(limbs, weight0));
    high0 = i64x2.add(high0, i64x2.extmul_high_i32x4_u(limbs, weight0));
    const weight1 = v128.load32_splat(weights, 4);
    low1 = i64x2.add(low1, i64x2.extmul_low_i32x4_u(limbs, weight1));
    high1 = i64x2.add(high1, i64x2.extmul_high_i32x4_u(limbs, weight1));
    const weight2 = v128.load32_splat(weights, 8);
    low2 = i64x2.add(low2, i64x2.extmul_low_i32x4_u(limbs, weight2));
    high2 = i64x2.add(high2, i64x2.extmul_high_i32x4_u(limbs, weight2));
    const weight3 = v128.load32_splat(weights, 12);
    low3 = i64x2.add(low3, i64x2.extmul_low_i32x4_u(limbs, weight3));
    high3 = i64x2.add(high3, i64x2.extmul_high_i32x4_u(limbs, weight3));
    const weight4 = v128.load32_splat(weights, 16);
    low4 = i64x2.add(low4, i64x2.extmul_low_i32x4_u(limbs, weight4));
    high4 = i64x2.add(high4, i64x2.extmul_high_i32x4_u(limbs, weight4));
    from += SHARD_STRIDE;
    weights += 20;
  }
  v128.store(to, low0, 0);
  v128.store(to, high0, 16);
  v128.store(to, low1, 64);
  v128.store(to, high1, 80);
  v128.store(to, low2, 128);
  v128.store(to, high2, 144);
  v128.store(to, low3, 192);
  v128.store(to, high3, 208);
  v128.store(to, low4, 256);
  v128.store(to, high4, 272);
}

// COLUMNS = Σ 2^(32·i + 26·j)·column[j][i] < 2^389 → canonical element at `to`.
function reduceColumns(to: usize): void {
  for (let word: usize = 0; word < 15; word++) store<u64>(WIDE + (word << 3), 0);
  for (let row: i32 = 4; row >= 0; row--) {
    // WIDE = WIDE·2^26 + row; from the highest word down, so that no word is read after it is written.
    for (let word: usize = 13; word > 0; word--) {
      const high = load<u64>(WIDE + (word << 3));
      const low = load<u64>(WIDE + ((word - 1) << 3));
      store<u64>(WIDE + (word << 3), ((high << 26) | (low >> 6)) & MASK);
    }
    store<u64>(WIDE, (load<u64>(WIDE) << 26) & MASK);
    let carry: u64 = 0;
    const columns = COLUMNS + (<usize>row << 6);
    for (let word: usize = 0; word < 8; word++) {
      const column = load<u64>(columns + (word << 3));
      const sum = load<u64>(WIDE + (word << 3)) + (column & MASK) + (carry & MASK);
      store<u64>(WIDE + (word << 3), sum & MASK);
      carry = (sum >> 32) + (column >> 32) + (carry >> 32);
    }
    for (let word: usize = 8; word < 14; word++) {
      const sum = load<u64>(WIDE + (word << 3)) + (carry & MASK);
      store<u64>(WIDE + (word << 3), sum & MASK);
      carry = (sum >> 32) + (carry >> 32);
    }
  }
  // Five words of Montgomery reduction bring 389 bits below 2q; the factor 2^-160 is taken back below.
  for (let word: usize = 0; word < 5; word++) {
    const at = WIDE + (word << 3);
    const m = (0 - load<u64>(at)) & MASK;
    let carry = (load<u64>(at) + m * Q0) >> 32;
    let s1 = load<u64>(at, 8) + m * Q1 + carry;
    store<u64>(at, s1 & MASK, 8);
    carry = s1 >> 32;
    let s2 = load<u64>(at, 16) + m * Q2 + carry;
    store<u64>(at, s2 & MASK, 16);
    carry = s2 >> 32;
    let s3 = load<u64>(at, 24) + m * Q3 + carry;
    store<u64>(at, s3 & MASK, 24);
    carry = s3 >> 32;
    let s4 = load<u64>(at, 32) + m * Q4 + carry;
    store<u64>(at, s4 & MASK, 32);
    carry = s4 >> 32;
    let s5 = load<u64>(at, 40) + m * Q5 + carry;
    store<u64>(at, s5 & MASK, 40);
    carry = s5 >> 32;
    let s6 = load<u64>(at, 48) + m * Q6 + carry;
    store<u64>(at, s6 & MASK, 48);
    carry = s6 >> 32;
    let s7 = load<u64>(at, 56) + m * Q7 + carry;
    store<u64>(at, s7 & MASK, 56);
    carry = s7 >> 32;
    for (let above: usize = word + 8; above < 15; above++) {
      const sum = load<u64>(WIDE + (above << 3)) + carry;
      store<u64>(WIDE + (above << 3), sum & MASK);
      carry = sum >> 32;
    }
  }
  for (let word: usize = 0; word < 8; word++) store<u32>(to + (word << 2), <u32>load<u64>(WIDE + ((word + 5) << 3)));
  subtractModulus(to, 0);
  multiply(to, to, R_AND_SHIFT);
}

// to = a·b·2^-256 mod q (Montgomery), canonical for a·b < q·2^256. Any of the three may be the same place.
function multiply(to: usize, a: usize, b: usize): void {
  let t0: u64 = 0;
  let t1: u64 = 0;
  let t2: u64 = 0;
  let t3: u64 = 0;
  let t4: u64 = 0;
  let t5: u64 = 0;
  let t6: u64 = 0;
  let t7: u64 = 0;
  let t8: u64 = 0;
  const b0 = limb(b, 0);
  const b1 = limb(b, 1);
  const b2 = limb(b, 2);
  const b3 = limb(b, 3);
  const b4 = limb(b, 4);
  const b5 = limb(b, 5);
  const b6 = limb(b, 6);
  const b7 = limb(b, 7);
  for (let word: usize = 0; word < 8; word++) {
    const factor = limb(a, word);
    let sum = t0 + factor * b0;
    const first = sum & MASK;
    sum = t1 + factor * b1 + (sum >> 32);
    t1 = sum & MASK;
    sum = t2 + factor * b2 + (sum >> 32);
    t2 = sum & MASK;
    sum = t3 + factor * b3 + (sum >> 32);
    t3 = sum & MASK;
    sum = t4 + factor * b4 + (sum >> 32);
    t4 = sum & MASK;
    sum = t5 + factor * b5 + (sum >> 32);
    t5 = sum & MASK;
    sum = t6 + factor * b6 + (sum >> 32);
    t6 = sum & MASK;
    sum = t7 + factor * b7 + (sum >> 32);
    t7 = sum & MASK;
    t8 += sum >> 32;
    // q ≡ 1 modulo 2^32, so the factor that clears the lowest word is its negative.
    const m = (0 - first) & MASK;
    sum = first + m * Q0;
    sum = t1 + m * Q1 + (sum >> 32);
    t0 = sum & MASK;
    sum = t2 + m * Q2 + (sum >> 32);
    t1 = sum & MASK;
    sum = t3 + m * Q3 + (sum >> 32);
    t2 = sum & MASK;
    sum = t4 + m * Q4 + (sum >> 32);
    t3 = sum & MASK;
    sum = t5 + m * Q5 + (sum >> 32);
    t4 = sum & MASK;
    sum = t6 + m * Q6 + (sum >> 32);
    t5 = sum & MASK;
    sum = t7 + m * Q7 + (sum >> 32);
    t6 = sum & MASK;
    sum = t8 + (sum >> 32);
    t7 = sum & MASK;
    t8 = sum >> 32;
  }
  store<u32>(to, <u32>t0, 0);
  store<u32>(to, <u32>t1, 4);
  store<u32>(to, <u32>t2, 8);
  store<u32>(to, <u32>t3, 12);
  store<u32>(to, <u32>t4, 16);
  store<u32>(to, <u32>t5, 20);
  store<u32>(to, <u32>t6, 24);
  store<u32>(to, <u32>t7, 28);
  subtractModulus(to, t8);
}

// Takes q away once if the value (with `top` as ninth limb) is not below it: the difference is kept exactly
// when it did not borrow.
@inline function subtractModulus(at: usize, top: u64): void {
  let borrow: i64 = 0;
  const d0 = <i64>limb(at, 0) - <i64>Q0 + borrow;
  borrow = d0 >> 32;
  const d1 = <i64>limb(at, 1) - <i64>Q1 + borrow;
  borrow = d1 >> 32;
  const d2 = <i64>limb(at, 2) - <i64>Q2 + borrow;
  borrow = d2 >> 32;
  const d3 = <i64>limb(at, 3) - <i64>Q3 + borrow;
  borrow = d3 >> 32;
  const d4 = <i64>limb(at, 4) - <i64>Q4 + borrow;
  borrow = d4 >> 32;
  const d5 = <i64>limb(at, 5) - <i64>Q5 + borrow;
  borrow = d5 >> 32;
  const d6 = <i64>limb(at, 6) - <i64>Q6 + borrow;
  borrow = d6 >> 32;
  const d7 = <i64>limb(at, 7) - <i64>Q7 + borrow;
  borrow = d7 >> 32;
  if (<i64>top + borrow < 0) return;
  store<u32>(at, <u32>d0, 0);
  store<u32>(at, <u32>d1, 4);
  store<u32>(at, <u32>d2, 8);
  store<u32>(at, <u32>d3, 12);
  store<u32>(at, <u32>d4, 16);
  store<u32>(at, <u32>d5, 20);
  store<u32>(at, <u32>d6, 24);
  store<u32>(at, <u32>d7, 28);
}

@inline function copy(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
}

function addModulo(to: usize, a: usize, b: usize): void {
  let carry: u64 = 0;
  for (let word: usize = 0; word < 8; word++) {
    const sum = limb(a, word) + limb(b, word) + carry;
    store<u32>(to + (word << 2), <u32>sum);
    carry = sum >> 32;
  }
  subtractModulus(to, carry);
}

function subtractModulo(to: usize, a: usize, b: usize): void {
  let borrow: i64 = 0;
  for (let word: usize = 0; word < 8; word++) {
    const difference = <i64>limb(a, word) - <i64>limb(b, word) + borrow;
    store<u32>(to + (word << 2), <u32>difference);
    borrow = difference >> 32;
  }
  if (borrow == 0) return;
  let carry: u64 = 0;
  const s0 = limb(to, 0) + Q0 + carry;
  store<u32>(to, <u32>s0, 0);
  carry = s0 >> 32;
  const s1 = limb(to, 1) + Q1 + carry;
  store<u32>(to, <u32>s1, 4);
  carry = s1 >> 32;
  const s2 = limb(to, 2) + Q2 + carry;
  store<u32>(to, <u32>s2, 8);
  carry = s2 >> 32;
  const s3 = limb(to, 3) + Q3 + carry;
  store<u32>(to, <u32>s3, 12);
  carry = s3 >> 32;
  const s4 = limb(to, 4) + Q4 + carry;
  store<u32>(to, <u32>s4, 16);
  carry = s4 >> 32;
  const s5 = limb(to, 5) + Q5 + carry;
  store<u32>(to, <u32>s5, 20);
  carry = s5 >> 32;
  const s6 = limb(to, 6) + Q6 + carry;
  store<u32>(to, <u32>s6, 24);
  carry = s6 >> 32;
  const s7 = limb(to, 7) + Q7 + carry;
  store<u32>(to, <u32>s7, 28);
  carry = s7 >> 32;
}

@inline function isZero(at: usize): bool {
  return !v128.any_true(v128.or(v128.load(at), v128.load(at, 16)));
}

/** Writes SUM to OUTPUT as big-endian elements: the bytes of a blob. */
export function emit(): void {
  for (let element: usize = 0; element < ELEMENTS; element++) {
    const from = SUM + (element << 5);
    const to = OUTPUT + (element << 5);
    v128.store(to, reverse(v128.load(from, 16)));
    v128.store(to, reverse(v128.load(from)), 16);
  }
}

/**
 * VALUE = value at POINT of the polynomial that has the elements of SUM at the roots:
 * (z^4096 − 1)/4096 · Σ f_i·ω_i/(z − ω_i); the element itself when z is a root.
 */
export function evaluate(): void {
  const z = TEMPORARY;
  const inverse = TEMPORARY + 32;
  const term = TEMPORARY + 64;
  multiply(z, POINT, R_SQUARED);
  copy(inverse, ONE);
  for (let element: usize = 0; element < ELEMENTS; element++) {
    const at = element << 5;
    subtractModulo(DIFFERENCES + at, z, ROOTS + at);
    if (isZero(DIFFERENCES + at)) {
      copy(VALUE, SUM + at);
      return;
    }
    copy(PRODUCTS + at, inverse);
    multiply(inverse, inverse, DIFFERENCES + at);
  }
  invert(inverse, term);
  v128.store(VALUE, i64x2.splat(0));
  v128.store(VALUE, i64x2.splat(0), 16);
  for (let at: usize = ELEMENTS << 5; at > 0; ) {
    at -= 32;
    multiply(term, inverse, PRODUCTS + at);
    multiply(inverse, inverse, DIFFERENCES + at);
    multiply(term, term, ROOTS + at);
    multiply(term, term, SUM + at);
    addModulo(VALUE, VALUE, term);
  }
  for (let power = 0; power < 12; power++) multiply(z, z, z);
  subtractModulo(z, z, ONE);
  multiply(VALUE, VALUE, z);
  multiply(VALUE, VALUE, INVERSE_OF_COUNT);
}

// at = at^(q − 2), the inverse, in Montgomery form.
function invert(at: usize, base: usize): void {
  copy(base, at);
  copy(at, ONE);
  for (let bit: i32 = 254; bit >= 0; bit--) {
    multiply(at, at, at);
    if ((load<u32>(EXPONENT + ((bit >> 5) << 2)) >> (bit & 31)) & 1) multiply(at, at, base);
  }
}
