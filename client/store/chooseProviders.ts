import { MemoError } from "../../protocol/errors.ts";
import type { RandomBytes } from "../../protocol/object/envelope.ts";
import { formatPolicy, type Policy } from "../../protocol/object/policy.ts";
import type { ListedProvider } from "../chain/members.ts";

/** Hands out providers for slots, the best first, spread over failure domains. */
export type ProviderPool = {
  /**
   * The next provider for a slot: of the domains that hold the fewest slots, the cheapest one.
   * @throws MemoError `NOT_ENOUGH_PROVIDERS` when none is left
   */
  take(): ListedProvider;
  /** Tells that a provider holds no slot after all and is not to be taken again. */
  drop(provider: ListedProvider): void;
  /** Providers that have not been taken. */
  left(): number;
};

function shuffled<Item>(items: readonly Item[], random: RandomBytes): Item[] {
  return items
    .map((item) => ({ item, rank: Buffer.from(random(6)).readUIntBE(0, 6) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/**
 * Makes a pool of the providers whose ask is at most `maxPrice`. Taking from the domains that hold the fewest gives none
 * of them more than ⌈n / domains⌉ slots, until the others have no provider left.
 * @throws MemoError `NOT_ENOUGH_PROVIDERS` when the policy needs more than there are
 */
export function createProviderPool(options: {
  providers: Iterable<ListedProvider>;
  policy: Policy;
  /** Token wei per 2^32 shard-epochs. */
  maxPrice: bigint;
  random: RandomBytes;
}): ProviderPool {
  const all = [...options.providers];
  const affordable = all.filter((provider) => provider.ask <= options.maxPrice);
  const waiting = shuffled(affordable, options.random).sort(
    (a, b) => Number(a.ask - b.ask > 0n) - Number(a.ask - b.ask < 0n),
  );
  const held = new Map<string, number>(waiting.map((provider) => [provider.domain, 0]));
  const { n } = options.policy;

  const refuse = (reason: string) =>
    new MemoError(
      "NOT_ENOUGH_PROVIDERS",
      `${formatPolicy(options.policy)} needs ${n} different providers; ${reason}. Choose a smaller policy, pay more, or wait.`,
      { details: { needed: n, registered: all.length, affordable: affordable.length }, retryable: true },
    );
  if (affordable.length < n) {
    throw refuse(`${affordable.length} of the ${all.length} registered ones ask for no more than the price`);
  }

  return {
    take() {
      const load = (provider: ListedProvider) => held.get(provider.domain) ?? 0;
      const fewest = Math.min(...waiting.map(load));
      const chosen = waiting.find((provider) => load(provider) === fewest);
      if (!chosen) throw refuse("too few of those that ask for no more than the price take part");
      waiting.splice(waiting.indexOf(chosen), 1);
      held.set(chosen.domain, load(chosen) + 1);
      return chosen;
    },
    drop(provider) {
      held.set(provider.domain, (held.get(provider.domain) ?? 1) - 1);
    },
    left: () => waiting.length,
  };
}
