import { FIELD_MODULUS } from "../../../protocol/constants.ts";
import type { Points } from "../../../protocol/kzg/points.ts";

/** A point of the curve outside the subgroup of prime order: nearly every x of the curve gives one. */
export function findPointOutsideSubgroup(points: Points): { compressed: Uint8Array; point: Uint8Array } {
  for (let x = 2; x < 256; x++) {
    const compressed = new Uint8Array(48).with(0, 0x80).with(47, x);
    try {
      const point = points.expand(compressed);
      if (!points.isInSubgroup(point)) return { compressed, point };
    } catch {
      // Half of all x are on no point; the next one then.
    }
  }
  throw new Error("no point of the curve found");
}

/** The part of a point that lies in the cofactor: a pairing does not see it. */
export function cofactorPart(points: Points): Uint8Array {
  const { point } = findPointOutsideSubgroup(points);
  return points.weightedSumPoint([point, point], [FIELD_MODULUS - 1n, 1n]);
}
