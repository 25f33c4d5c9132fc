import type { Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Upload } from "../store/uploads.ts";

/** Who calls a method, as the transport knows it. */
export type Caller = { readonly peer: string };

/**
 * The upload that a request names, if it is the caller's and still open for work. A stranger learns
 * nothing about whether it exists.
 * @throws UPLOAD_UNKNOWN, RESERVATION_EXPIRED, SLOT_MISMATCH (when `slot` is given and not the reserved one)
 */
export function requireUpload(
  deps: { store: ProviderStore; chain: ProviderChain },
  caller: Caller,
  request: { uploadId: Hex; slot?: number },
): Upload {
  const { uploadId, slot } = request;
  const upload = deps.store.uploads.get(uploadId);
  if (upload === undefined || upload.peer !== caller.peer) {
    throw new MemoError("UPLOAD_UNKNOWN", `You have no upload ${uploadId} here. Reserve room for it first.`, {
      details: { uploadId },
    });
  }
  if (deps.chain.now() >= upload.openBy) {
    throw new MemoError(
      "RESERVATION_EXPIRED",
      `The reservation ended at ${upload.openBy}, the openBy of its order. Reserve again under a new upload id.`,
      { details: { uploadId, openBy: upload.openBy, now: deps.chain.now() } },
    );
  }
  if (slot !== undefined && slot !== upload.slot) {
    throw new MemoError("SLOT_MISMATCH", `The upload is reserved for slot ${upload.slot}, not for ${slot}.`, {
      details: { uploadId, reserved: upload.slot, slot },
    });
  }
  return upload;
}

/**
 * @throws STRIPE_OUT_OF_RANGE unless the stripes [first, first + count) are all in the upload
 */
export function assertStripes(upload: Upload, first: number, count: number): void {
  if (count >= 1 && first >= 0 && first + count <= upload.stripes) return;
  throw new MemoError(
    "STRIPE_OUT_OF_RANGE",
    `Stripes ${first} to ${first + count - 1} are not all in an upload of ${upload.stripes} stripes.`,
    { details: { first, count, stripes: upload.stripes } },
  );
}
