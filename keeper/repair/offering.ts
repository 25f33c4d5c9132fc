import type { Hex } from "viem";
import type { OrderInfo, ProviderInfo } from "../../protocol/chain/groupTypes.ts";
import { FULL_SHARE } from "../../protocol/chain/parameters.ts";
import { compareEntries, type OfferContent } from "../../protocol/results/exceptions.ts";
import { type BrakeContext, byDanger, isWorthRepair, type LostCandidate } from "./brakes.ts";
import type { FaultHistory } from "./clocks.ts";
import {
  expiredOffersOf,
  hasLiveOffer,
  paritiesOf,
  type RepairContext,
  type RepairIndex,
  vacantSlots,
} from "./context.ts";
import type { Running } from "./lost.ts";
import { type Candidate, chooseAssignee, isTrustworthy, type WantedSlot } from "./offers.ts";

/** What offers follow from. */
export type Offering = {
  readonly context: RepairContext;
  readonly index: RepairIndex;
  readonly history: FaultHistory;
  readonly running: Running;
  readonly brakes: BrakeContext;
  readonly given: readonly LostCandidate[];
};

/** Offers of every slot that wants a holder, most endangered order first, as far as the budget goes. */
export function makeOffers(of: Offering): OfferContent[] {
  const { context } = of;
  const { epoch, seed, state } = context;
  const { parameters } = state;
  const candidates = new Map(trustedProviders(of).map((each) => [each.id, candidateOf(of, each)]));
  const assigned = new Map<Hex, ProviderInfo[]>();
  const offers: OfferContent[] = [];
  for (const { info, slot, lost } of wantedSlots(of)) {
    if (offers.length >= parameters.repairBudget) break;
    const collateral = parameters.collateralPerShard * BigInt(info.order.stripes);
    const now = assigned.get(info.id) ?? [];
    const wanted: WantedSlot = {
      ...placesOf(of, info, slot, lost, now),
      orderId: info.id,
      slot,
      price: info.order.price,
      collateral,
      expiries: expiredOffersOf(info.slots[slot]!, epoch),
    };
    const chosen = chooseAssignee([...candidates.values()], wanted, seed);
    if (chosen === undefined) continue;
    offers.push({
      provider: chosen.id,
      orderId: info.id,
      slot,
      deadline: epoch + 1 + parameters.offerEpochs,
    });
    candidates.set(chosen.id, withFree(chosen, chosen.free - collateral));
    assigned.set(info.id, [...now, state.providers.get(chosen.id)!]);
  }
  return offers.sort((a, b) => a.provider - b.provider || compareEntries(a, b));
}

/** Slots without holder, slots lost now, and slots of providers that leave, most endangered first. */
function wantedSlots({ context, index, running, brakes, given }: Offering) {
  const { epoch, state } = context;
  const lostBy = Map.groupBy(given, ({ orderId }) => orderId);
  const lostOf = (orderId: Hex) => new Set(lostBy.get(orderId)?.map(({ slot }) => slot));
  const ids = new Set([...index.disturbed, ...lostBy.keys()]);
  return [...ids]
    .map((id) => state.orders.get(id)!)
    .filter(({ endEpoch }) => isWorthRepair(endEpoch, brakes))
    .flatMap((info) => {
      const lost = lostOf(info.id);
      const parities = paritiesOf(info);
      const unavailable = vacantSlots(info).length + (running.get(info.id)?.length ?? 0);
      return info.slots
        .filter((slot) => {
          const { holder } = slot;
          if (slot.voided || hasLiveOffer(slot, epoch)) return false;
          if (holder !== undefined)
            return lost.has(slot.slot) || state.providers.get(holder)?.exiting === true;
          return expiredOffersOf(slot, epoch) < state.parameters.offerExpiries;
        })
        .map(({ slot }) => ({ info, orderId: info.id, slot, lost, parities, unavailable }));
    })
    .sort(byDanger);
}

/** Who has to do with the order already, and where its slots are once this one has changed hands. */
function placesOf(
  { context }: Offering,
  info: OrderInfo,
  wanted: number,
  lost: ReadonlySet<number>,
  assigned: readonly ProviderInfo[],
): Pick<WantedSlot, "taken" | "domains"> {
  const { epoch, state } = context;
  const holders = info.slots.flatMap(({ holder }) => holder ?? []);
  const keeping = info.slots.flatMap(({ slot, holder }) =>
    slot === wanted || lost.has(slot) ? [] : (holder ?? []),
  );
  const assignees = info.slots.flatMap((slot) => (hasLiveOffer(slot, epoch) ? slot.offer!.provider : []));
  const now = assigned.map(({ id }) => id);
  const domainOf = (id: number) => state.providers.get(id)?.domain ?? [];
  return {
    taken: new Set([...holders, ...assignees, ...now]),
    domains: [...keeping, ...assignees, ...now].flatMap(domainOf),
  };
}

function trustedProviders({ context, index, history }: Offering): ProviderInfo[] {
  const { epoch, set, setState, state } = context;
  const { coolOffEpochs, minProviderStake } = state.parameters;
  const rule = { epoch, setBlock: set.block ?? -1, coolOffEpochs, minProviderStake };
  return [...state.providers.values()].filter((provider) => {
    const repairs = provider.repairs && setState.providers.get(provider.id)?.repairs === true;
    const lastMissed = history.lastMissed.get(provider.id);
    return isTrustworthy(
      { ...provider, repairs, lastMissed, lastExpired: index.lastExpired.get(provider.id) },
      rule,
    );
  });
}

function candidateOf(
  { context, index }: Offering,
  { id, domain, ask, stake, locked }: ProviderInfo,
): Candidate {
  const earlier = context.setState.providers.get(id);
  const weight = earlier === undefined ? 0n : earlier.stake - earlier.locked;
  const most = (stake * BigInt(context.state.parameters.lockShare)) / FULL_SHARE;
  return withFree(
    { id, domain, ask, free: 0n, weight, most },
    stake - locked - (index.promised.get(id) ?? 0n),
  );
}

/** The same with so much free stake; its chances are never greater. */
function withFree(candidate: Candidate, free: bigint): Candidate {
  return { ...candidate, free, weight: candidate.weight < free ? candidate.weight : free };
}
