import { encodeAbiParameters, type Hex, keccak256 } from "viem";
import type { EpochSet, GroupState } from "../../../protocol/chain/groupTypes.ts";
import { thresholdsOf } from "../../../protocol/chain/parameters.ts";

/** What an outsider writes down of a certified epoch: who held what, and what was not proven. */
export type LoggedEpoch = {
  readonly epoch: number;
  readonly set: EpochSet;
  readonly missed: readonly number[];
  /** `order:slot` of the set's slots that were not proven in full. */
  readonly unproven: ReadonlySet<string>;
};

export type OraclePlan = {
  readonly lost: readonly { provider: number; orderId: Hex; slot: number }[];
  readonly offers: readonly { provider: number; orderId: Hex; slot: number; deadline: number }[];
};

const place = (orderId: Hex, slot: number) => `${orderId}:${slot}`;

/**
 * Lost slots and offers by the letter of the rules, from the whole log, without any state of its own: slow, and
 * written without a look at how keepers compute them.
 */
export function oraclePlan(of: {
  epoch: number;
  seed: Hex;
  state: GroupState;
  setState: GroupState;
  /** Certified epochs on chain at the cut-off, and the epoch itself as the last one. */
  log: readonly LoggedEpoch[];
}): OraclePlan {
  const { epoch, seed, state, setState, log } = of;
  const p = state.parameters;
  const thresholds = thresholdsOf(p.repairThresholds);
  const open = [...state.orders.values()].filter(({ closed }) => !closed);

  /** Certified epochs, this one included and not the first, for which the holder has left the slot unproven. */
  const ageOf = (orderId: Hex, slot: number, holder: number, since: number): number => {
    let age = -1;
    for (const { set, unproven } of [...log].reverse()) {
      const held = set.slots.find((each) => each.orderId === orderId && each.slot === slot);
      if (held?.provider !== holder || held.since !== since || !unproven.has(place(orderId, slot))) break;
      age++;
    }
    return age;
  };

  const outage = ({ set, unproven }: LoggedEpoch) => {
    let down = 0;
    let all = 0;
    for (const { orderId, slot, stripes } of set.slots) {
      all += stripes;
      if (unproven.has(place(orderId, slot))) down += stripes;
    }
    return down / all > p.freezeShare / 10_000;
  };
  let outages = 0;
  for (const logged of [...log].reverse()) {
    if (!outage(logged)) break;
    outages++;
  }
  const frozen = outages > 0 && outages <= p.freezeEpochs;

  // At any instant, if at least i slots have each been unavailable for T_i, all of those are lost.
  const candidates = open.flatMap((info) => {
    const m = info.order.policy & 0xff;
    const ages = info.slots.map(({ slot, holder, since }) =>
      holder === undefined ? Number.POSITIVE_INFINITY : ageOf(info.id, slot, holder, since),
    );
    const down = ages.filter((age) => age >= 0).length;
    const lost = new Set<number>();
    for (let i = 1; i <= down; i++) {
      const wait = thresholds[Math.min(15, Math.max(0, m - i))]!;
      const long = ages.flatMap((age, slot) => (age >= wait ? [slot] : []));
      if (long.length >= i) for (const slot of long) lost.add(slot);
    }
    return [...lost]
      .filter((slot) => info.slots[slot]!.holder !== undefined)
      .map((slot) => ({ info, slot, spare: m - down, m, down }));
  });
  const danger = (a: { info: { id: Hex }; slot: number; spare: number }, b: typeof a) =>
    a.spare - b.spare || (a.info.id < b.info.id ? -1 : a.info.id > b.info.id ? 1 : a.slot - b.slot);
  const active = open.reduce((sum, { order, slots }) => sum + order.stripes * slots.length, 0);
  let evicted = 0;
  const lost: { provider: number; orderId: Hex; slot: number }[] = [];
  for (const { info, slot, m, down } of candidates.sort(danger)) {
    if (lost.length === p.repairBudget) continue;
    if (info.endEpoch <= epoch + 2 * p.offerEpochs) continue;
    if (info.slots[slot]!.since > epoch - 1) continue;
    if (frozen && down < m - 1) continue;
    if (lost.length > 0 && (evicted + info.order.stripes) / active > p.evictionCap / 10_000) continue;
    evicted += info.order.stripes;
    lost.push({ provider: info.slots[slot]!.holder!, orderId: info.id, slot });
  }

  const isLost = (orderId: Hex, slot: number) =>
    lost.some((each) => each.orderId === orderId && each.slot === slot);
  const wanted = open.flatMap((info) => {
    if (info.endEpoch <= epoch + 2 * p.offerEpochs) return [];
    const m = info.order.policy & 0xff;
    const down = info.slots.filter(
      ({ slot, holder, since }) => holder === undefined || ageOf(info.id, slot, holder, since) >= 0,
    ).length;
    return info.slots
      .filter((slot) => {
        const exits = slot.holder !== undefined && state.providers.get(slot.holder)!.exiting;
        return (slot.holder === undefined || isLost(info.id, slot.slot) || exits) && !slot.voided;
      })
      .filter(({ offer }) => offer === undefined || offer.deadline <= epoch)
      .map((slot) => ({
        ...{ info, slot: slot.slot, spare: m - down, vacant: slot.holder === undefined },
        expiries: slot.expiries + (slot.offer === undefined ? 0 : 1),
      }))
      .filter(({ vacant, expiries }) => !vacant || expiries < p.offerExpiries);
  });
  const offers: OraclePlan["offers"][number][] = [];
  for (const { info, slot, expiries } of wanted.sort(danger)) {
    if (offers.length === p.repairBudget) continue;
    const collateral = p.collateralPerShard * BigInt(info.order.stripes);
    const live = (each: (typeof info.slots)[number]) =>
      each.offer !== undefined && each.offer.deadline > epoch ? each.offer.provider : undefined;
    const promisedTo = (id: number) =>
      open.reduce(
        (sum, other) =>
          sum +
          p.collateralPerShard *
            BigInt(other.order.stripes) *
            BigInt(
              other.slots.filter((each) => live(each) === id).length +
                offers.filter((offer) => offer.provider === id && offer.orderId === other.id).length,
            ),
        0n,
      );
    const inOrder = (id: number) =>
      info.slots.some((each) => each.holder === id || live(each) === id) ||
      offers.some((offer) => offer.orderId === info.id && offer.provider === id);
    const lateness = (id: number) =>
      Math.max(
        -1_000,
        ...log.filter(({ missed }) => missed.includes(id)).map((each) => each.epoch),
        ...state.expiredOffers.filter(({ provider }) => provider === id).map((each) => each.epoch),
        ...open.flatMap((other) =>
          other.slots.flatMap(({ offer }) =>
            offer?.provider === id && offer.deadline <= epoch ? [offer.deadline] : [],
          ),
        ),
      );
    const remaining = [
      ...info.slots.flatMap((each) =>
        each.slot === slot || isLost(info.id, each.slot) ? [] : (each.holder ?? []),
      ),
      ...info.slots.flatMap((each) => live(each) ?? []),
      ...offers.filter(({ orderId }) => orderId === info.id).map(({ provider }) => provider),
    ].map((id) => state.providers.get(id)!.domain);
    const able = [...state.providers.values()]
      .map((provider) => {
        const { id } = provider;
        const free = provider.stake - provider.locked - promisedTo(id);
        const then = setState.providers.get(id);
        const before = then === undefined ? 0n : then.stake - then.locked;
        return { ...provider, free, weight: free < before ? free : before, then };
      })
      .filter(({ id, ask, repairs, exiting, stake, registeredAt, free, weight, then, jailedUntil }) => {
        const fits = ask <= info.order.price && free >= collateral && weight >= collateral;
        const willing =
          repairs && then?.repairs === true && !exiting && registeredAt <= (log.at(-1)!.set.block ?? -1);
        const allowed = jailedUntil < epoch + 2 && collateral * 10_000n <= stake * BigInt(p.lockShare);
        return (
          fits &&
          willing &&
          allowed &&
          stake >= p.minProviderStake &&
          !inOrder(id) &&
          lateness(id) <= epoch - p.coolOffEpochs
        );
      })
      .sort((a, b) => a.id - b.id);
    const crowd = (domain: Hex) => remaining.filter((each) => each === domain).length;
    const least = Math.min(...able.map(({ domain }) => crowd(domain)));
    const tied = able.filter(({ domain }) => crowd(domain) === least);
    if (tied.length === 0) continue;
    const tickets = tied.flatMap(({ id, weight }) => [{ id, weight }]);
    const total = tickets.reduce((sum, { weight }) => sum + weight, 0n);
    const types = [{ type: "bytes32" }, { type: "bytes32" }, { type: "uint32" }, { type: "uint32" }] as const;
    let draw = BigInt(keccak256(encodeAbiParameters(types, [seed, info.id, slot, expiries]))) % total;
    for (const { id, weight } of tickets) {
      if (draw < weight) {
        offers.push({ provider: id, orderId: info.id, slot, deadline: epoch + 1 + p.offerEpochs });
        break;
      }
      draw -= weight;
    }
  }
  const at = (a: { provider: number; orderId: Hex; slot: number }, b: typeof a) =>
    a.provider - b.provider || (a.orderId < b.orderId ? -1 : a.orderId > b.orderId ? 1 : a.slot - b.slot);
  return { lost: lost.sort(at), offers: offers.sort(at) };
}
