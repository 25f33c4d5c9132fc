import { FIELD_ELEMENTS_PER_SHARD, SHARD_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { LAYOUT } from "../order.ts";

const MODULUS_TOP = 0x73;
const MODULUS = Uint8Array.from(
  "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001".match(/../g)!,
  (byte) => Number.parseInt(byte, 16),
);

/**
 * Refuses bytes that are no shard of the layout: of `packed31` every top byte is zero, of `blob` every
 * element is below the field's modulus.
 * @throws SHARD_LENGTH, SHARD_ELEMENT_NOT_CANONICAL, SHARD_LAYOUT_UNKNOWN
 */
export function assertShard(shard: Uint8Array, layout: number): void {
  if (layout !== LAYOUT.packed31 && layout !== LAYOUT.blob) {
    throw new MemoError("SHARD_LAYOUT_UNKNOWN", `Layout ${layout} is not known; update this program.`, {
      details: { layout },
    });
  }
  if (shard.length !== SHARD_BYTES) {
    throw new MemoError("SHARD_LENGTH", `A shard has ${SHARD_BYTES} bytes, not ${shard.length}.`, {
      details: { length: shard.length },
    });
  }
  const isElement = layout === LAYOUT.packed31 ? hasZeroTop : isCanonical;
  for (let element = 0; element < FIELD_ELEMENTS_PER_SHARD; element++) {
    if (isElement(shard, element * 32)) continue;
    throw new MemoError(
      "SHARD_ELEMENT_NOT_CANONICAL",
      layout === LAYOUT.packed31
        ? `Element ${element} of the shard has a top byte other than zero: it is not in layout packed31.`
        : `Element ${element} of the shard is not below the field's modulus.`,
      { details: { element, layout } },
    );
  }
}

function hasZeroTop(shard: Uint8Array, at: number): boolean {
  return shard[at] === 0;
}

function isCanonical(shard: Uint8Array, at: number): boolean {
  if (shard[at]! < MODULUS_TOP) return true;
  for (let byte = 0; byte < 32; byte++) {
    const difference = shard[at + byte]! - MODULUS[byte]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
}
