import type { ProviderChain } from "./chain.ts";
import type { ProviderStore } from "./store/store.ts";

/** Stake in token wei that neither the chain locks nor a signed order or a repair under way will lock. */
export function unpromisedStake(
  store: ProviderStore,
  chain: Pick<ProviderChain, "self" | "collateral">,
): bigint {
  const signed = store.orders.unopened().map(({ order }) => order.stripes);
  const rebuilt = store.repairs
    .list()
    .flatMap(({ uploadId }) => (uploadId === undefined ? [] : (store.uploads.get(uploadId)?.stripes ?? [])));
  const shards = [...signed, ...rebuilt].reduce((sum, stripes) => sum + stripes, 0);
  return (chain.self()?.freeStake ?? 0n) - chain.collateral(shards);
}
