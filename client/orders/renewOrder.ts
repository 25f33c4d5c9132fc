import {
  type Address,
  bytesToHex,
  compactSignatureToSignature,
  concatHex,
  type Hex,
  isAddressEqual,
  parseCompactSignature,
  recoverTypedDataAddress,
  serializeSignature,
} from "viem";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { epochAt, epochStart } from "../../protocol/chain/epochs.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { RandomBytes } from "../../protocol/object/envelope.ts";
import { ORDER_TYPES, type Order, orderId, ordersDomain } from "../../protocol/order.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { withRetries } from "../../protocol/runtime/retry.ts";
import { deposit } from "../chain/funding.ts";
import type { OpenedOrder } from "../chain/groupView.ts";
import type { ListedProvider } from "../chain/members.ts";
import type { ProviderLink } from "../providerLink.ts";
import { depositFor, openOrder, type PaymentDeps, signOrderAs } from "./payment.ts";

export type RenewDeps = PaymentDeps & {
  readonly link: ProviderLink;
  readonly random: RandomBytes;
  readonly clock: Clock;
};

/** What a renewal will be, before anything is spent. */
export type RenewalPlan = {
  readonly orderId: Hex;
  readonly startEpoch: number;
  readonly endEpoch: number;
  readonly price: bigint;
  /** Token wei. */
  readonly cost: bigint;
  /** Part of the cost that moves from the wallet. */
  readonly deposit: bigint;
  readonly payer: Address;
};

export type RenewOptions = {
  /** Epochs of the new order; default: as many as the old one had. */
  readonly epochs?: number;
  /** Token wei per 2^32 shard-epochs; default: the highest that a holder asks for. */
  readonly price?: bigint;
  /** Spend of this payer's balance, as an agent of it. */
  readonly asAgentOf?: Address;
  /** On the payer's standing terms, without its signature; by anybody, in the order's last eighth. */
  readonly standing?: boolean;
  /** Whether missing deposit is moved from the wallet; default true. */
  readonly deposit?: boolean;
  /** Asked before anything is spent; false ends it with `RENEWAL_DECLINED`. */
  readonly confirm?: (plan: RenewalPlan) => Promise<boolean>;
  readonly signal?: AbortSignal;
};

export type Renewal = {
  readonly orderId: Hex;
  readonly order: Order;
  /** The order that it continues. */
  readonly from: Hex;
  readonly transaction: Hex;
  readonly gas: bigint;
  /** Token wei. */
  readonly cost: bigint;
};

/** Seconds of chain time in which a renewal must be open once it is signed. */
const OPEN_WITHIN = 900;
const SIGN_TIMEOUT_MS = 60_000;

/** The highest ask, and never below the group's least price. */
function priceOf(holders: readonly ListedProvider[], minPrice: bigint): bigint {
  let price = minPrice;
  for (const { ask } of holders) if (ask > price) price = ask;
  return price;
}

/** Who holds each slot now. @throws SLOT_VACANT */
async function holdersOf({ view }: RenewDeps, { id, order }: OpenedOrder): Promise<ListedProvider[]> {
  const [slots, { providers }] = await Promise.all([view.slots(order), view.members()]);
  return slots.map(({ slot, holder }) => {
    const provider = holder === undefined ? undefined : providers.get(holder);
    if (provider !== undefined) return provider;
    throw new MemoError(
      "SLOT_VACANT",
      `Nobody holds slot ${slot} of ${id} now. Renew it once the slot is repaired, or store the object anew.`,
      { details: { orderId: id, slot }, retryable: true },
    );
  });
}

async function draftOf(
  deps: RenewDeps,
  opened: OpenedOrder,
  holders: readonly ListedProvider[],
  options: RenewOptions,
): Promise<Order> {
  const { view, account, random } = deps;
  const { parameters } = view.group;
  const { order } = opened;
  const [now, state] = await Promise.all([view.now(), view.orderState(opened.id)]);
  const terms = options.standing ? await view.allowances.renewalOf(order.payer, opened.id) : undefined;
  if (options.standing && terms === undefined) {
    throw new MemoError(
      "RENEWAL_NOT_ALLOWED",
      `${order.payer} has set no terms on which the order goes on.`,
      {
        details: { orderId: opened.id, payer: order.payer },
      },
    );
  }
  const epochs = terms?.epochs ?? options.epochs ?? order.endEpoch - order.startEpoch;
  if (!Number.isInteger(epochs) || epochs < 1) {
    throw new MemoError("EPOCHS_INVALID", "epochs is a whole number from 1.", { details: { epochs } });
  }
  const startEpoch = Math.max(state.endEpoch, epochAt(parameters, now) + 1);
  return {
    ...order,
    providers: holders.map(({ id }) => id),
    payer: options.standing ? order.payer : (options.asAgentOf ?? account.address),
    startEpoch,
    endEpoch: startEpoch + epochs,
    openBy: BigInt(Math.min(epochStart(parameters, startEpoch), now + OPEN_WITHIN)),
    price: options.price ?? priceOf(holders, parameters.minPrice),
    minEpochs: Math.min(order.minEpochs, epochs),
    salt: bytesToHex(random(32)),
  };
}

