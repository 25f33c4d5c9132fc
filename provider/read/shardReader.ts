import type { Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import type { ProviderStore } from "../store/store.ts";
import { shardDigest } from "../upload/putShard.ts";

/**
 * Reads shards and checks them against the digest of what was committed to, so that a rotten bit costs one
 * shard and not a whole proof.
 * @throws SHARD_UNREADABLE
 */
export function createShardReader(deps: {
  store: ProviderStore;
  onUnreadable(uploadId: Hex, stripe: number): void;
}) {
  const { store } = deps;
  return async (uploadId: Hex, stripe: number): Promise<Uint8Array> => {
    try {
      const bytes = await store.shards.read(uploadId, stripe);
      const window = store.uploads.windowOf(uploadId, stripe);
      const at = (stripe - (window?.firstStripe ?? 0)) * 32;
      if (window && Buffer.compare(window.digests.subarray(at, at + 32), shardDigest(bytes)) === 0)
        return bytes;
      throw new MemoError("SHARD_UNREADABLE", `Shard ${stripe} of upload ${uploadId} is damaged here.`, {
        details: { uploadId, stripe },
      });
    } catch (error) {
      deps.onUnreadable(uploadId, stripe);
      throw error;
    }
  };
}

export type ShardReader = ReturnType<typeof createShardReader>;
