import { hexToBytes } from "viem";
import { COMMITMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";

/** Bytes of an uncompressed point: x ‖ y, big-endian; the identity is 0x40 and zeros. */
export const POINT_BYTES = 96;

/** (modulus of the base field − 1) / 2: a y above it is the larger root, which a compressed point marks. */
const HALF_BASE_FIELD = hexToBytes(
  "0x0d0088f51cbff34d258dd3db21a5d66bb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555",
);

/**
 * Compressed form of a 96-byte point; byte work only.
 * @throws POINT_ENCODING
 */
export function compressPoint(point: Uint8Array): Uint8Array {
  assertPointEncoding(point);
  // A copy: `slice` of a Buffer is none.
  const compressed = new Uint8Array(point.subarray(0, COMMITMENT_BYTES));
  if (isIdentity(point)) compressed[0] = 0xc0;
  else compressed[0]! |= isLargerRoot(point.subarray(COMMITMENT_BYTES)) ? 0xa0 : 0x80;
  return compressed;
}

/**
 * Refuses bytes of wrong length and coordinates with bits above the field's; the curve is not looked at.
 * @throws POINT_ENCODING
 */
export function assertPointEncoding(point: Uint8Array): void {
  const flags = point[0]! & 0xe0;
  if (point.length === POINT_BYTES && (flags === 0 || isIdentity(point))) return;
  throw new MemoError(
    "POINT_ENCODING",
    `The ${point.length} bytes are no uncompressed point of ${POINT_BYTES} bytes.`,
    { details: { length: point.length } },
  );
}

/** Whether 96 bytes are the identity. */
export function isIdentity(point: Uint8Array): boolean {
  return point[0] === 0x40 && point.subarray(1).every((byte) => byte === 0);
}

/** Whether a y of 48 bytes is the larger of its point and the opposite one. */
export function isLargerRoot(y: Uint8Array): boolean {
  for (let index = 0; index < COMMITMENT_BYTES; index++) {
    const difference = y[index]! - HALF_BASE_FIELD[index]!;
    if (difference !== 0) return difference > 0;
  }
  return false;
}
