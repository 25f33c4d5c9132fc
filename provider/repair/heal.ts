import type { Hex } from "viem";
import { decodePolicy } from "../../protocol/object/policy.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { ChainView } from "../chainView.ts";
import { missedLately } from "../slots.ts";
import type { HeldSlot } from "../store/orders.ts";
import type { ProviderStore } from "../store/store.ts";
import { createRebuilder, type RebuildDeps } from "./rebuild.ts";
import { isHeld, keepShard } from "./rebuildSlot.ts";
import { sourcesOf } from "./sources.ts";

/** Rebuilds own shards that are gone or damaged. */
export type Healer = {
  /** A shard could not be read. */
  note(uploadId: Hex, stripe: number): void;
  /** Rebuilds what can be, one shard after the other; call it once for every current block. */
  run(): void;
  /** Shards that are known to be unreadable. */
  missing(): number;
  /** Whether it rebuilds now. */
  running(): boolean;
  stop(): Promise<void>;
};

/**
 * Rebuilds shards of slots that this provider still holds from k others. Their holders allow it once the chain says
 * that it missed an epoch of late, and slowly: to heal must never be cheaper than to hold.
 */
export function createHealer(deps: {
  store: ProviderStore;
  view: Pick<ChainView, "state" | "self" | "epoch">;
  rebuild: RebuildDeps;
  expand(commitment: Uint8Array): Uint8Array;
  /** Whether the operator wants it. */
  willing: boolean;
  onHealed(): void;
  logger: Logger;
}): Healer {
  const { store, view, logger } = deps;
  const unreadable = new Map<string, { uploadId: Hex; stripe: number }>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  /** A slot over the upload that is this provider's now. */
  const slotOf = (uploadId: Hex): HeldSlot | undefined => {
    const own = view.self()?.id;
    return store.orders.list(uploadId).find(({ id, slot }) => {
      const order = view.state().orders.get(id);
      return order !== undefined && view.epoch() < order.endEpoch && order.slots[slot]?.holder === own;
    });
  };

  const heal = async (held: HeldSlot, stripe: number): Promise<void> => {
    const { id, slot, uploadId, order } = held;
    const rebuilder = createRebuilder(deps.rebuild, {
      orderId: id,
      slot,
      policy: decodePolicy(order.policy),
      sources: () => sourcesOf(view.state(), view.state().orders.get(id)!, slot, view.self()?.id ?? 0),
      commitmentOf: (at, of) => store.uploads.commitmentAt(uploadId, at, of) ?? new Uint8Array(),
    });
    const shard = await rebuilder.rebuild(stripe, stopping.signal);
    await keepShard(store, { uploadId, slot }, stripe, shard, deps.expand);
    deps.onHealed();
    logger.info({ orderId: id, slot, stripe }, "a shard that was lost here is rebuilt");
  };

  const healAll = async (): Promise<void> => {
    for (const [key, { uploadId, stripe }] of unreadable) {
      stopping.signal.throwIfAborted();
      try {
        const held = slotOf(uploadId);
        if (held !== undefined && !(await isHeld(store, uploadId, stripe))) await heal(held, stripe);
        unreadable.delete(key);
      } catch (error) {
        stopping.signal.throwIfAborted();
        logger.warn({ error, uploadId, stripe }, "a lost shard is not rebuilt yet; trying again");
      }
    }
  };

  return {
    note: (uploadId, stripe) => void unreadable.set(`${uploadId}:${stripe}`, { uploadId, stripe }),
    run() {
      const own = view.self()?.id;
      if (!deps.willing || own === undefined || running !== undefined || unreadable.size === 0) return;
      if (!missedLately(view.state(), own, view.epoch())) return;
      running = healAll()
        .catch(() => undefined)
        .finally(() => {
          running = undefined;
        });
    },
    missing: () => unreadable.size,
    running: () => running !== undefined,
    async stop() {
      stopping.abort(new DOMException("the provider stops", "AbortError"));
      await running;
    },
  };
}
