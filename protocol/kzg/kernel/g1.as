// Points of BLS12-381 G1, compiled from AssemblyScript to WebAssembly (scripts/generate/kernel.ts).
//
// An element of the base field is fourteen 28-bit limbs of signed 32-bit words, least significant first, in 64
// bytes of which the last 8 are zero, in Montgomery form with R = 2^392. Sums and differences are taken word by
// word and not reduced: a product takes factors whose words are below 2^29.5 in size and whose value is below
// 32 p, and gives limbs below 2^28 (the last one signed) and a value between −p and 2 p.

const MASK: i64 = 0xfffffff;
const P0: i64 = 0xfffaaab;
const P1: i64 = 0xfefffff;
const P2: i64 = 0x3ffffb9;
const P3: i64 = 0xfffeb15;
const P4: i64 = 0x6241eab;
const P5: i64 = 0xa0f6b0f;
const P6: i64 = 0xf6730d2;
const P7: i64 = 0xf38512b;
const P8: i64 = 0x4774b84;
const P9: i64 = 0x4bacd76;
const P10: i64 = 0xba7b643;
const P11: i64 = 0xe69a4b1;
const P12: i64 = 0x1ea397f;
const P13: i64 = 0x1a011;
/** −1/p modulo 2^28. */
const MU: i64 = 0xffcfffd;
/** 2^364 / p: how many times p is in a value whose last limb is known. */
const P_PER_TOP: f64 = 1.0 / 106513.11989;

const LIMBS: usize = 14;
const ELEMENT: usize = 64;
const POINT: usize = 128; // x, y
const PROJECTIVE: usize = 192; // X, Y, Z
const BYTES: usize = 48;

// Places in memory, in bytes; protocol/kzg/g1Kernel.ts knows the same.
const CONSTANTS: usize = 0x400; // elements given by the host
const R_SQUARED: usize = CONSTANTS; // 2^784 mod p
const ONE: usize = CONSTANTS + 64; // 2^392 mod p
const PLAIN_ONE: usize = CONSTANTS + 128; // 1
const FOUR: usize = CONSTANTS + 192; // the curve's b, Montgomery form
const BETA: usize = CONSTANTS + 256; // the cube root of one behind the endomorphism, Montgomery form
const ROOT_EXPONENT: usize = CONSTANTS + 320; // (p + 1) / 4, 48 bytes, big-endian
const INVERSE_EXPONENT: usize = CONSTANTS + 384; // p − 2, 48 bytes, big-endian
const MODULUS: usize = CONSTANTS + 448; // p, as limbs
const INPUT: usize = 0x800; // 48 or 96 bytes from the host
const OUTPUT: usize = 0x880; // up to 144 bytes to the host
const A: usize = 0x1000; // registers: an element or a projective point each
const B: usize = 0x1100;
const C: usize = 0x1200;
const T0: usize = 0x1300;
const T1: usize = 0x1340;
const T2: usize = 0x1380;
const T3: usize = 0x13c0;
const T4: usize = 0x1400;
const T5: usize = 0x1440;
const T6: usize = 0x1480;
const U0: usize = 0x14c0;
const U1: usize = 0x1500;
const WINDOW: usize = 0x1800; // 16 powers
const COUNTS: usize = 0x2000; // per digit how many points it has: u32
const DIGITS: usize = 0x4000; // per point 260 digits: i8
const POINTS: usize = 0x10000; // 64 points
const MULTIPLES: usize = 0x14000; // per point 1, 3, 5 and 7 times it
const LISTS: usize = 0x20000; // two buffers of points in the order of their digits
const LIST_BYTES: usize = 0x90000;
const PAIRS: usize = 0x140000; // per addition: addresses of both points and of the sum, u32, padded to 16 bytes
const DIFFERENCES: usize = 0x150000;
const PRODUCTS: usize = 0x180000;

const MAX_DIGITS: usize = 260;
const BITS: usize = 256;

// --- field

