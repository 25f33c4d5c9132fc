import { SHARD_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Upload } from "../store/uploads.ts";
import { assertTerms, type TermLimits } from "./terms.ts";
import type { Caller } from "./uploadAccess.ts";

export type ReserveLimits = TermLimits & {
  /** Bytes of shards that this provider takes in all. */
  readonly capacityBytes: number;
  /** Bytes that one peer may have reserved without an open order. */
  readonly peerReservedBytes: number;
};

/** Bytes that may still be reserved: what the quota leaves, or the disk if that is less. */
export async function freeBytes(deps: {
  store: ProviderStore;
  limits: ReserveLimits;
  diskFreeBytes(): Promise<number>;
}): Promise<number> {
  const disk = await deps.diskFreeBytes();
  return Math.max(0, Math.min(deps.limits.capacityBytes - deps.store.uploads.bytes(), disk));
}

/**
 * Keeps room for one slot until `openBy`. Metadata is durable when it answers; the same request again
 * changes nothing.
 * @throws UPLOAD_DIFFERS when the id is taken by anything else, OUT_OF_SPACE, PEER_LIMIT, and what
 * {@link assertTerms} throws
 */
export function createReserve(deps: {
  store: ProviderStore;
  chain: ProviderChain;
  limits: ReserveLimits;
  diskFreeBytes(): Promise<number>;
}) {
  const { store, chain, limits } = deps;
  return async (
    request: RequestOf<ProviderMethods, "reserve">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "reserve">> => {
    const known = store.uploads.get(request.uploadId);
    if (known === undefined) assertTerms(chain, request, limits);
    const upload = toUpload(request, caller);
    if (known !== undefined) {
      assertSame(known, upload);
      return { acceptedUntil: known.openBy };
    }
    const disk = await deps.diskFreeBytes();
    // From here to the insert nothing is awaited, so two reservations cannot take the same room.
    const free = Math.min(limits.capacityBytes - store.uploads.bytes(), disk);
    if (upload.bytes > free) {
      throw new MemoError(
        "OUT_OF_SPACE",
        `The slot needs ${upload.bytes} bytes, ${Math.max(0, free)} are free. Choose another provider.`,
        { details: { needed: upload.bytes, free } },
      );
    }
    const reserved = store.uploads.bytes(caller.peer);
    if (reserved + upload.bytes > limits.peerReservedBytes) {
      throw new MemoError(
        "PEER_LIMIT",
        `You have ${reserved} bytes reserved in orders that are not open; at most ${limits.peerReservedBytes} are allowed. Open them first.`,
        { details: { reserved, needed: upload.bytes, most: limits.peerReservedBytes }, retryable: true },
      );
    }
    const taken = store.uploads.get(upload.id);
    if (taken === undefined) store.uploads.insert(upload);
    else assertSame(taken, upload);
    return { acceptedUntil: upload.openBy };
  };
}

function toUpload(request: RequestOf<ProviderMethods, "reserve">, caller: Caller): Upload {
  const { uploadId, openBy, ...terms } = request;
  return {
    ...terms,
    id: uploadId,
    peer: caller.peer,
    openBy: Number(openBy),
    bytes: request.stripes * SHARD_BYTES,
  };
}

function assertSame(known: Upload, upload: Upload): void {
  const differs = (Object.keys(upload) as (keyof Upload)[]).filter((key) => known[key] !== upload[key]);
  if (differs.length === 0) return;
  // Whoever did not make the reservation learns only that the id is taken.
  const fields = known.peer === upload.peer ? differs : ["id"];
  throw new MemoError(
    "UPLOAD_DIFFERS",
    `Upload ${upload.id} exists with other terms (${fields.join(", ")}). Use a new upload id.`,
    { details: { uploadId: upload.id, fields } },
  );
}
