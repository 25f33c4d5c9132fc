import { setImmediate as nextTurn } from "node:timers/promises";
import type { Hex } from "viem";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { shardRoot, slotRoot } from "../../protocol/merkle/slotRoot.ts";
import { decodePolicy } from "../../protocol/object/policy.ts";
import type { Order } from "../../protocol/order.ts";
import { COMMITMENTS_PER_PAGE } from "../../protocol/wire/provider.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Source } from "./sources.ts";

/** Reads a page of a slot's commitments of another provider. */
export type GetCommitments = (
  endpoint: string,
  request: { orderId: Hex; slot: number; from: number; count: number },
  signal: AbortSignal,
) => Promise<Uint8Array>;

/**
 * Makes sure that the commitments of all slots of an order are stored, as its shard root fixes them. Every holder has
 * them all, so the first honest one suffices. One slot is in memory at a time.
 * @throws COMMITMENTS_UNAVAILABLE (retryable), the signal's reason
 */
export async function ensureCommitments(of: {
  store: ProviderStore;
  uploadId: Hex;
  orderId: Hex;
  order: Order;
  sources: readonly Source[];
  getCommitments: GetCommitments;
  signal: AbortSignal;
}): Promise<void> {
  const { store, uploadId, orderId, order, signal } = of;
  if (await isComplete(store, uploadId, order)) return;
  const upload = store.uploads.get(uploadId);
  const reasons: string[] = [];
  for (const source of upload === undefined ? [] : of.sources) {
    try {
      for (let slot = 0; slot < decodePolicy(order.policy).n; slot++) {
        for (let from = 0; from < order.stripes; from += COMMITMENTS_PER_PAGE) {
          const count = Math.min(COMMITMENTS_PER_PAGE, order.stripes - from);
          const page = await of.getCommitments(source.endpoint, { orderId, slot, from, count }, signal);
          signal.throwIfAborted();
          if (page.length !== count * COMMITMENT_BYTES)
            throw new MemoError("PAGE_SHORT", "The page is short.");
          store.uploads.putSlotCommitments(upload!, slot, from, page);
        }
      }
      if (await isComplete(store, uploadId, order)) return;
      reasons.push(`${source.provider}: another root`);
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(`${source.provider}: ${error instanceof MemoError ? error.code : String(error)}`);
    }
  }
  throw new MemoError(
    "COMMITMENTS_UNAVAILABLE",
    `No holder gave the commitments of order ${orderId}; they are asked again.`,
    { details: { orderId, reasons }, retryable: true },
  );
}

/** Whether the stored commitments of all slots have the order's root. */
async function isComplete(store: ProviderStore, uploadId: Hex, order: Order): Promise<boolean> {
  const roots: Hex[] = [];
  for (let slot = 0; slot < decodePolicy(order.policy).n; slot++) {
    const commitments = store.uploads.slotCommitments(uploadId, slot);
    if (commitments?.length !== order.stripes * COMMITMENT_BYTES) return false;
    roots.push(slotRoot(commitments));
    await nextTurn();
  }
  return shardRoot(roots) === order.shardRoot.toLowerCase();
}