@inline function add(to: usize, x: usize, y: usize): void {
  v128.store(to, i32x4.add(v128.load(x), v128.load(y)));
  v128.store(to, i32x4.add(v128.load(x, 16), v128.load(y, 16)), 16);
  v128.store(to, i32x4.add(v128.load(x, 32), v128.load(y, 32)), 32);
  v128.store(to, i32x4.add(v128.load(x, 48), v128.load(y, 48)), 48);
}

@inline function subtract(to: usize, x: usize, y: usize): void {
  v128.store(to, i32x4.sub(v128.load(x), v128.load(y)));
  v128.store(to, i32x4.sub(v128.load(x, 16), v128.load(y, 16)), 16);
  v128.store(to, i32x4.sub(v128.load(x, 32), v128.load(y, 32)), 32);
  v128.store(to, i32x4.sub(v128.load(x, 48), v128.load(y, 48)), 48);
}

@inline function copy(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
}

@inline function copyPoint(to: usize, from: usize): void {
  copy(to, from);
  copy(to + ELEMENT, from + ELEMENT);
}

@inline function copyProjective(to: usize, from: usize): void {
  copyPoint(to, from);
  copy(to + POINT, from + POINT);
}

/** to = x·y / R. `to` may be x or y. */
function multiply(to: usize, x: usize, y: usize): void {
  let t0: i64 = 0, t1: i64 = 0, t2: i64 = 0, t3: i64 = 0, t4: i64 = 0, t5: i64 = 0, t6: i64 = 0;
  let t7: i64 = 0, t8: i64 = 0, t9: i64 = 0, t10: i64 = 0, t11: i64 = 0, t12: i64 = 0;
  for (let i: usize = 0; i < LIMBS << 2; i += 4) {
    const a: i64 = load<i32>(x + i);
    const t: i64 = t0 + a * <i64>load<i32>(y);
    const q: i64 = (t * MU) & MASK;
    t0 = t1 + a * <i64>load<i32>(y, 4) + q * P1 + ((t + q * P0) >> 28);
    t1 = t2 + a * <i64>load<i32>(y, 8) + q * P2;
    t2 = t3 + a * <i64>load<i32>(y, 12) + q * P3;
    t3 = t4 + a * <i64>load<i32>(y, 16) + q * P4;
    t4 = t5 + a * <i64>load<i32>(y, 20) + q * P5;
    t5 = t6 + a * <i64>load<i32>(y, 24) + q * P6;
    t6 = t7 + a * <i64>load<i32>(y, 28) + q * P7;
    t7 = t8 + a * <i64>load<i32>(y, 32) + q * P8;
    t8 = t9 + a * <i64>load<i32>(y, 36) + q * P9;
    t9 = t10 + a * <i64>load<i32>(y, 40) + q * P10;
    t10 = t11 + a * <i64>load<i32>(y, 44) + q * P11;
    t11 = t12 + a * <i64>load<i32>(y, 48) + q * P12;
    t12 = a * <i64>load<i32>(y, 52) + q * P13;
  }
  store<i32>(to, <i32>(t0 & MASK));
  t1 += t0 >> 28;
  store<i32>(to, <i32>(t1 & MASK), 4);
  t2 += t1 >> 28;
  store<i32>(to, <i32>(t2 & MASK), 8);
  t3 += t2 >> 28;
  store<i32>(to, <i32>(t3 & MASK), 12);
  t4 += t3 >> 28;
  store<i32>(to, <i32>(t4 & MASK), 16);
  t5 += t4 >> 28;
  store<i32>(to, <i32>(t5 & MASK), 20);
  t6 += t5 >> 28;
  store<i32>(to, <i32>(t6 & MASK), 24);
  t7 += t6 >> 28;
  store<i32>(to, <i32>(t7 & MASK), 28);
  t8 += t7 >> 28;
  store<i32>(to, <i32>(t8 & MASK), 32);
  t9 += t8 >> 28;
  store<i32>(to, <i32>(t9 & MASK), 36);
  t10 += t9 >> 28;
  store<i32>(to, <i32>(t10 & MASK), 40);
  t11 += t10 >> 28;
  store<i32>(to, <i32>(t11 & MASK), 44);
  t12 += t11 >> 28;
  store<i32>(to, <i32>(t12 & MASK), 48);
  store<i32>(to, <i32>(t12 >> 28), 52);
  store<i64>(to, 0, 56);
}

