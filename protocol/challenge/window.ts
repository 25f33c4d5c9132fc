import { setImmediate } from "node:timers/promises";
import { WINDOW_STRIPES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { fieldFromBytes, fieldToBytes } from "../kzg/field.ts";
import type { FieldPool } from "../kzg/fieldPool.ts";
import type { Kzg } from "../kzg/kzg.ts";
import type { Points } from "../kzg/points.ts";
import { type Commitments, splitCommitments } from "../merkle/slotRoot.ts";
import { type WindowContext, windowTranscript } from "./transcript.ts";

/** An upload window: consecutive stripes of one slot, at most 64, with the commitments the provider gave. */
export type UploadWindow = {
  readonly context: WindowContext;
  readonly commitments: Commitments;
  readonly shards: readonly Uint8Array[];
  readonly signal?: AbortSignal;
};

/**
 * The provider's answer to a window's nonce: one opening of the weighted sum of its shards.
 * @throws WINDOW_SIZE, COMMITMENT_LENGTH, SHARD_LENGTH
 */
export async function openWindow(
  of: UploadWindow & { kzg: Kzg; fieldPool: FieldPool },
): Promise<{ y: Uint8Array; proof: Uint8Array }> {
  assertWindow(of);
  const options = of.signal ? { signal: of.signal } : {};
  const { weights, point } = windowTranscript(of.context, of.commitments);
  const sum = await of.fieldPool.weightedSum(of.shards, weights, options);
  const { y, proof } = await of.kzg.open(sum, point, options);
  return { y: fieldToBytes(y), proof };
}

/**
 * The user's check that the commitments are those of its own bytes. Every commitment is checked for curve
 * and subgroup; then the value is computed from the bytes and the opening checked against the commitments.
 * A wrong commitment passes with probability ≤ 2^-128 + 2^-243, if the nonce was drawn after the commitments
 * had arrived.
 * @throws WINDOW_SIZE, COMMITMENT_LENGTH, COMMITMENT_NOT_ON_CURVE, COMMITMENT_NOT_IN_SUBGROUP,
 *   FIELD_ELEMENT_LENGTH, FIELD_ELEMENT_NOT_CANONICAL, WINDOW_COMMITMENTS_WRONG, SHARD_LENGTH
 */
export async function verifyWindow(
  of: UploadWindow & { y: Uint8Array; proof: Uint8Array; kzg: Kzg; points: Points; fieldPool: FieldPool },
): Promise<void> {
  const commitments = assertWindow(of);
  const y = fieldFromBytes(of.y);
  const { weights, point } = windowTranscript(of.context, of.commitments);
  const value = of.fieldPool.weightedEvaluation(
    of.shards,
    weights,
    point,
    of.signal ? { signal: of.signal } : {},
  );
  const [expected, expanded] = await Promise.all([value, expandAll(commitments, of.points, of.signal)]);
  const commitment = of.points.weightedSum(expanded, weights);
  if (y === expected && of.kzg.verify({ commitment, z: point, y, proof: of.proof })) return;
  throw new MemoError(
    "WINDOW_COMMITMENTS_WRONG",
    "The provider's commitments are not those of the shards that were sent; place the slot elsewhere.",
    {
      details: { provider: of.context.provider, slot: of.context.slot, firstStripe: of.context.firstStripe },
    },
  );
}

/** 0.35 ms each: the event loop turns every few. */
async function expandAll(
  commitments: readonly Uint8Array[],
  points: Points,
  signal: AbortSignal | undefined,
): Promise<Uint8Array[]> {
  const expanded: Uint8Array[] = [];
  for (const [index, commitment] of commitments.entries()) {
    if (index % 8 === 0) await setImmediate();
    signal?.throwIfAborted();
    expanded.push(points.decompress(commitment));
  }
  return expanded;
}

function assertWindow({ commitments, shards }: UploadWindow): readonly Uint8Array[] {
  const each = splitCommitments(commitments);
  if (shards.length >= 1 && shards.length <= WINDOW_STRIPES && each.length === shards.length) return each;
  throw new MemoError(
    "WINDOW_SIZE",
    `A window has 1 to ${WINDOW_STRIPES} shards and as many commitments, not ${shards.length} and ${each.length}.`,
    { details: { shards: shards.length, commitments: each.length } },
  );
}
