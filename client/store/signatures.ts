import {
  compactSignatureToSignature,
  type Hex,
  isAddressEqual,
  parseCompactSignature,
  recoverTypedDataAddress,
  serializeSignature,
} from "viem";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { ORDER_TYPES, type Order, ordersDomain } from "../../protocol/order.ts";
import { withRetries } from "../../protocol/runtime/retry.ts";
import { COMMITMENTS_PER_PAGE } from "../../protocol/wire/provider.ts";
import type { Slots } from "./slots.ts";
import type { SlotWindowDeps } from "./slotWindow.ts";

const SIGN_TIMEOUT_MS = 120_000;
/** What no other provider would answer otherwise. */
const TERMS_REFUSED = new Set(["PAYER_BALANCE", "RESERVATION_EXPIRED", "OPEN_BY_INVALID"]);

type Deps = Pick<SlotWindowDeps, "link" | "clock" | "view">;
type Holder = ReturnType<Slots["providers"]>[number];

/** Gives a provider the commitments of all slots, so that they cannot vanish with their holders. */
async function putAllCommitments(
  deps: Deps,
  holder: Holder,
  uploadId: Hex,
  commitments: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  const page = COMMITMENTS_PER_PAGE * COMMITMENT_BYTES;
  for (const [slot, bytes] of commitments.entries()) {
    for (let offset = 0; offset < bytes.length; offset += page) {
      const request = {
        uploadId,
        slot,
        firstStripe: offset / COMMITMENT_BYTES,
        commitments: bytes.slice(offset, offset + page),
      };
      await withRetries(
        () => deps.link.call(holder.endpoint, "putCommitments", request, { signal }),
        deps.clock,
        signal,
      );
    }
  }
}

async function assertSigned(deps: Deps, holder: Holder, order: Order, signature: Hex): Promise<void> {
  const signer = await recoverTypedDataAddress({
    domain: ordersDomain(deps.view.chainId, deps.view.group.orders),
    types: ORDER_TYPES,
    primaryType: "Order",
    message: order,
    signature: serializeSignature(compactSignatureToSignature(parseCompactSignature(signature))),
  }).catch(() => undefined);
  if (signer && isAddressEqual(signer, holder.operator)) return;
  throw new MemoError(
    "PROVIDER_SIGNATURE_INVALID",
    `The signature of provider ${holder.id} is not its operator's.`,
    {
      details: { provider: holder.id, operator: holder.operator, signer },
    },
  );
}

/**
 * Has every provider sign the order. One that does not is replaced, after which all sign again, because the order names
 * its providers.
 * @param build makes the order for the providers as they are now
 * @returns the order and its signatures, 64 bytes per slot
 */
export async function collectSignatures(
  deps: Deps,
  slots: Slots,
  uploadId: Hex,
  build: () => Order,
  signal: AbortSignal,
): Promise<{ order: Order; signatures: Hex[] }> {
  const told = new Set<number>();
  for (;;) {
    const order = build();
    const holders = slots.providers();
    const commitments = slots.commitments();
    const answers = await Promise.allSettled(
      holders.map(async (holder) => {
        if (!told.has(holder.id)) await putAllCommitments(deps, holder, uploadId, commitments, signal);
        told.add(holder.id);
        const { signature } = await withRetries(
          () =>
            deps.link.call(
              holder.endpoint,
              "signOrder",
              { uploadId, order },
              { signal, timeoutMs: SIGN_TIMEOUT_MS },
            ),
          deps.clock,
          signal,
        );
        await assertSigned(deps, holder, order, signature);
        return signature;
      }),
    );
    signal.throwIfAborted();
    const failures = [...answers.entries()].flatMap(([slot, answer]) =>
      answer.status === "rejected" ? [{ slot, reason: answer.reason as unknown }] : [],
    );
    if (failures.length === 0) {
      return { order, signatures: answers.map((answer) => (answer as PromiseFulfilledResult<Hex>).value) };
    }
    const ours = failures.find(({ reason }) => reason instanceof MemoError && TERMS_REFUSED.has(reason.code));
    if (ours) throw ours.reason;
    for (const { slot, reason } of failures) await slots.replace(slot, reason);
  }
}