/** to = factor·x, within ±0.6 p and with limbs below 2^28. `to` may be x. 0 < factor ≤ 12. */
function reduce(to: usize, x: usize, factor: i64 = 1): void {
  const q: i64 = <i64>nearest<f64>(<f64>(factor * <i64>load<i32>(x, 52)) * P_PER_TOP);
  let c: i64 = factor * <i64>load<i32>(x) - q * P0;
  store<i32>(to, <i32>(c & MASK));
  c = (c >> 28) + factor * <i64>load<i32>(x, 4) - q * P1;
  store<i32>(to, <i32>(c & MASK), 4);
  c = (c >> 28) + factor * <i64>load<i32>(x, 8) - q * P2;
  store<i32>(to, <i32>(c & MASK), 8);
  c = (c >> 28) + factor * <i64>load<i32>(x, 12) - q * P3;
  store<i32>(to, <i32>(c & MASK), 12);
  c = (c >> 28) + factor * <i64>load<i32>(x, 16) - q * P4;
  store<i32>(to, <i32>(c & MASK), 16);
  c = (c >> 28) + factor * <i64>load<i32>(x, 20) - q * P5;
  store<i32>(to, <i32>(c & MASK), 20);
  c = (c >> 28) + factor * <i64>load<i32>(x, 24) - q * P6;
  store<i32>(to, <i32>(c & MASK), 24);
  c = (c >> 28) + factor * <i64>load<i32>(x, 28) - q * P7;
  store<i32>(to, <i32>(c & MASK), 28);
  c = (c >> 28) + factor * <i64>load<i32>(x, 32) - q * P8;
  store<i32>(to, <i32>(c & MASK), 32);
  c = (c >> 28) + factor * <i64>load<i32>(x, 36) - q * P9;
  store<i32>(to, <i32>(c & MASK), 36);
  c = (c >> 28) + factor * <i64>load<i32>(x, 40) - q * P10;
  store<i32>(to, <i32>(c & MASK), 40);
  c = (c >> 28) + factor * <i64>load<i32>(x, 44) - q * P11;
  store<i32>(to, <i32>(c & MASK), 44);
  c = (c >> 28) + factor * <i64>load<i32>(x, 48) - q * P12;
  store<i32>(to, <i32>(c & MASK), 48);
  c = (c >> 28) + factor * <i64>load<i32>(x, 52) - q * P13;
  store<i32>(to, <i32>c, 52);
  store<i64>(to, 0, 56);
}

/** Within ±0.6 p only zero is a multiple of p, and its limbs are zero. */
function isZero(x: usize): bool {
  reduce(U0, x);
  const all = v128.or(
    v128.or(v128.load(U0), v128.load(U0, 16)),
    v128.or(v128.load(U0, 32), v128.load(U0, 48)),
  );
  return !v128.any_true(all);
}

function areEqual(x: usize, y: usize): bool {
  subtract(U1, x, y);
  return isZero(U1);
}

/** Limbs of the one representative in [0, p) of what stands in Montgomery form; `to` may be x. */
function leave(to: usize, x: usize): void {
  multiply(to, x, PLAIN_ONE);
  reduce(to, to);
  if (load<i32>(to, 52) >= 0) return;
  add(to, to, MODULUS);
  for (let limb: usize = 0; limb < (LIMBS - 1) << 2; limb += 4) {
    const word = load<i32>(to + limb);
    store<i32>(to + limb, word & 0xfffffff);
    store<i32>(to + limb, load<i32>(to + limb, 4) + (word >> 28), 4);
  }
}

