import type { GroupState, OrderInfo } from "../../protocol/chain/groupTypes.ts";

/** Who may have the shards of one slot. */
export type Source = { readonly slot: number; readonly provider: number; readonly endpoint: string };

/** Where the shards of a slot can be rebuilt from. */
export type Sources = {
  /** The slot's own holder that hands it over: one shard of it is worth k of the others'. */
  readonly holder: Source | undefined;
  /** Holders of the other slots. */
  readonly holders: readonly Source[];
  /** Last holders of other slots that are vacant: they keep the bytes for a while. */
  readonly formers: readonly Source[];
  /** Who lost the slot and may have most of its shards still: the last resort. */
  readonly former: Source | undefined;
};

/** Sources of a slot for provider `self`. */
export function sourcesOf(state: GroupState, order: OrderInfo, slot: number, self: number): Sources {
  const source = (of: number, provider: number | undefined): Source | undefined => {
    const endpoint = provider === undefined ? undefined : state.providers.get(provider)?.endpoint;
    return provider === undefined || provider === self || endpoint === undefined
      ? undefined
      : { slot: of, provider, endpoint };
  };
  const others = order.slots.filter((info) => info.slot !== slot);
  const holders = others.flatMap((info) => source(info.slot, info.holder) ?? []);
  const formers = others.flatMap((info) =>
    info.holder === undefined ? (source(info.slot, info.former) ?? []) : [],
  );
  const own = order.slots[slot];
  return {
    holder: source(slot, own?.holder),
    holders,
    formers,
    former: own?.holder === undefined ? source(slot, own?.former) : undefined,
  };
}
