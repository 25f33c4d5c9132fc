import { MemoError } from "../../protocol/errors.ts";
import { decodePolicy } from "../../protocol/object/policy.ts";
import type { ChainSelf, ProviderChain } from "../chain.ts";

/** The part of an order that a provider agrees to when it reserves room. */
export type Terms = {
  readonly slot: number;
  readonly stripes: number;
  readonly policy: number;
  readonly startEpoch: number;
  readonly endEpoch: number;
  readonly openBy: bigint;
  readonly price: bigint;
};

/** What this provider accepts at most. */
export type TermLimits = {
  /** Seconds of chain time from now to `openBy`. */
  readonly reservationSeconds: number;
  readonly stripes: number;
};

/**
 * Checks terms against the chain as it is now.
 * @throws what {@link requireTaker} throws, POLICY_INVALID, SLOT_MISMATCH, EPOCHS_INVALID, OPEN_BY_INVALID, PRICE_TOO_LOW,
 * STRIPES_TOO_MANY
 */
export function assertTerms(chain: ProviderChain, terms: Terms, limits: TermLimits): void {
  const self = requireTaker(chain);
  const { n } = decodePolicy(terms.policy);
  if (terms.slot >= n) {
    throw new MemoError("SLOT_MISMATCH", `The policy has ${n} slots; there is no slot ${terms.slot}.`, {
      details: { slot: terms.slot, slots: n },
    });
  }
  if (terms.stripes < 1 || terms.stripes > limits.stripes) {
    throw new MemoError(
      "STRIPES_TOO_MANY",
      `An order here may have 1 to ${limits.stripes} stripes, not ${terms.stripes}. Split it.`,
      { details: { stripes: terms.stripes, most: limits.stripes } },
    );
  }
  if (terms.startEpoch >= terms.endEpoch) {
    throw new MemoError(
      "EPOCHS_INVALID",
      `An order must end after it starts, not from ${terms.startEpoch} to ${terms.endEpoch}.`,
      { details: { startEpoch: terms.startEpoch, endEpoch: terms.endEpoch } },
    );
  }
  assertOpenBy(chain, terms, limits);
  const least = atLeast(self.ask, chain.minPrice());
  if (terms.price < least) {
    throw new MemoError("PRICE_TOO_LOW", `The price is ${terms.price}; this provider asks for ${least}.`, {
      details: { price: terms.price, least },
    });
  }
}

/**
 * This provider as the chain has it.
 * @throws NOT_REGISTERED, OPERATOR_REPLACED
 */
export function requireSelf(chain: Pick<ProviderChain, "self" | "operatorReplaced">): ChainSelf {
  const self = chain.self();
  if (self !== undefined) return self;
  if (chain.operatorReplaced()) {
    throw new MemoError(
      "OPERATOR_REPLACED",
      "This provider has a new operator key; the old one signs nothing more.",
      {
        retryable: true,
      },
    );
  }
  throw new MemoError("NOT_REGISTERED", "This provider is not registered in the group yet.", {
    retryable: true,
  });
}

/**
 * This provider, if it may take slots now.
 * @throws what {@link requireSelf} throws, PROVIDER_JAILED, PROVIDER_LEAVING
 */
export function requireTaker(chain: Pick<ProviderChain, "self" | "operatorReplaced">): ChainSelf {
  const self = requireSelf(chain);
  if (self.jailedUntil > 0) {
    throw new MemoError(
      "PROVIDER_JAILED",
      `This provider lost a slot by its fault and takes none before epoch ${self.jailedUntil}. Choose another one.`,
      { details: { jailedUntil: self.jailedUntil } },
    );
  }
  if (self.exiting) {
    throw new MemoError("PROVIDER_LEAVING", "This provider is leaving the group. Choose another one.");
  }
  return self;
}

function atLeast(ask: bigint, minimum: bigint): bigint {
  return ask < minimum ? minimum : ask;
}

function assertOpenBy(chain: ProviderChain, terms: Terms, limits: TermLimits): void {
  const now = BigInt(chain.now());
  const start = BigInt(chain.epochStart(terms.startEpoch));
  const latest = now + BigInt(limits.reservationSeconds);
  if (terms.openBy > now && terms.openBy <= start && terms.openBy <= latest) return;
  const why =
    terms.openBy <= now
      ? `it is over: chain time is ${now}`
      : terms.openBy > start
        ? `it is after the start of epoch ${terms.startEpoch} at ${start}`
        : `room is kept at most until ${latest}`;
  throw new MemoError("OPEN_BY_INVALID", `openBy ${terms.openBy} is not possible: ${why}.`, {
    details: { openBy: terms.openBy, now, start, latest },
  });
}
