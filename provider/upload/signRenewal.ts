import { bytesToHex, type Hex, isAddressEqual, type LocalAccount } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { continuationDifferences } from "../../protocol/renewal.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { HeldSlot } from "../store/orders.ts";
import type { ProviderStore } from "../store/store.ts";
import { assertPayable, assertStake, signCompact } from "./promise.ts";
import type { RangeLock } from "./rangeLock.ts";
import { assertTerms, type TermLimits } from "./terms.ts";

/** Signed continuations of one slot that may wait to be opened: each counts on stake. */
const MOST_WAITING = 3;

export type RenewalDeps = {
  store: ProviderStore;
  chain: ProviderChain;
  lock: RangeLock;
  account: LocalAccount;
  limits: TermLimits;
};

type Request = RequestOf<ProviderMethods, "signRenewal">;

/**
 * Signs an order over shards that are here already, for a slot of another order with the same content. No byte moves:
 * both orders stand for the same shards, which are kept until neither needs them. Whoever pays has consented before
 * anything is signed, and the order is durable before the signature leaves.
 * @throws RENEWAL_UNKNOWN, RENEWAL_DIFFERS, RENEWAL_NOT_ALLOWED, RENEWAL_SHARDS_MISSING, RENEWALS_WAITING, EPOCHS_INVALID,
 * PAYER_BALANCE, STAKE_TOO_LOW, LOCK_LIMIT and what {@link assertTerms} throws
 */
export function createSignRenewal(deps: RenewalDeps) {
  const { store, chain, lock } = deps;
  return async (request: Request): Promise<ResponseOf<ProviderMethods, "signRenewal">> => {
    const { former, order: next } = request;
    const id = orderId(next);
    const slot = next.providers.indexOf(chain.self()?.id ?? 0);
    const signed = store.orders.get(id, slot);
    if (signed !== undefined) return { signature: bytesToHex(signed.signature) };
    const { startEpoch, endEpoch, openBy, price, stripes, policy } = next;
    assertTerms(chain, { slot, startEpoch, endEpoch, openBy, price, stripes, policy }, deps.limits);
    const held = requireHeld(deps, former, slot);
    assertContinues(held.order, next);
    return lock.run(held.uploadId, 0, stripes, async () => {
      assertFewWaiting(store, held);
      await assertConsent(chain, held, request);
      await assertShards(store, held);
      await assertPayable(chain, next);
      assertStake(store, chain, next);
      const signature = await signCompact(deps.account, chain, next);
      store.orders.insert({ id, uploadId: held.uploadId, slot, order: next, signature });
      return { signature: bytesToHex(signature) };
    });
  };
}

function requireHeld({ store, chain }: RenewalDeps, former: Hex, slot: number): HeldSlot {
  const held = store.orders.get(former, slot);
  if (held !== undefined && chain.order(former) !== undefined) return held;
  throw new MemoError("RENEWAL_UNKNOWN", `This provider holds no slot ${slot} of an open order ${former}.`, {
    details: { orderId: former, slot },
  });
}

function assertContinues(order: Order, next: Order): void {
  const fields = continuationDifferences(order, next);
  if (new Set(next.providers).size !== order.providers.length) fields.push("providers");
  if (next.providers.length !== order.providers.length) fields.push("providers");
  if (fields.length > 0) {
    throw new MemoError(
      "RENEWAL_DIFFERS",
      `The order does not go on with the same content: it differs in ${fields.join(", ")}.`,
      { details: { fields } },
    );
  }
  if (next.minEpochs > next.endEpoch - next.startEpoch) {
    throw new MemoError("EPOCHS_INVALID", `minEpochs ${next.minEpochs} is more than the order has.`, {
      details: { minEpochs: next.minEpochs },
    });
  }
}

function assertFewWaiting(store: ProviderStore, { uploadId, slot }: HeldSlot): void {
  const waiting = store.orders.list(uploadId).filter((each) => !each.opened && each.slot === slot).length;
  if (waiting < MOST_WAITING) return;
  throw new MemoError(
    "RENEWALS_WAITING",
    `${waiting} continuations of this slot are signed and not open yet. Open one, or wait until their openBy is over.`,
    { details: { waiting }, retryable: true },
  );
}

/** Who pays has signed the order, has an agent that did, or has set terms on which it may go on. */
async function assertConsent(chain: ProviderChain, held: HeldSlot, request: Request): Promise<void> {
  const { order: next, consent } = request;
  const reason =
    consent === undefined
      ? standingRefusal(chain, held.order, next)
      : await signedRefusal(chain, next, consent.signer, consent.signature);
  if (reason === undefined) return;
  throw new MemoError("RENEWAL_NOT_ALLOWED", `Nobody consented to pay for this order: ${reason}.`, {
    details: { payer: next.payer, reason },
  });
}

async function signedRefusal(chain: ProviderChain, next: Order, signer: Hex, signature: Hex) {
  if (!(await chain.hasSigned(signer, next, signature))) return `it is not signed by ${signer}`;
  if (isAddressEqual(signer, next.payer)) return undefined;
  const [budget, cost] = await Promise.all([chain.agentBudget(next.payer, signer), chain.cost(next)]);
  return budget >= cost ? undefined : `agent ${signer} may spend ${budget}, the order costs ${cost}`;
}

function standingRefusal(chain: ProviderChain, order: Order, next: Order): string | undefined {
  const terms = chain.renewalOf(order.payer, orderId(order));
  if (terms === undefined) return "its payer has set no terms for going on";
  if (!isAddressEqual(next.payer, order.payer)) return "the terms are of another payer";
  if (next.price > terms.maxPrice) return `the price is above ${terms.maxPrice}`;
  if (next.startEpoch !== order.endEpoch) return `it does not start in epoch ${order.endEpoch}`;
  if (next.endEpoch - next.startEpoch !== terms.epochs) return `it is not for ${terms.epochs} epochs`;
  if (next.minEpochs > order.minEpochs) return `minEpochs is above ${order.minEpochs}`;
  return undefined;
}

async function assertShards(store: ProviderStore, { uploadId, order }: HeldSlot): Promise<void> {
  for (let stripe = 0; stripe < order.stripes; stripe++) {
    if (await store.shards.has(uploadId, stripe)) continue;
    throw new MemoError(
      "RENEWAL_SHARDS_MISSING",
      `This provider has lost stripe ${stripe} of its slot and cannot promise it again before it is rebuilt.`,
      { details: { stripe }, retryable: true },
    );
  }
}
