import type { Hex } from "viem";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { POINT_BYTES } from "../../protocol/kzg/pointEncoding.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Upload, Window } from "../store/uploads.ts";
import { shardDigest } from "./putShard.ts";
import type { RangeLock } from "./rangeLock.ts";
import { assertStripes, type Caller, requireUpload } from "./uploadAccess.ts";

export type CommitDeps = {
  store: ProviderStore;
  chain: ProviderChain;
  lock: RangeLock;
  /** Runs a task when few enough others run. */
  limit<Result>(task: () => Promise<Result>): Promise<Result>;
  commit(shard: Uint8Array): Promise<Uint8Array>;
  decompress(commitment: Uint8Array): Uint8Array;
};

/**
 * Commits to the shards of a window and fixes them. The same window again gives the same commitments.
 * @throws WINDOW_INCOMPLETE when a shard of it is not here, WINDOW_OVERLAPS when another window has some of
 * its stripes, STRIPE_OUT_OF_RANGE, and what {@link requireUpload} throws
 */
export function createCommitWindow(deps: CommitDeps) {
  const { store, lock } = deps;
  return async (
    request: RequestOf<ProviderMethods, "commitWindow">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "commitWindow">> => {
    const { uploadId, firstStripe, count } = request;
    const upload = requireUpload(deps, caller, request);
    assertStripes(upload, firstStripe, count);
    return lock.run(uploadId, firstStripe, firstStripe + count, async () => {
      const known = findWindow(store, uploadId, firstStripe, count);
      if (known !== undefined) return { commitments: known.commitments };
      const window = await commitShards(deps, upload, firstStripe, count);
      store.uploads.insertWindow(uploadId, window);
      return { commitments: window.commitments };
    });
  };
}

/** The window of exactly these stripes, if it is committed. @throws WINDOW_OVERLAPS */
export function findWindow(
  store: ProviderStore,
  uploadId: Hex,
  firstStripe: number,
  count: number,
): Window | undefined {
  const overlapping = store.uploads
    .windows(uploadId)
    .filter(
      (window) => window.firstStripe < firstStripe + count && firstStripe < window.firstStripe + window.count,
    );
  const [window] = overlapping;
  if (window === undefined) return undefined;
  if (window.firstStripe === firstStripe && window.count === count) return window;
  throw new MemoError(
    "WINDOW_OVERLAPS",
    `Stripes ${window.firstStripe} to ${window.firstStripe + window.count - 1} are a committed window; ask for exactly these.`,
    { details: { uploadId, firstStripe: window.firstStripe, count: window.count } },
  );
}

async function commitShards(deps: CommitDeps, upload: Upload, firstStripe: number, count: number) {
  const stripes = Array.from({ length: count }, (_, index) => firstStripe + index);
  const missing: number[] = [];
  for (const stripe of stripes) {
    if (!(await deps.store.shards.has(upload.id, stripe))) missing.push(stripe);
  }
  if (missing.length > 0) {
    throw new MemoError(
      "WINDOW_INCOMPLETE",
      `${missing.length} of ${count} shards of the window have not arrived. Send them, then commit again.`,
      { details: { uploadId: upload.id, missing }, retryable: true },
    );
  }
  const window = {
    firstStripe,
    count,
    commitments: new Uint8Array(count * COMMITMENT_BYTES),
    points: new Uint8Array(count * POINT_BYTES),
    digests: new Uint8Array(count * 32),
  };
  await Promise.all(
    stripes.map((stripe, index) =>
      deps.limit(async () => {
        const shard = await deps.store.shards.read(upload.id, stripe);
        window.digests.set(shardDigest(shard), index * 32);
        const commitment = await deps.commit(shard);
        window.commitments.set(commitment, index * COMMITMENT_BYTES);
        window.points.set(deps.decompress(commitment), index * POINT_BYTES);
      }),
    ),
  );
  return window;
}
