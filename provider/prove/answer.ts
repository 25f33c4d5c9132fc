import {
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { settlementDomain } from "../../protocol/certificate.ts";
import { openingsDigest } from "../../protocol/challenge/openings.ts";
import {
  type ChallengeProof,
  challengePairs,
  coveredPairs,
  coverOf,
} from "../../protocol/challenge/proof.ts";
import { type ProveResult, proveChallenge } from "../../protocol/challenge/prove.ts";
import type { ShardRef } from "../../protocol/challenge/sample.ts";
import type { ChallengeContext } from "../../protocol/challenge/transcript.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { FieldPool } from "../../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import type { Points } from "../../protocol/kzg/points.ts";
import {
  decodeProofMessage,
  encodeProofMessage,
  PROOF_PARTS,
  PROOF_TYPES,
  type ProofMessage,
  proofStruct,
} from "../../protocol/wire/proofMessage.ts";
import type { ShardReader } from "../read/shardReader.ts";
import type { ProviderStore } from "../store/store.ts";
import { encodeChallenge, withCommitments } from "./challenge.ts";

export type AnswerDeps = {
  store: ProviderStore;
  account: LocalAccount;
  kzg: Kzg;
  points: Points;
  fieldPool: FieldPool;
  readShard: ShardReader;
};

/** An answer, and what it had to leave out. */
export type Answered = { readonly message: ProofMessage; readonly uncovered: readonly ShardRef[] };

/**
 * Answers the challenge of an epoch. The answer is durable before it is returned, and stays the same
 * however often it is asked for.
 * @returns undefined when nothing at all can be proven
 * @throws SHARDS_UNSTABLE, the signal's reason
 */
export async function answerChallenge(
  deps: AnswerDeps,
  context: ChallengeContext,
  challenge: readonly ShardRef[],
  signal: AbortSignal,
): Promise<Answered | undefined> {
  const known = storedAnswer(deps.store, context.epoch);
  if (known !== undefined) return { message: known, uncovered: [] };
  const shards = withCommitments(deps.store, challenge);
  const result = await prove(deps, context, shards, signal);
  if (result.proof.parts.length === 0) return undefined;
  const { cover, parts } = limitParts(result.proof, challengePairs(challenge).length);
  const openings = openingsDigest(Buffer.concat(shards.map((shard) => shard.point)));
  const unsigned = {
    v: 1 as const,
    epoch: context.epoch,
    provider: context.provider,
    cover,
    parts: [...parts],
    openings,
  };
  const signature = await deps.account.signTypedData({
    domain: settlementDomain(context.chainId, context.group),
    types: PROOF_TYPES,
    primaryType: "Proof",
    message: proofStruct(context.group, unsigned),
  });
  const compact = serializeCompactSignature(signatureToCompactSignature(parseSignature(signature)));
  const message: ProofMessage = { ...unsigned, signature: compact };
  deps.store.answers.insert({
    epoch: context.epoch,
    message: encodeProofMessage(message),
    openings: encodeChallenge(challenge),
  });
  return { message, uncovered: result.uncovered };
}

/** The first parts of a partial proof, as many as a message can carry; what is left out stays owed. */
export function limitParts(proof: ChallengeProof, pairs: number): ChallengeProof {
  if (proof.parts.length <= PROOF_PARTS) return proof;
  const covered = coveredPairs(proof.cover, pairs).slice(0, PROOF_PARTS);
  return { cover: coverOf(covered, pairs), parts: proof.parts.slice(0, PROOF_PARTS) };
}

/** What this provider answered in an epoch. */
export function storedAnswer(store: ProviderStore, epoch: number): ProofMessage | undefined {
  const answer = store.answers.get(epoch);
  return answer && decodeProofMessage(answer.message);
}

function prove(
  deps: AnswerDeps,
  context: ChallengeContext,
  shards: ReturnType<typeof withCommitments>,
  signal: AbortSignal,
): Promise<ProveResult> {
  const { kzg, points, fieldPool } = deps;
  return proveChallenge({
    context,
    shards,
    kzg,
    points,
    fieldPool,
    signal,
    async readShard({ orderId, slot, stripe }) {
      const held = deps.store.orders.get(orderId, slot);
      if (held === undefined) return undefined;
      return deps.readShard(held.uploadId, stripe).catch((error: unknown) => {
        if (error instanceof MemoError && error.code === "SHARD_UNREADABLE") return undefined;
        throw error;
      });
    },
  });
}
