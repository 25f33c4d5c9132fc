import { createHash } from "node:crypto";
import { MemoError } from "../../protocol/errors.ts";
import { LAYOUT } from "../../protocol/order.ts";
import { assertShard } from "../../protocol/shard/shard.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { BulkMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "../store/store.ts";
import type { RangeLock } from "./rangeLock.ts";
import { assertStripes, type Caller, requireUpload } from "./uploadAccess.ts";

/** sha2-256 of a shard: the digest in its CID. */
export function shardDigest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/**
 * Stores one shard of a reserved slot; durable when it answers. A shard may be sent again, with other bytes
 * too, until its window is committed.
 * @throws SHARD_LENGTH and other shard errors, STRIPE_OUT_OF_RANGE, SHARD_COMMITTED, OUT_OF_SPACE, and what
 * {@link requireUpload} throws
 */
export function createPutShard(deps: { store: ProviderStore; chain: ProviderChain; lock: RangeLock }) {
  const { store, lock } = deps;
  return async (
    request: RequestOf<BulkMethods, "putShard">,
    caller: Caller,
  ): Promise<ResponseOf<BulkMethods, "putShard">> => {
    const { uploadId, stripe, bytes } = request;
    const upload = requireUpload(deps, caller, request);
    assertStripes(upload, stripe, 1);
    // Any canonical shard can be committed to; whether the layout is right is the user's own concern.
    assertShard(bytes, LAYOUT.blob);
    await lock.run(uploadId, stripe, stripe + 1, async () => {
      const window = store.uploads.windowOf(uploadId, stripe);
      if (window === undefined) return store.shards.write(uploadId, stripe, bytes);
      const at = (stripe - window.firstStripe) * 32;
      if (Buffer.compare(window.digests.subarray(at, at + 32), shardDigest(bytes)) === 0) return;
      throw new MemoError(
        "SHARD_COMMITTED",
        `Stripe ${stripe} is committed to with other bytes. Send changed data as a new upload.`,
        { details: { uploadId, stripe } },
      );
    });
    return {};
  };
}