/** 48 big-endian bytes → Montgomery form; false when they are not below p. */
function read(to: usize, from: usize): bool {
  let bits: u64 = 0;
  let count: u32 = 0;
  let limb: usize = 0;
  for (let byte: usize = 0; byte < BYTES; byte++) {
    bits |= <u64>load<u8>(from + BYTES - 1 - byte) << count;
    count += 8;
    if (count >= 28) {
      store<u32>(to + limb, <u32>bits & 0xfffffff);
      limb += 4;
      bits >>= 28;
      count -= 28;
    }
  }
  store<u32>(to + limb, <u32>bits);
  store<i64>(to, 0, 56);
  for (let at: usize = LIMBS << 2; at > 0; at -= 4) {
    const difference = load<i32>(to + at - 4) - load<i32>(MODULUS + at - 4);
    if (difference > 0) return false;
    if (difference < 0) {
      multiply(to, to, R_SQUARED);
      return true;
    }
  }
  return false;
}

/** Montgomery form → 48 big-endian bytes of the representative in [0, p). */
function write(to: usize, x: usize): void {
  leave(U1, x);
  let bits: u64 = 0;
  let count: u32 = 0;
  let limb: usize = 0;
  for (let byte: usize = 0; byte < BYTES; byte++) {
    if (count < 8) {
      bits |= <u64>load<u32>(U1 + limb) << count;
      limb += 4;
      count += 28;
    }
    store<u8>(to + BYTES - 1 - byte, <u8>bits);
    bits >>= 8;
    count -= 8;
  }
}

/** to = x^exponent, four bits at a time; `to` is not x. */
function power(to: usize, x: usize, exponent: usize): void {
  copy(WINDOW, ONE);
  for (let index: usize = 1; index < 16; index++) {
    multiply(WINDOW + index * ELEMENT, WINDOW + (index - 1) * ELEMENT, x);
  }
  copy(to, ONE);
  for (let byte: usize = 0; byte < BYTES; byte++) {
    const digits = <usize>load<u8>(exponent + byte);
    for (let square = 0; square < 4; square++) multiply(to, to, to);
    multiply(to, to, WINDOW + (digits >> 4) * ELEMENT);
    for (let square = 0; square < 4; square++) multiply(to, to, to);
    multiply(to, to, WINDOW + (digits & 15) * ELEMENT);
  }
}

/** C = 1 / B, B not zero. */
function invert(): void {
  power(C, B, INVERSE_EXPONENT);
}

// --- projective points; formulas of Renes, Costello and Batina, complete because the curve's order is odd

/** P ← P + Q, Q = (x, y) not the identity; P at x, y, z. */
function addAffine(p: usize, q: usize): void {
  const x1 = p, y1 = p + ELEMENT, z1 = p + 2 * ELEMENT;
  const x2 = q, y2 = q + ELEMENT;
  multiply(T0, x1, x2);
  multiply(T1, y1, y2);
  add(T3, x2, y2);
  add(T4, x1, y1);
  multiply(T3, T3, T4);
  add(T4, T0, T1);
  subtract(T3, T3, T4);
  multiply(T4, y2, z1);
  add(T4, T4, y1);
  multiply(T5, x2, z1);
  add(T5, T5, x1);
  reduce(T2, z1, 12);
  finishAddition(p);
}

/** P ← P + Q, both projective; they may be the same. */
function addProjective(p: usize, q: usize): void {
  const x1 = p, y1 = p + ELEMENT, z1 = p + 2 * ELEMENT;
  const x2 = q, y2 = q + ELEMENT, z2 = q + 2 * ELEMENT;
  multiply(T0, x1, x2);
  multiply(T1, y1, y2);
  multiply(T2, z1, z2);
  add(T3, x1, y1);
  add(T4, x2, y2);
  multiply(T3, T3, T4);
  add(T4, T0, T1);
  subtract(T3, T3, T4);
  add(T4, y1, z1);
  add(T5, y2, z2);
  multiply(T4, T4, T5);
  add(T5, T1, T2);
  subtract(T4, T4, T5);
  add(T5, x1, z1);
  add(T6, x2, z2);
  multiply(T5, T5, T6);
  add(T6, T0, T2);
  subtract(T5, T5, T6);
  reduce(T2, T2, 12);
  finishAddition(p);
}

