import type { Hex } from "viem";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "./store.ts";

/**
 * Brings the store in line with final chain state: marks orders that opened, forgets signed orders that can
 * no longer open, reservations past their time, and slots whose last window is over. An upload's bytes go
 * when no order needs them. Run it only on state that has caught up with the chain.
 * @param deps `all` = look at open orders too; worth it once an epoch, as they end and change hands by epochs
 * @returns what was removed
 */
export async function sweepStore(deps: { store: ProviderStore; chain: ProviderChain; all: boolean }) {
  const { store, chain } = deps;
  const now = chain.now();
  let orders = 0;
  for (const signed of deps.all ? store.orders.list() : store.orders.unopened()) {
    const onChain = chain.order(signed.id);
    if (onChain === undefined) {
      // Final time is past openBy and no final block opened it: none ever will.
      if (signed.opened || now < Number(signed.order.openBy)) continue;
    } else {
      if (!signed.opened) store.orders.markOpened(signed.id, signed.slot);
      if (now < chain.heldUntil(signed.id, signed.slot)) continue;
    }
    store.orders.remove(signed.id, signed.slot);
    orders++;
  }
  const uploads: Hex[] = store.uploads.expired(now);
  for (const id of uploads) await store.removeUpload(id);
  return { orders, uploads: uploads.length };
}
