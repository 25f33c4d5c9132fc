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
 * @throws PAYLOAD_TOO_LONG
 */
export function encodePacked31(payload: Uint8Array): Uint8Array {
  if (payload.length > PAYLOAD_BYTES) {
    throw new MemoError(
      "PAYLOAD_TOO_LONG",
      `A shard carries ${PAYLOAD_BYTES} payload bytes; ${payload.length} do not fit.`,
      { details: { length: payload.length } },
    );
  }
  const shard = new Uint8Array(SHARD_BYTES);
  let to = 1;
  for (let from = 0; from < payload.length; from += PAYLOAD_BYTES_PER_FIELD_ELEMENT) {
    shard.set(payload.subarray(from, from + PAYLOAD_BYTES_PER_FIELD_ELEMENT), to);
    to += BYTES_PER_FIELD_ELEMENT;
  }
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