/** From x1x2, y1y2, 12·z1z2, x1y2 + x2y1, y1z2 + y2z1, x1z2 + x2z1 in T0, T1, T2, T3, T4, T5. */
function finishAddition(p: usize): void {
  reduce(T0, T0, 3);
  add(T6, T1, T2);
  subtract(T1, T1, T2);
  reduce(T5, T5, 12);
  reduce(T3, T3);
  reduce(T4, T4);
  multiply(T2, T4, T5);
  multiply(U0, T3, T1);
  subtract(U0, U0, T2);
  reduce(p, U0);
  multiply(T5, T5, T0);
  multiply(T1, T1, T6);
  add(T5, T1, T5);
  reduce(p + ELEMENT, T5);
  multiply(T0, T0, T3);
  multiply(T6, T6, T4);
  add(T6, T6, T0);
  reduce(p + 2 * ELEMENT, T6);
}

/** P ← 2P. */
function double(p: usize): void {
  const x = p, y = p + ELEMENT, z = p + 2 * ELEMENT;
  multiply(T0, y, y);
  multiply(T1, y, z);
  multiply(T2, z, z);
  multiply(T4, x, y);
  reduce(T3, T0, 8);
  reduce(T2, T2, 12);
  multiply(T5, T2, T3);
  multiply(z, T1, T3);
  add(T6, T0, T2);
  reduce(T2, T2, 3);
  subtract(T0, T0, T2);
  multiply(T6, T0, T6);
  add(T6, T5, T6);
  reduce(y, T6);
  multiply(T0, T0, T4);
  reduce(x, T0, 2);
}

function setIdentity(p: usize): void {
  memory.fill(p, 0, 3 * ELEMENT);
  copy(p + ELEMENT, ONE);
}

// --- what the host calls

/** y² = x³ + 4 of the point at `point`. */
function isOnCurve(point: usize): bool {
  multiply(T0, point, point);
  multiply(T0, T0, point);
  add(T0, T0, FOUR);
  multiply(T1, point + ELEMENT, point + ELEMENT);
  return areEqual(T0, T1);
}

/** Reads x ‖ y from INPUT to point `index`; false when a coordinate is not reduced or the point not on the curve. */
export function readPoint(index: usize): bool {
  const point = POINTS + index * POINT;
  if (!read(point, INPUT) || !read(point + ELEMENT, INPUT + BYTES)) return false;
  return isOnCurve(point);
}

/**
 * Finds a y for the x at INPUT and writes it to OUTPUT; point 0 holds both. False when x is not reduced or has none.
 */
export function findY(): bool {
  const x = POINTS, y = POINTS + ELEMENT;
  if (!read(x, INPUT)) return false;
  multiply(A, x, x);
  multiply(A, A, x);
  add(A, A, FOUR);
  reduce(A, A);
  power(y, A, ROOT_EXPONENT);
  if (!isOnCurve(POINTS)) return false;
  write(OUTPUT, y);
  return true;
}

/** The other y of point 0: negates it, and writes it to OUTPUT. */
export function takeOtherY(): void {
  negate(POINTS + ELEMENT);
  reduce(POINTS + ELEMENT, POINTS + ELEMENT);
  write(OUTPUT, POINTS + ELEMENT);
}

/**
 * Whether point 0, which is on the curve and not the identity, is in the subgroup: φ(P) = −[x²]P with
 * φ(X, Y) = (βX, Y) and x = −0xd201000000010000, the curve's parameter (M. Scott, eprint 2021/1130).
 */
export function isInSubgroup(): bool {
  copyPoint(A, POINTS);
  copy(A + 2 * ELEMENT, ONE);
  multiplyByParameter(A, B);
  multiplyByParameter(A, B);
  // A = [x²]P: its x is β·x and its y is −y of P.
  multiply(T0, POINTS, BETA);
  multiply(T0, T0, A + 2 * ELEMENT);
  multiply(T1, POINTS + ELEMENT, A + 2 * ELEMENT);
  add(T1, T1, A + ELEMENT);
  return !isZero(A + 2 * ELEMENT) && areEqual(T0, A) && isZero(T1);
}

