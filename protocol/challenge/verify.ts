import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { bytesToBigInt } from "viem";
import { MemoError } from "../errors.ts";
import { fieldFromBytes } from "../kzg/field.ts";
import type { Kzg } from "../kzg/kzg.ts";
import type { Points, SumOpening } from "../kzg/points.ts";
import type { OpenedShard } from "./openings.ts";
import { type ChallengeProof, partShards } from "./proof.ts";
import { type ChallengeContext, challengeTranscript } from "./transcript.ts";

/** A proof together with what it answers. */
export type ProofClaim = {
  readonly context: ChallengeContext;
  /** The whole challenge in its order, with the commitments as `verifyOpenings` or a cache gave them. */
  readonly shards: readonly OpenedShard[];
  readonly proof: ChallengeProof;
};

/** Whether a proof holds and, if not, what is wrong: codes as of `MemoError`. */
export type ProofCheck =
  | { readonly valid: true }
  | { readonly valid: false; readonly code: string; readonly message: string };

const VALID: ProofCheck = { valid: true };
const INVALID: ProofCheck = {
  valid: false,
  code: "PROOF_INVALID",
  message:
    "The weighted sum of the commitments does not open to the value given: the shards asked for are not held.",
};

/**
 * Whether every part of the proof is an opening of the weighted sum of its commitments, the sum being in the
 * subgroup. Codes: PROOF_INVALID, PROOF_MALFORMED, COVER_MALFORMED, FIELD_ELEMENT_NOT_CANONICAL,
 * POINT_NOT_ON_CURVE, POINT_ENCODING.
 */
export function verifyProof(of: ProofClaim & { kzg: Kzg; points: Points }): ProofCheck {
  return check(() => {
    const parts = partShards(of.shards, of.proof);
    return parts.every((shards, index) => {
      const { sum, z } = sumOf(of.context, shards, of.points);
      const { y, proof } = of.proof.parts[index]!;
      // The native check reads both points with their subgroup checked.
      return of.kzg.verify({ commitment: of.points.compress(sum), z, y: fieldFromBytes(y), proof });
    });
  });
}

/**
 * Checks many proofs at once; the answers stand in the order of the claims. Each sum and each proof point is
 * checked to be in the subgroup by itself; then one pairing equation under weights of 128 bits, drawn here
 * after all proofs are known, stands for all openings. If it fails, halves are checked until the wrong ones
 * are named. The event loop turns between proofs.
 */
export async function verifyBatch(of: {
  claims: readonly ProofClaim[];
  points: Points;
  /** Local randomness; must be unpredictable to whoever made the proofs. */
  random?: (bytes: number) => Uint8Array;
  signal?: AbortSignal;
}): Promise<ProofCheck[]> {
  const { claims, points, random = randomBytes } = of;
  const checks: ProofCheck[] = [];
  const openings: { claim: number; opening: SumOpening }[] = [];
  for (const [claim, { context, shards, proof }] of claims.entries()) {
    of.signal?.throwIfAborted();
    const found: SumOpening[] = [];
    checks.push(
      check(() =>
        partShards(shards, proof).every((part, index) => {
          const { sum, z } = sumOf(context, part, points);
          if (!points.isInSubgroup(sum)) return false;
          const y = fieldFromBytes(proof.parts[index]!.y);
          const point = proofPoint(proof.parts[index]!.proof, points);
          if (point === undefined) return false;
          found.push({ sum, z, y, proof: point });
          return true;
        }),
      ),
    );
    if (checks[claim]!.valid) openings.push(...found.map((opening) => ({ claim, opening })));
    await setImmediate();
  }
  const weighted = openings.map((entry) => ({ ...entry, weight: bytesToBigInt(random(16)) }));
  for (const claim of await wrongClaims(weighted, points, of.signal)) checks[claim] = INVALID;
  return checks;
}

type WeightedOpening = { readonly claim: number; readonly opening: SumOpening; readonly weight: bigint };

/** Claims with an opening that does not hold, found by halving what fails together. */
async function wrongClaims(
  openings: readonly WeightedOpening[],
  points: Points,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  signal?.throwIfAborted();
  await setImmediate();
  const holds = points.verifySums(
    openings.map(({ opening }) => opening),
    openings.map(({ weight }) => weight),
  );
  if (holds) return [];
  if (openings.length === 1) return [openings[0]!.claim];
  const middle = openings.length >>> 1;
  const left = await wrongClaims(openings.slice(0, middle), points, signal);
  return [...left, ...(await wrongClaims(openings.slice(middle), points, signal))];
}

function sumOf(
  context: ChallengeContext,
  shards: readonly OpenedShard[],
  points: Points,
): { sum: Uint8Array; z: bigint } {
  // The commitment is derived from the point, so that the two cannot differ.
  const committed = shards.map((shard) => ({ ...shard, commitment: points.compress(shard.point) }));
  const { weights, point } = challengeTranscript(context, committed);
  const sum = points.weightedSumPoint(
    shards.map((shard) => shard.point),
    weights,
  );
  return { sum, z: point };
}

/** A proof's point with curve and subgroup checked, as the native check of a single proof does it. */
function proofPoint(proof: Uint8Array, points: Points): Uint8Array | undefined {
  try {
    return points.decompress(proof);
  } catch (error) {
    if (error instanceof MemoError) return undefined;
    throw error;
  }
}

function check(holds: () => boolean): ProofCheck {
  try {
    return holds() ? VALID : INVALID;
  } catch (error) {
    if (error instanceof MemoError) return { valid: false, code: error.code, message: error.message };
    throw error;
  }
}
