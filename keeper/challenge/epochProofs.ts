import { coverBytes, type Holding, setPair } from "../../protocol/results/cover.ts";
import type { ProofMessage, ProofPart } from "../../protocol/wire/proofMessage.ts";
import type { HeldProof } from "../consensus/messages.ts";
import type { ProofBook } from "../consensus/value.ts";
import type { EpochChallenge } from "./challenges.ts";

/** Where verified proofs survive a crash. */
export type ProofStore = {
  /** Returns once they are durable. */
  save(epoch: number, proof: HeldProof, message: ProofMessage | null): void;
  load(epoch: number): readonly HeldProof[];
  messages(epoch: number, provider: number): readonly ProofMessage[];
};

/** Verified proofs of one epoch. */
export type EpochProofs = ProofBook & {
  /** Adds a verified proof, durably. */
  add(proof: HeldProof, message: ProofMessage | null): void;
  /** Providers with a whole proof. */
  complete(): number;
};

/** Opens the book of an epoch with what the store kept of it. */
export function createEpochProofs(challenge: EpochChallenge, store: ProofStore): EpochProofs {
  const wholes = new Map<number, ProofPart>();
  const pairs = new Map<number, Map<number, ProofPart>>();

  const take = (proof: HeldProof) => {
    if (proof.pairs === "whole") {
      wholes.set(proof.provider, proof.parts[0]!);
      return;
    }
    const known = pairs.get(proof.provider) ?? new Map<number, ProofPart>();
    for (const [index, pair] of proof.pairs.entries()) known.set(pair, proof.parts[index]!);
    pairs.set(proof.provider, known);
  };
  for (const proof of store.load(challenge.epoch)) take(proof);

  return {
    whole: (provider) => wholes.get(provider),
    part: (provider, pair) => pairs.get(provider)?.get(pair),
    complete: () => wholes.size,
    holding(provider): Holding {
      if (wholes.has(provider)) return "whole";
      const held = pairs.get(provider);
      const count = challenge.byProvider.get(provider)?.pairs.length ?? 0;
      if (held === undefined || held.size === 0) return "nothing";
      const cover = new Uint8Array(coverBytes(count));
      for (const pair of held.keys()) setPair(cover, pair);
      return cover;
    },
    add(proof, message) {
      store.save(challenge.epoch, proof, message);
      take(proof);
    },
  };
}