function multiplyByParameter(p: usize, base: usize): void {
  copyProjective(base, p);
  for (let bit: u64 = 1 << 62; bit > 0; bit >>= 1) {
    double(p);
    if (0xd201000000010000 & bit) addProjective(p, base);
  }
}

/**
 * Digits of the 256-bit number at INPUT (little-endian): odd, −7…7, of which no two are closer than four places.
 * Gives the number of places up to the last that is not 0.
 */
export function readWeight(index: usize): usize {
  const digits = DIGITS + index * MAX_DIGITS;
  memory.fill(digits, 0, MAX_DIGITS);
  store<u32>(INPUT, 0, BITS >> 3);
  let places: usize = 0;
  let carry: u32 = 0;
  let place: usize = 0;
  while (place < BITS) {
    const bits = (load<u32>(INPUT + (place >> 3)) >> <u32>(place & 7)) & 15;
    if ((bits & 1) === carry) {
      place++;
      continue;
    }
    const word = <i32>(bits + carry);
    carry = word > 7 ? 1 : 0;
    store<i8>(digits + place, <i8>(word - <i32>(carry << 4)));
    places = place + 1;
    place += 4;
  }
  if (carry === 0) return places;
  store<i8>(digits + place, 1);
  return place + 1;
}

/**
 * Σ digit·2^index·point of `count` points with their digits (odd, −7…7, or 0) at DIGITS, as X ‖ Y ‖ Z at OUTPUT: the
 * point is (X/Z², Y/Z³), the identity when Z is 0.
 */
export function weightedSum(count: usize, digits: usize): void {
  if (!sumByLists(count, digits)) sumByDoubling(count, digits);
  // To Jacobian coordinates.
  multiply(T0, A, A + 2 * ELEMENT);
  write(OUTPUT, T0);
  multiply(T0, A + 2 * ELEMENT, A + 2 * ELEMENT);
  multiply(T0, T0, A + ELEMENT);
  write(OUTPUT + BYTES, T0);
  write(OUTPUT + 2 * BYTES, A + 2 * ELEMENT);
}

/** The sum whatever the points are: also equal ones, opposite ones, and points of small order. */
function sumByDoubling(count: usize, digits: usize): void {
  // 1, 3, 5 and 7 times each point, projective.
  for (let point: usize = 0; point < count; point++) {
    const multiples = LISTS + 4 * point * PROJECTIVE;
    copyPoint(multiples, POINTS + point * POINT);
    copy(multiples + POINT, ONE);
    copyProjective(B, multiples);
    double(B);
    for (let multiple = multiples + PROJECTIVE; multiple < multiples + 4 * PROJECTIVE; multiple += PROJECTIVE) {
      copyProjective(multiple, multiple - PROJECTIVE);
      addProjective(multiple, B);
    }
  }
  setIdentity(A);
  for (let digit = <isize>digits - 1; digit >= 0; digit--) {
    double(A);
    for (let point: usize = 0; point < count; point++) {
      const value = <i32>load<i8>(DIGITS + point * MAX_DIGITS + digit);
      if (value === 0) continue;
      const size = <usize>(value < 0 ? -value : value);
      copyProjective(B, LISTS + (4 * point + (size >> 1)) * PROJECTIVE);
      if (value < 0) negate(B + ELEMENT);
      addProjective(A, B);
    }
  }
}

function negate(x: usize): void {
  memory.fill(U0, 0, ELEMENT);
  subtract(x, U0, x);
}

/**
 * The same by additions of affine points that share their inversions. False, and nothing said, when two points met
 * that have the same x.
 */
