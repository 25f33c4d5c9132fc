import {
  type Address,
  compactSignatureToSignature,
  type Hex,
  isAddressEqual,
  parseCompactSignature,
  recoverTypedDataAddress,
  serializeSignature,
} from "viem";
import { settlementDomain } from "../../protocol/certificate.ts";
import type { GroupState } from "../../protocol/chain/groupTypes.ts";
import { proofSigners } from "../../protocol/chain/operators.ts";
import { coverOf, partShards, proofDigest, wholeCover } from "../../protocol/challenge/proof.ts";
import { type ProofClaim, verifyBatch } from "../../protocol/challenge/verify.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Points } from "../../protocol/kzg/points.ts";
import { coveredPairs } from "../../protocol/results/cover.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import { PROOF_TYPES, type ProofMessage, proofStruct } from "../../protocol/wire/proofMessage.ts";
import type { HeldProof } from "../consensus/messages.ts";
import type { EpochChallenge } from "./challenges.ts";
import type { EpochProofs } from "./epochProofs.ts";
import type { OpeningsCache } from "./openings.ts";

/** Different proof messages that one provider may send in an epoch: one, and a few that cover more. */
const MESSAGES_PER_PROVIDER = 4;
/** Proofs that are verified together. */
const BATCH = 100;

export type CollectorEvents = {
  accepted(provider: number): void;
  refused(provider: number, code: string): void;
  verified(proofs: number, milliseconds: number): void;
};

/** Takes the proofs of one epoch, from whomever, and verifies them in batches. */
export type Collector = {
  /**
   * Takes a signed proof message; resolves once it is verified and durable.
   * @throws PROOF_FOREIGN, PROVIDER_NOT_CHALLENGED, PROOF_TOO_MANY, PROOF_SIGNATURE_INVALID,
   * PROOF_MALFORMED, PROOF_INVALID, OPENINGS_UNAVAILABLE
   */
  submit(message: ProofMessage): Promise<void>;
  /** Verifies proofs that keepers hand to each other; those that hold enter the book. */
  verify(proofs: readonly HeldProof[]): Promise<boolean>;
  /** Proofs that are being verified. */
  pending(): number;
  /** Resolves when nothing is being verified. */
  settled(): Promise<void>;
};

type Job = {
  readonly proof: HeldProof;
  readonly message: ProofMessage | null;
  done(error?: MemoError): void;
};

