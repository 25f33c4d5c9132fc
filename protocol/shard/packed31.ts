import {
  BYTES_PER_FIELD_ELEMENT,
  FIELD_ELEMENTS_PER_SHARD,
  PAYLOAD_BYTES,
  PAYLOAD_BYTES_PER_FIELD_ELEMENT,
  SHARD_BYTES,
} from "../constants.ts";
import { MemoError } from "../errors.ts";
import { LAYOUT } from "../order.ts";
import { assertShard } from "./shard.ts";

/**
 * Payload → shard: 31 payload bytes in each element below a zero top byte; what is short of
 * 126,976 bytes is filled with zeros.
 * @param shard where to write it: 131,072 zero bytes; new ones when absent
 * @throws PAYLOAD_TOO_LONG
 */
export function encodePacked31(
  payload: Uint8Array,
  shard: Uint8Array = new Uint8Array(SHARD_BYTES),
): Uint8Array {
  if (payload.length > PAYLOAD_BYTES) {
    throw new MemoError(
      "PAYLOAD_TOO_LONG",
      `A shard carries ${PAYLOAD_BYTES} payload bytes; ${payload.length} do not fit.`,
      { details: { length: payload.length } },
    );
  }
  const whole = Math.floor(payload.length / PAYLOAD_BYTES_PER_FIELD_ELEMENT);
  const source = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const target = new DataView(shard.buffer, shard.byteOffset, shard.byteLength);
  // Words instead of a `set` per element: three times as fast.
  for (let element = 0; element < whole; element++) {
    const from = element * PAYLOAD_BYTES_PER_FIELD_ELEMENT;
    const to = element * BYTES_PER_FIELD_ELEMENT + 1;
    for (let word = 0; word < 28; word += 4) target.setUint32(to + word, source.getUint32(from + word));
    target.setUint16(to + 28, source.getUint16(from + 28));
    target.setUint8(to + 30, source.getUint8(from + 30));
  }
  const rest = payload.subarray(whole * PAYLOAD_BYTES_PER_FIELD_ELEMENT);
  if (rest.length > 0) shard.set(rest, whole * BYTES_PER_FIELD_ELEMENT + 1);
  return shard;
}

/**
 * Shard → its 126,976 payload bytes, filling zeros included.
 * @throws SHARD_LENGTH, SHARD_ELEMENT_NOT_CANONICAL
 */
export function decodePacked31(shard: Uint8Array): Uint8Array {
  assertShard(shard, LAYOUT.packed31);
  const payload = new Uint8Array(PAYLOAD_BYTES);
  for (let element = 0; element < FIELD_ELEMENTS_PER_SHARD; element++) {
    const from = element * BYTES_PER_FIELD_ELEMENT + 1;
    payload.set(
      shard.subarray(from, from + PAYLOAD_BYTES_PER_FIELD_ELEMENT),
      element * PAYLOAD_BYTES_PER_FIELD_ELEMENT,
    );
  }
  return payload;
}
