import type { HeldProof } from "../../../keeper/consensus/messages.ts";
import type { ProofBook } from "../../../keeper/consensus/value.ts";
import type { Holding } from "../../../protocol/results/cover.ts";
import { coverBytes, setPair } from "../../../protocol/results/cover.ts";
import type { ChallengedProvider } from "../../../protocol/results/judge.ts";
import type { ProofPart } from "../../../protocol/wire/proofMessage.ts";
import type { Random } from "../random.ts";

/** How a provider answers: to everybody, to some, in parts to some, or not at all. */
export type Conduct = "good" | "flaky" | "partial" | "silent";
export type SimProvider = ChallengedProvider & { readonly conduct: Conduct };

/** The only valid proof of a provider's challenge, or of one pair of it. */
export function trueProof(provider: number, pair: number | "whole"): ProofPart {
  const y = new Uint8Array(32);
  y[0] = provider;
  y[1] = pair === "whole" ? 255 : pair;
  return { y, proof: new Uint8Array(48) };
}

/** Draws the providers of an epoch; at least one is good and one is not. */
export function drawProviders(random: Random): SimProvider[] {
  const conducts: Conduct[] = ["good", random.pick(["flaky", "partial"] as const)];
  for (let more = random.below(3); more > 0; more--) {
    conducts.push(random.pick(["good", "flaky", "partial", "silent"] as const));
  }
  return conducts.map((conduct, index) => ({ provider: index + 1, pairs: 1 + random.below(3), conduct }));
}

/** Book of verified proofs of one simulated keeper. */
export type SimBook = ProofBook & {
  addWhole(provider: number): void;
  addPair(provider: number, pair: number): void;
  /** Adds what is valid; returns whether all was. */
  verify(proofs: readonly HeldProof[]): boolean;
  copy(): SimBook;
};

/** Creates a book. Proofs of silent providers do not exist, so nothing verifies as one. */
export function createBook(
  providers: readonly SimProvider[],
  wholes: Set<number> = new Set(),
  parts: Set<string> = new Set(),
): SimBook {
  const byId = new Map(providers.map((provider) => [provider.provider, provider]));

  const isTrue = (part: ProofPart | undefined, provider: number, pair: number | "whole") =>
    part !== undefined &&
    byId.get(provider)?.conduct !== "silent" &&
    (pair !== "whole" || byId.get(provider)?.conduct !== "partial") &&
    Buffer.compare(part.y, trueProof(provider, pair).y) === 0 &&
    part.proof.every((byte) => byte === 0);

  const book: SimBook = {
    holding(provider): Holding {
      const { pairs } = byId.get(provider)!;
      if (wholes.has(provider)) return "whole";
      const cover = new Uint8Array(coverBytes(pairs));
      for (let pair = 0; pair < pairs; pair++) if (parts.has(`${provider}/${pair}`)) setPair(cover, pair);
      return cover.some((byte) => byte !== 0) ? cover : "nothing";
    },
    whole: (provider) => (wholes.has(provider) ? trueProof(provider, "whole") : undefined),
    part: (provider, pair) => (parts.has(`${provider}/${pair}`) ? trueProof(provider, pair) : undefined),
    addWhole: (provider) => void wholes.add(provider),
    addPair: (provider, pair) => void parts.add(`${provider}/${pair}`),
    copy: () => createBook(providers, new Set(wholes), new Set(parts)),
    verify(proofs) {
      let all = true;
      for (const { provider, pairs, parts: given } of proofs) {
        const wanted = pairs === "whole" ? (["whole"] as const) : pairs;
        for (const [index, pair] of wanted.entries()) {
          if (!isTrue(given[index], provider, pair)) all = false;
          else if (pair === "whole") book.addWhole(provider);
          else book.addPair(provider, pair);
        }
      }
      return all;
    },
  };
  return book;
}

/** Gives a keeper what the providers sent it before the cut-off. */
export function fillBook(book: SimBook, providers: readonly SimProvider[], random: Random): void {
  for (const { provider, pairs, conduct } of providers) {
    if (conduct === "good" || (conduct === "flaky" && random.chance(0.5))) book.addWhole(provider);
    // A partial provider of one pair has either all or nothing.
    if (conduct !== "partial" || pairs === 1) continue;
    for (let pair = 0; pair < pairs; pair++) if (random.chance(0.4)) book.addPair(provider, pair);
  }
}