/** Creates the collector of an epoch. */
export function createCollector(options: {
  chainId: number;
  group: Address;
  challenge: EpochChallenge;
  book: EpochProofs;
  openings: OpeningsCache;
  points: Points;
  /** The group as it is now: orders and operators. */
  state: () => GroupState;
  events: CollectorEvents;
  signal: AbortSignal;
  logger: Logger;
}): Collector {
  const { chainId, group, challenge, book, openings, points, events, signal, logger } = options;
  const domain = settlementDomain(chainId, group);
  const seen = new Map<number, Map<Hex, Promise<void>>>();
  const queue: Job[] = [];
  let inFlight = 0;
  let running: Promise<void> | null = null;

  const enqueue = (proof: HeldProof, message: ProofMessage | null): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    queue.push({ proof, message, done: (error) => (error === undefined ? resolve() : reject(error)) });
    inFlight++;
    running ??= run();
    return promise;
  };

  async function run(): Promise<void> {
    // Whatever arrives in the same turn is verified together.
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) await verifyJobs(queue.splice(0, BATCH));
    running = null;
  }

  async function verifyJobs(jobs: readonly Job[]): Promise<void> {
    const claims: { job: Job; claim: ProofClaim }[] = [];
    await Promise.all(
      jobs.map(async (job) => {
        try {
          claims.push({ job, claim: await claimOf(job.proof) });
        } catch (error) {
          finish(job, toMemoError(error));
        }
      }),
    );
    const startedAt = performance.now();
    try {
      const checks = await verifyBatch({ claims: claims.map(({ claim }) => claim), points, signal });
      for (const [index, check] of checks.entries()) {
        const { job } = claims[index]!;
        if (check.valid) book.add(job.proof, job.message);
        finish(job, check.valid ? undefined : new MemoError(check.code, check.message));
      }
    } catch (error) {
      for (const { job } of claims) finish(job, toMemoError(error));
    }
    events.verified(claims.length, performance.now() - startedAt);
  }

  function finish(job: Job, error: MemoError | undefined): void {
    inFlight--;
    const { provider } = job.proof;
    if (error === undefined) events.accepted(provider);
    else {
      events.refused(provider, error.code);
      logger.warn({ provider, epoch: challenge.epoch, error }, "a proof was refused");
    }
    job.done(error);
  }

  async function claimOf({ provider, pairs, parts }: HeldProof): Promise<ProofClaim> {
    const asked = challengeOf(provider);
    const opened = await openings.open({
      epoch: challenge.epoch,
      provider,
      shards: asked.shards,
      orders: options.state().orders,
      signal,
    });
    const count = asked.pairs.length;
    // Parts that together cover all pairs are verified one by one, each as a challenge of its pair.
    const cover = pairs === "whole" ? wholeCover(count) : coverOf(pairs, count);
    return { context: asked.context, shards: opened, proof: { cover, parts } };
  }

  function challengeOf(provider: number) {
    const asked = challenge.byProvider.get(provider);
    if (asked !== undefined) return asked;
    throw new MemoError(
      "PROVIDER_NOT_CHALLENGED",
      `Provider ${provider} is not asked in epoch ${challenge.epoch}.`,
      {
        details: { provider, epoch: challenge.epoch },
      },
    );
  }

  async function check(message: ProofMessage): Promise<void> {
    const { provider } = message;
    const asked = challengeOf(provider);
    partShards(asked.shards, message);
    const { parameters, providers } = options.state();
    const registered = providers.get(provider);
    const signers = registered === undefined ? [] : proofSigners(parameters, registered, message.epoch);
    const signer = await recoverTypedDataAddress({
      domain,
      types: PROOF_TYPES,
      primaryType: "Proof",
      message: proofStruct(group, message),
      signature: serializeSignature(compactSignatureToSignature(parseCompactSignature(message.signature))),
    }).catch(() => undefined);
    if (signer === undefined || !signers.some((operator) => isAddressEqual(operator, signer))) {
      throw new MemoError(
        "PROOF_SIGNATURE_INVALID",
        `A proof is not signed by the operator of provider ${provider}.`,
        {
          details: { provider },
        },
      );
    }
    const proof = heldProofOf(message, asked.pairs.length);
    if (!isNews(book, proof)) return;
    await enqueue(proof, message);
  }

  return {
    submit(message) {
      const { provider, epoch } = message;
      if (epoch !== challenge.epoch) {
        return Promise.reject(
          new MemoError("PROOF_FOREIGN", `A proof of epoch ${epoch} was sent for epoch ${challenge.epoch}.`),
        );
      }
      if (!challenge.byProvider.has(provider)) {
        try {
          challengeOf(provider);
        } catch (error) {
          return Promise.reject(error);
        }
      }
      const known = seen.get(provider) ?? new Map<Hex, Promise<void>>();
      seen.set(provider, known);
      // The signature is part of the key: a spoilt copy must not keep the true one out.
      const key: Hex = `${proofDigest(message)}${message.signature.slice(2)}`;
      const earlier = known.get(key);
      if (earlier !== undefined) return earlier;
      const result = check(message);
      known.set(key, result);
      result.catch((error: unknown) => {
        // What anybody could have sent, or what may succeed later, does not count.
        const counts = error instanceof MemoError && error.code === "PROOF_INVALID";
        if (!counts) known.delete(key);
      });
      if (known.size > MESSAGES_PER_PROVIDER * 4) {
        known.delete(key);
        return Promise.reject(
          new MemoError("PROOF_TOO_MANY", `Provider ${provider} has sent too many proofs in this epoch.`),
        );
      }
      return result;
    },
    async verify(proofs) {
      const results = await Promise.allSettled(
        proofs.map(async (proof) => {
          const count = challengeOf(proof.provider).pairs.length;
          const wanted = proof.pairs === "whole" ? 1 : proof.pairs.length;
          const fits = proof.pairs === "whole" || proof.pairs.every((pair) => pair < count);
          if (!fits || proof.parts.length !== wanted)
            throw new MemoError("PROOF_MALFORMED", "Parts do not fit.");
          await verifyHeld(proof, count);
        }),
      );
      return results.every(({ status }) => status === "fulfilled");
    },
    pending: () => inFlight,
    settled: async () => {
      while (running !== null) await running;
    },
  };

  /** A full set of pairs is not canonical as one claim: it is verified pair by pair. */
  async function verifyHeld(proof: HeldProof, count: number): Promise<void> {
    if (proof.pairs === "whole" || proof.pairs.length < count) return enqueue(proof, null);
    const { provider, pairs, parts } = proof;
    await Promise.all(
      pairs.map((pair, index) => enqueue({ provider, pairs: [pair], parts: [parts[index]!] }, null)),
    );
  }
}

/** A proof message as the book keeps it. */
export function heldProofOf(message: ProofMessage, pairs: number): HeldProof {
  const covered = coveredPairs(message.cover);
  const whole = covered.length === pairs;
  return { provider: message.provider, pairs: whole ? "whole" : covered, parts: message.parts };
}

function isNews(book: EpochProofs, { provider, pairs }: HeldProof): boolean {
  if (book.whole(provider) !== undefined) return false;
  return pairs === "whole" || pairs.some((pair) => book.part(provider, pair) === undefined);
}

function toMemoError(error: unknown): MemoError {
  if (error instanceof MemoError) return error;
  return new MemoError("PROOF_NOT_VERIFIED", "A proof could not be verified.", { cause: error });
}