/** Has one holder sign for its slot. @throws RENEWAL_REFUSED */
async function signatureOf(
  { view, link, clock }: RenewDeps,
  holder: ListedProvider,
  former: Hex,
  next: Order,
  consent: { signer: Address; signature: Hex } | undefined,
  signal: AbortSignal,
): Promise<Hex> {
  const refused = (code: string, reason: string, cause?: unknown) =>
    new MemoError("RENEWAL_REFUSED", `Provider ${holder.id} does not go on with it: ${code}: ${reason}`, {
      details: { provider: holder.id, code, reason },
      retryable: cause instanceof MemoError && cause.retryable,
      cause,
    });
  const request = { former, order: next, ...(consent === undefined ? {} : { consent }) };
  const answer = await withRetries(
    () => link.call(holder.endpoint, "signRenewal", request, { signal, timeoutMs: SIGN_TIMEOUT_MS }),
    clock,
    signal,
  ).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof MemoError) throw refused(error.code, error.message, error);
    throw error;
  });
  const signer = await recoverTypedDataAddress({
    domain: ordersDomain(view.chainId, view.group.orders),
    types: ORDER_TYPES,
    primaryType: "Order",
    message: next,
    signature: serializeSignature(compactSignatureToSignature(parseCompactSignature(answer.signature))),
  }).catch(() => undefined);
  if (signer && isAddressEqual(signer, holder.operator)) return answer.signature;
  throw refused("PROVIDER_SIGNATURE_INVALID", "the signature is not its operator's");
}

/**
 * Goes on with an order from its end: a new order over the same shards, with the same holders, for which nothing is
 * uploaded. Until the one transaction that opens it nothing is on chain but a deposit.
 * @throws ORDER_NOT_FOUND, SLOT_VACANT, EPOCHS_INVALID, RENEWAL_NOT_ALLOWED, RENEWAL_DECLINED, RENEWAL_REFUSED
 * (details.provider, details.code), what `depositFor` throws, CONTRACT_…
 */
export async function renewOrder(deps: RenewDeps, id: Hex, options: RenewOptions = {}): Promise<Renewal> {
  const { view, account, transactor } = deps;
  const signal = options.signal ?? new AbortController().signal;
  const opened = await view.order(id);
  const holders = await holdersOf(deps, opened);
  const next = await draftOf(deps, opened, holders, options);
  const { startEpoch, endEpoch, price, payer } = next;
  const cost = await view.cost(next);
  const missing = options.standing
    ? 0n
    : await depositFor(view, account.address, payer, cost, options.deposit ?? true);
  const plan = { orderId: id, startEpoch, endEpoch, price, cost, deposit: missing, payer };
  if (options.confirm && !(await options.confirm(plan))) {
    throw new MemoError("RENEWAL_DECLINED", "Nothing was renewed and nothing was spent.");
  }
  if (missing > 0n) await deposit(view, transactor, missing, signal);
  const signature = options.standing ? undefined : await signOrderAs(deps, next);
  const consent = signature === undefined ? undefined : { signer: account.address, signature };
  const signatures = await Promise.all(
    holders.map((holder) => signatureOf(deps, holder, id, next, consent, signal)),
  );
  const sent =
    signature === undefined
      ? await transactor.send({
          address: view.group.orders,
          abi: storageOrdersAbi,
          functionName: "renew",
          args: [opened.order, next, concatHex(signatures)],
          signal,
        })
      : await openOrder(deps, next, signature, signatures, signal);
  return {
    orderId: orderId(next),
    order: next,
    from: id,
    transaction: sent.hash,
    gas: sent.gasUsed,
    cost,
  };
}
