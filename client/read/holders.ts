import type { Clock } from "../../protocol/runtime/clock.ts";
import type { GroupView, OpenedOrder } from "../chain/groupView.ts";

/** Who may have the shards of a slot. */
export type ShardSource = {
  readonly slot: number;
  /** Undefined: nobody holds the slot now. */
  readonly provider: number | undefined;
  /** Whether it has lost the slot; it keeps the bytes as long as the dispute about it lasts, and may have them later. */
  readonly former: boolean;
};

/** Who holds the slots of an order now, and who held them. */
export type Holders = {
  /** One source for every slot, then those who held it before. */
  sources(): Promise<readonly ShardSource[]>;
  /** The slot's holder after this one has failed: the same one, another one, or nobody. */
  after(failed: ShardSource): Promise<number | undefined>;
};

/** Milliseconds for which the chain is not asked again because of a provider that had failed before. */
const KEPT_MS = 10_000;

/**
 * Creates the holders of an order. What the chain says is kept until a holder fails: the first failure of each provider
 * asks again at once, later ones no more often than every ten seconds.
 */
export function createHolders(options: {
  view: Pick<GroupView, "orderState" | "slots">;
  clock: Clock;
  opened: OpenedOrder;
}): Holders {
  const { view, clock, opened } = options;
  const { id, order } = opened;
  const failed = new Set<number>();
  let known: { at: number; sources: Promise<readonly ShardSource[]> } | undefined;

  async function read(): Promise<readonly ShardSource[]> {
    const held = order.providers.map((provider, slot) => ({ slot, provider, former: false }));
    if (!(await view.orderState(id)).changed) return held;
    const slots = await view.slots(order);
    const now = slots.map(({ slot, holder }) => ({ slot, provider: holder, former: false }));
    const before = slots.flatMap(({ slot, holder, former }) =>
      [...new Set([former?.provider, order.providers[slot]])]
        .filter((provider) => provider !== undefined && provider !== holder)
        .map((provider) => ({ slot, provider, former: true })),
    );
    return [...now, ...before];
  }

  function ask(): Promise<readonly ShardSource[]> {
    const before = known;
    const asked = { at: clock.now(), sources: read() };
    known = asked;
    asked.sources.catch(() => {
      if (known === asked) known = before;
    });
    return asked.sources;
  }

  return {
    sources: () => known?.sources ?? ask(),
    async after({ slot, provider }) {
      const first = provider !== undefined && !failed.has(provider);
      if (first) failed.add(provider);
      const old = known === undefined || clock.now() - known.at >= KEPT_MS;
      const sources = await (first || old ? ask() : known!.sources);
      return sources.find((source) => source.slot === slot && !source.former)?.provider;
    },
  };
}