function sumByLists(count: usize, digits: usize): bool {
  if (!makeMultiples(count)) return false;
  let list = LISTS;
  for (let digit: usize = 0; digit < digits; digit++) {
    const start = list;
    for (let point: usize = 0; point < count; point++) {
      const value = <i32>load<i8>(DIGITS + point * MAX_DIGITS + digit);
      if (value === 0) continue;
      const size = <usize>(value < 0 ? -value : value);
      copyPoint(list, MULTIPLES + (4 * point + (size >> 1)) * POINT);
      if (value < 0) negate(list + ELEMENT);
      list += POINT;
    }
    store<u32>(COUNTS + (digit << 2), <u32>((list - start) / POINT));
  }
  let from = LISTS;
  let to = LISTS + LIST_BYTES;
  let pairs: usize = 1;
  while (pairs > 0) {
    pairs = 0;
    let source = from;
    let target = to;
    for (let digit: usize = 0; digit < digits; digit++) {
      const length = <usize>load<u32>(COUNTS + (digit << 2));
      for (let at: usize = 0; at + 1 < length; at += 2) {
        setPair(pairs++, source, source + POINT, target);
        source += 2 * POINT;
        target += POINT;
      }
      if (length & 1) {
        copyPoint(target, source);
        source += POINT;
        target += POINT;
      }
      store<u32>(COUNTS + (digit << 2), <u32>((length + 1) >> 1));
    }
    if (!addPairs(pairs)) return false;
    const swap = from;
    from = to;
    to = swap;
  }
  let end = from;
  for (let digit: usize = 0; digit < digits; digit++) end += <usize>load<u32>(COUNTS + (digit << 2)) * POINT;
  setIdentity(A);
  for (let digit = <isize>digits - 1; digit >= 0; digit--) {
    double(A);
    if (load<u32>(COUNTS + (digit << 2)) === 0) continue;
    end -= POINT;
    addAffine(A, end);
  }
  return true;
}

/** 1, 3, 5 and 7 times each point. */
function makeMultiples(count: usize): bool {
  const doubles = LISTS;
  for (let point: usize = 0; point < count; point++) {
    const from = POINTS + point * POINT;
    copyPoint(MULTIPLES + 4 * point * POINT, from);
    setPair(point, from, from, doubles + point * POINT);
  }
  if (!addPairs(count)) return false;
  for (let multiple: usize = 1; multiple < 4; multiple++) {
    for (let point: usize = 0; point < count; point++) {
      const to = MULTIPLES + (4 * point + multiple) * POINT;
      setPair(point, to - POINT, doubles + point * POINT, to);
    }
    if (!addPairs(count)) return false;
  }
  return true;
}

@inline function setPair(index: usize, first: usize, second: usize, sum: usize): void {
  store<u32>(PAIRS + (index << 4), <u32>first);
  store<u32>(PAIRS + (index << 4), <u32>second, 4);
  store<u32>(PAIRS + (index << 4), <u32>sum, 8);
}

/** Adds the first `count` pairs with one inversion; a pair of one and the same place is doubled. */
function addPairs(count: usize): bool {
  if (count === 0) return true;
  copy(B, ONE);
  for (let pair: usize = 0; pair < count; pair++) {
    const first = <usize>load<u32>(PAIRS + (pair << 4));
    const second = <usize>load<u32>(PAIRS + (pair << 4), 4);
    const difference = DIFFERENCES + pair * ELEMENT;
    if (first === second) add(difference, first + ELEMENT, first + ELEMENT);
    else subtract(difference, second, first);
    copy(PRODUCTS + pair * ELEMENT, B);
    multiply(B, B, difference);
  }
  if (isZero(B)) return false;
  invert();
  for (let pair = <isize>count - 1; pair >= 0; pair--) {
    const first = <usize>load<u32>(PAIRS + (pair << 4));
    const second = <usize>load<u32>(PAIRS + (pair << 4), 4);
    const sum = <usize>load<u32>(PAIRS + (pair << 4), 8);
    multiply(T0, C, PRODUCTS + pair * ELEMENT);
    multiply(C, C, DIFFERENCES + pair * ELEMENT);
    if (first === second) {
      multiply(T1, first, first);
      reduce(T1, T1, 3);
    } else {
      subtract(T1, second + ELEMENT, first + ELEMENT);
    }
    multiply(T0, T0, T1);
    multiply(T1, T0, T0);
    subtract(T1, T1, first);
    subtract(T1, T1, second);
    reduce(T1, T1);
    subtract(T2, first, T1);
    multiply(T0, T0, T2);
    subtract(T0, T0, first + ELEMENT);
    reduce(sum + ELEMENT, T0);
    copy(sum, T1);
  }
  return true;
}
