import { FIELD_MODULUS } from "../constants.ts";
import { MemoError } from "../errors.ts";

/** A field element (0 ≤ value < modulus) as 32 bytes, big-endian. */
export function fieldToBytes(value: bigint): Uint8Array {
  if (value < 0n || value >= FIELD_MODULUS)
    throw new RangeError("a field element lies between 0 and the modulus");
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < 4; word++) {
    view.setBigUint64(24 - 8 * word, (value >> BigInt(64 * word)) & 0xffffffffffffffffn);
  }
  return bytes;
}

/**
 * The field element in 32 big-endian bytes.
 * @throws FIELD_ELEMENT_LENGTH, FIELD_ELEMENT_NOT_CANONICAL
 */
export function fieldFromBytes(bytes: Uint8Array): bigint {
  if (bytes.length !== 32) {
    throw new MemoError("FIELD_ELEMENT_LENGTH", `A field element has 32 bytes, not ${bytes.length}.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 32);
  let value = 0n;
  for (let word = 0; word < 4; word++) value = (value << 64n) | view.getBigUint64(8 * word);
  if (value >= FIELD_MODULUS) {
    throw new MemoError("FIELD_ELEMENT_NOT_CANONICAL", "The field element is not below the modulus.");
  }
  return value;
}
