import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { decodePolicy } from "../../protocol/object/policy.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "../store/store.ts";
import type { RangeLock } from "./rangeLock.ts";
import { assertStripes, type Caller, requireUpload } from "./uploadAccess.ts";

/**
 * Takes a page of any slot's commitments. They are judged when the order is to be signed, and from the
 * first signature on they are fixed.
 * @throws COMMITMENTS_FIXED, SLOT_MISMATCH, STRIPE_OUT_OF_RANGE, and what {@link requireUpload} throws
 */
export function createPutCommitments(deps: { store: ProviderStore; chain: ProviderChain; lock: RangeLock }) {
  const { store, lock } = deps;
  return async (
    request: RequestOf<ProviderMethods, "putCommitments">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "putCommitments">> => {
    const { uploadId, slot, firstStripe, commitments } = request;
    const upload = requireUpload(deps, caller, { uploadId });
    const { n } = decodePolicy(upload.policy);
    if (slot >= n) {
      throw new MemoError("SLOT_MISMATCH", `The order has ${n} slots; there is no slot ${slot}.`, {
        details: { uploadId, slot, slots: n },
      });
    }
    assertStripes(upload, firstStripe, commitments.length / COMMITMENT_BYTES);
    await lock.run(uploadId, 0, upload.stripes, async () => {
      if (store.orders.list(uploadId).length > 0) {
        const at = firstStripe * COMMITMENT_BYTES;
        const known = store.uploads.slotCommitments(uploadId, slot);
        if (known && Buffer.compare(known.subarray(at, at + commitments.length), commitments) === 0) return;
        throw new MemoError(
          "COMMITMENTS_FIXED",
          "An order over these commitments is signed; they cannot change any more. Start a new upload.",
          { details: { uploadId, slot } },
        );
      }
      store.uploads.putSlotCommitments(upload, slot, firstStripe, commitments);
    });
    return {};
  };
}
