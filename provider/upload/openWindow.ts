import type { WindowContext } from "../../protocol/challenge/transcript.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "../store/store.ts";
import { findWindow } from "./commitWindow.ts";
import { assertStripes, type Caller, requireUpload } from "./uploadAccess.ts";

export type OpenDeps = {
  store: ProviderStore;
  chain: ProviderChain;
  /** Runs a task when few enough others run: each holds a window of shards in memory. */
  limit<Result>(task: () => Promise<Result>): Promise<Result>;
  /** Opens the weighted sum of the shards as the window's transcript says. */
  openWindow(window: {
    context: WindowContext;
    commitments: Uint8Array;
    shards: readonly Uint8Array[];
  }): Promise<{ y: Uint8Array; proof: Uint8Array }>;
};

/**
 * Opens the weighted sum of a committed window at the point that the user's nonce gives, which shows the
 * user that the commitments are those of the bytes it sent.
 * @throws WINDOW_NOT_COMMITTED, WINDOW_OVERLAPS, STRIPE_OUT_OF_RANGE, SHARD_UNREADABLE, and what
 * {@link requireUpload} throws
 */
export function createOpenWindow(deps: OpenDeps) {
  const { store, chain } = deps;
  return async (
    request: RequestOf<ProviderMethods, "openWindow">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "openWindow">> => {
    const { uploadId, firstStripe, count, nonce } = request;
    const upload = requireUpload(deps, caller, request);
    assertStripes(upload, firstStripe, count);
    const window = findWindow(store, uploadId, firstStripe, count);
    const self = chain.self();
    if (window === undefined || self === undefined) {
      throw new MemoError("WINDOW_NOT_COMMITTED", "Ask for the window's commitments first.", {
        details: { uploadId, firstStripe, count },
      });
    }
    const context = {
      chainId: chain.chainId,
      group: chain.group,
      nonce,
      provider: self.id,
      slot: upload.slot,
      firstStripe,
    };
    return deps.limit(async () => {
      const shards: Uint8Array[] = [];
      for (let stripe = firstStripe; stripe < firstStripe + count; stripe++) {
        shards.push(await store.shards.read(uploadId, stripe));
      }
      const opening = await deps.openWindow({ context, commitments: window.commitments, shards });
      store.uploads.markProven(uploadId, firstStripe);
      return opening;
    });
  };
}
