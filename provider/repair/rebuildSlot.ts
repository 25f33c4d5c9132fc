import type { Hex } from "viem";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { slotRoot } from "../../protocol/merkle/slotRoot.ts";
import type { Order } from "../../protocol/order.ts";
import type { ProviderStore } from "../store/store.ts";
import { shardDigest } from "../upload/putShard.ts";
import { ensureCommitments, type GetCommitments } from "./commitments.ts";
import type { Rebuilder } from "./rebuild.ts";
import type { Source } from "./sources.ts";

/** Stripes of one slot that are in memory at once: k + 2 shards each. */
const STRIPES_AT_ONCE = 3;

export type SlotPlace = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly order: Order;
  /** Where the shards are kept. */
  readonly uploadId: Hex;
};

/**
 * Rebuilds a slot, a few stripes at a time. Each stripe is durable once it is done, and a slot that was begun before
 * goes on where it stopped.
 * @throws COMMITMENTS_UNAVAILABLE, SLOT_ROOT_WRONG, OUT_OF_SPACE, the signal's reason, and what the rebuilder throws
 */
export async function rebuildSlot(
  deps: {
    store: ProviderStore;
    rebuilder: Rebuilder;
    getCommitments: GetCommitments;
    /** Uncompressed form of a commitment that is known to be right. */
    expand(commitment: Uint8Array): Uint8Array;
  },
  of: SlotPlace & {
    sources(): readonly Source[];
    /** Told about each stripe that is there, with the bytes that had to be written for it. */
    onStripe(written: number): void;
    signal: AbortSignal;
  },
): Promise<void> {
  const { store } = deps;
  const { orderId, order, uploadId, signal } = of;
  const { getCommitments } = deps;
  await ensureCommitments({ store, uploadId, orderId, order, sources: of.sources(), getCommitments, signal });

  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  let next = 0;
  const lane = async () => {
    while (next < order.stripes) {
      either.throwIfAborted();
      of.onStripe(await ensureStripe(deps, of, next++, either));
    }
  };
  const lanes = Array.from({ length: STRIPES_AT_ONCE }, () =>
    lane().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  // All lanes end before this does: what is given up is removed next.
  const failure = (await Promise.allSettled(lanes)).find((result) => result.status === "rejected");
  signal.throwIfAborted();
  if (failure !== undefined) throw failed.signal.reason;
  assertRoot(store, of);
}

/** @returns bytes written, 0 when the shard was there */
async function ensureStripe(
  deps: Parameters<typeof rebuildSlot>[0],
  place: SlotPlace,
  stripe: number,
  signal: AbortSignal,
): Promise<number> {
  const { store } = deps;
  const { uploadId } = place;
  if (await isHeld(store, uploadId, stripe)) return 0;
  const shard = await deps.rebuilder.rebuild(stripe, signal);
  signal.throwIfAborted();
  await keepShard(store, place, stripe, shard, deps.expand);
  return shard.length;
}

/** Whether the shard is there and is what was committed to. */
export async function isHeld(store: ProviderStore, uploadId: Hex, stripe: number): Promise<boolean> {
  const window = store.uploads.windowOf(uploadId, stripe);
  if (window === undefined) return false;
  const at = (stripe - window.firstStripe) * 32;
  const bytes = await store.shards.read(uploadId, stripe).catch(() => undefined);
  return (
    bytes !== undefined && Buffer.compare(shardDigest(bytes), window.digests.subarray(at, at + 32)) === 0
  );
}

/** Stores a shard that fits its commitment: the bytes first, then what says that they are there. */
export async function keepShard(
  store: ProviderStore,
  { uploadId, slot }: Pick<SlotPlace, "uploadId" | "slot">,
  stripe: number,
  shard: Uint8Array,
  expand: (commitment: Uint8Array) => Uint8Array,
): Promise<void> {
  await store.shards.write(uploadId, stripe, shard);
  if (store.uploads.windowOf(uploadId, stripe) !== undefined) return;
  const commitments = store.uploads.commitmentAt(uploadId, slot, stripe);
  if (commitments === undefined) return;
  const points = expand(commitments);
  store.uploads.insertWindow(uploadId, {
    firstStripe: stripe,
    count: 1,
    commitments,
    points,
    digests: shardDigest(shard),
  });
}

/** What stands in the windows is what will be proven: it has to be the slot that the order fixes. */
function assertRoot(store: ProviderStore, { orderId, uploadId, slot, order }: SlotPlace): void {
  const built = new Uint8Array(order.stripes * COMMITMENT_BYTES);
  for (const { firstStripe, commitments } of store.uploads.windows(uploadId)) {
    built.set(commitments, firstStripe * COMMITMENT_BYTES);
  }
  const expected = store.uploads.slotCommitments(uploadId, slot);
  if (expected !== undefined && slotRoot(built) === slotRoot(expected)) return;
  throw new MemoError("SLOT_ROOT_WRONG", "The rebuilt slot is not the one that the order fixes.", {
    details: { orderId, slot },
  });
}
