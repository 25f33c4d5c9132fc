import type { ProviderChain } from "./chain.ts";
import type { ProviderStore } from "./store/store.ts";

type Chain = Pick<ProviderChain, "self" | "collateral">;

/** Stake in token wei that neither the chain locks nor a signed order or a repair under way will lock. */
export function unpromisedStake(store: ProviderStore, chain: Chain): bigint {
  return (chain.self()?.freeStake ?? 0n) - promised(store, chain);
}

/** Token wei that this epoch's limit leaves for new slots, if all that is promised opens in it. */
export function unpromisedLock(store: ProviderStore, chain: Chain): bigint {
  return (chain.self()?.lockable ?? 0n) - promised(store, chain);
}

function promised(store: ProviderStore, chain: Chain): bigint {
  const signed = store.orders.unopened().map(({ order }) => order.stripes);
  const rebuilt = store.repairs
    .list()
    .flatMap(({ uploadId }) => (uploadId === undefined ? [] : (store.uploads.get(uploadId)?.stripes ?? [])));
  return chain.collateral([...signed, ...rebuilt].reduce((sum, stripes) => sum + stripes, 0));
}
