import { type Hex, stringToHex } from "viem";
import type { Emission } from "./eventSource.ts";
import { address, ORDER, PAYER, providerOperator } from "./history.ts";
import { type Emitting, hash, PARAMETERS, type World } from "./world.ts";

const event = (name: string, args: Record<string, unknown>): Emission => ({ name, args });
const from = (part: Emitting["part"], ...events: Emission[]): Emitting => ({ part, events });

/** What every slot of the order locks. */
export const COLLATERAL = PARAMETERS.collateralPerShard * BigInt(ORDER.stripes);
export const CHALLENGER = address(0xc0);
export const REPORTER = address(0xc1);

type SlotOf = { readonly order?: Hex; readonly slot: number };
const orderOf = (place: SlotOf): Hex => place.order ?? ORDER.id;

/** A provider that takes repairs. */
export async function registerRepairer(world: World, id: number): Promise<void> {
  await world.emit("staking", "registerProvider", [
    event("ProviderRegistered", {
      ...{ providerId: id, owner: address(0x50 + id), operator: providerOperator(id) },
      ...{
        domain: hash(`domain ${id}`),
        ask: 900n,
        repairs: true,
        endpoint: `/ip4/127.0.0.1/tcp/90${id}`,
      },
    }),
    event("StakeDeposited", { role: 0, id, amount: 10_000n, stake: 10_000n }),
  ]);
}

export type Tenure = SlotOf & { readonly providerId: number; readonly since: number; readonly until: number };

export function evicted({ providerId, slot, since, until, order }: Tenure): Emitting {
  return from(
    "repairs",
    event("SlotEvicted", { orderId: order ?? ORDER.id, providerId, slot, since, until }),
  );
}

/** Keepers say that a provider lost slots: those are evicted, one more entry is dropped. */
export function lost(
  epoch: number,
  providerId: number,
  tenures: readonly (Tenure & { readonly stripe: number })[],
  options: { readonly isProtected?: boolean; readonly dropped?: boolean } = {},
): Emitting[] {
  const record = { epoch, providerId, part: 0 };
  const entries = tenures.map(({ slot, stripe, since, until, ...rest }) => ({
    ...{ orderId: orderOf({ slot, ...rest }), slot, stripe, since, until, stripes: 100 },
  }));
  const reason = stringToHex("HOLDER_NEW", { size: 32 });
  return [
    ...tenures.map(evicted),
    from(
      "disputes",
      ...(options.dropped ? [event("LostEntryDropped", { ...record, index: tenures.length, reason })] : []),
      event("LostRecorded", {
        ...{ ...record, draw: hash(`draw ${epoch}`), deadline: 1_900_000_000n, deadlineBlock: 77n },
        ...{ isProtected: options.isProtected ?? false, entries },
      }),
    ),
  ];
}

export function offered(
  place: SlotOf & { readonly providerId: number; readonly epoch: number; readonly deadline: number },
): Emitting {
  const { order: _, ...rest } = place;
  return from("repairs", event("RepairOffered", { orderId: orderOf(place), ...rest }));
}

export function offerExpired(place: SlotOf & { providerId: number; expiries: number }): Emitting {
  const { order: _, ...rest } = place;
  return from("repairs", event("RepairOfferExpired", { orderId: orderOf(place), ...rest }));
}

/** The leaves of an epoch are all applied. */
export function finished(epoch: number, leaves: number, gap = 0): Emitting {
  return from(
    "settlement",
    event("ExceptionsApplied", { epoch, from: 0, to: leaves }),
    event("EpochFinished", { epoch, lapsed: false, gap, dead: 0 }),
  );
}

export type Acceptance = SlotOf & {
  readonly providerId: number;
  readonly since: number;
  readonly former: number;
  readonly until: number;
  readonly vacancyPay: bigint;
};

export function accepted(place: Acceptance): Emitting[] {
  const { order: _, ...rest } = place;
  const orderId = orderOf(place);
  const { providerId } = place;
  return [
    from("staking", event("CollateralLocked", { providerId, orderId, amount: COLLATERAL })),
    from("repairs", event("RepairAccepted", { orderId, ...rest })),
  ];
}

export type Split = {
  readonly toPayer: bigint;
  readonly toPot: bigint;
  readonly toTreasury: bigint;
  readonly toChallenger: bigint;
};

/** The collateral of an evicted slot is taken and handed out; `stake` is what the provider keeps. */
export function slashed(
  place: SlotOf & { readonly providerId: number; readonly until: number; readonly stake: bigint },
  split: Split,
): Emitting[] {
  const { providerId, slot, until, stake } = place;
  const orderId = orderOf(place);
  const amount = split.toPayer + split.toPot + split.toTreasury + split.toChallenger;
  const credits = [
    event("PayerCredited", { payer: PAYER, orderId, amount: split.toPayer }),
    event("TreasuryCredited", { term: 0, orderId, amount: split.toTreasury }),
    ...(split.toChallenger === 0n
      ? []
      : [event("PayerCredited", { payer: CHALLENGER, orderId, amount: split.toChallenger })]),
  ];
  return [
    from("staking", event("ProviderSlashed", { providerId, orderId, amount, stake })),
    from("orders", ...credits),
    from("disputes", event("CollateralSlashed", { providerId, orderId, slot, until, ...split })),
    from("repairs", event("VacancyClosed", { orderId, slot, until, pot: split.toPot, slashed: true })),
  ];
}

/** The collateral of an evicted slot is free again. */
export function spared(place: SlotOf & { readonly providerId: number; readonly until: number }): Emitting[] {
  const { providerId, slot, until } = place;
  const [orderId, amount] = [orderOf(place), COLLATERAL];
  return [
    from("staking", event("CollateralReleased", { providerId, orderId, amount })),
    from("disputes", event("CollateralSpared", { providerId, orderId, slot, until, amount })),
    from("repairs", event("VacancyClosed", { orderId, slot, until, pot: 0n, slashed: false })),
  ];
}

export function recordClosed(epoch: number, providerId: number, wasSlashed: boolean): Emitting {
  return from("disputes", event("RecordClosed", { epoch, providerId, part: 0, slashed: wasSlashed }));
}

export function appealAccepted(epoch: number, providerId: number, protectedTo: number): Emitting {
  return from("disputes", event("AppealAccepted", { epoch, providerId, part: 0, protectedTo }));
}

/** The new holder has proven its shards; the former one's collateral, or the reserve, pays it. */
export function bonusPaid(
  place: SlotOf & { providerId: number; until: number; amount: bigint; refunded: bigint },
): Emitting[] {
  const { order: _, ...rest } = place;
  const { providerId, amount, refunded } = place;
  const orderId = orderOf(place);
  return [
    from(
      "orders",
      event("ProviderCredited", { providerId, orderId, amount }),
      ...(refunded === 0n ? [] : [event("PayerCredited", { payer: PAYER, orderId, amount: refunded })]),
    ),
    from("repairs", event("BonusPaid", { orderId, ...rest })),
  ];
}

export function bonusForfeited(place: SlotOf & { until: number; toTreasury: bigint }): Emitting[] {
  const { slot, until, toTreasury } = place;
  const orderId = orderOf(place);
  return [
    from("orders", event("TreasuryCredited", { term: 0, orderId, amount: toTreasury })),
    from("repairs", event("BonusForfeited", { orderId, slot, until, toTreasury, refunded: 0n })),
  ];
}

export function challenged(
  id: bigint,
  ticket: SlotOf & {
    providerId: number;
    since: number;
    until?: number;
    stripe: number;
    bond: bigint;
    ownerLane?: boolean;
  },
): Emitting {
  const { providerId, slot, stripe, since, until = 0, bond, ownerLane = false } = ticket;
  return from(
    "disputes",
    event("ChallengeOpened", {
      ...{ id, providerId, challenger: CHALLENGER },
      ticket: {
        ...{
          id,
          orderId: orderOf(ticket),
          slot,
          stripe,
          providerId,
          since,
          until,
          challenger: CHALLENGER,
        },
        ...{
          bond,
          deadline: 1_900_000_300n,
          deadlineBlock: 99n,
          draw: hash(`challenge ${id}`),
          ownerLane,
          asBlob: false,
        },
      },
    }),
  );
}

export function answered(id: bigint, providerId: number, reimbursed: bigint): Emitting {
  const by = providerOperator(providerId);
  return from("disputes", event("ChallengeAnswered", { id, providerId, by, reimbursed }));
}

export function unanswered(id: bigint, providerId: number, reward: bigint, wasEvicted: boolean): Emitting {
  return from("disputes", event("ChallengeUnanswered", { id, providerId, reward, evicted: wasEvicted }));
}

/** The challenger takes no coin. */
export function forfeited(id: bigint, amount: bigint): Emitting {
  return from("disputes", event("BondForfeited", { id, challenger: CHALLENGER, amount }));
}

export function voided(place: SlotOf): Emitting {
  return from("repairs", event("SlotVoided", { orderId: orderOf(place), slot: place.slot }));
}

export function exiting(providerId: number, leaves: boolean): Emitting {
  return from("staking", event("ProviderExiting", { providerId, exiting: leaves }));
}

/** A clean exit: another provider takes the slot from the one that leaves, which pays the bonus. */
export function handedOver(place: Acceptance, bonus: bigint, stake: bigint): Emitting[] {
  const { slot, former, until } = place;
  const orderId = orderOf(place);
  return [
    ...accepted(place),
    from(
      "staking",
      event("ProviderSlashed", { providerId: former, orderId, amount: bonus, stake }),
      event("CollateralReleased", { providerId: former, orderId, amount: COLLATERAL - bonus }),
    ),
    from("repairs", event("VacancyClosed", { orderId, slot, until, pot: bonus, slashed: true })),
  ];
}

/** A keeper signed two results of one round. */
export function equivocated(keeperId: number, seat: number, amount: bigint, reward: bigint): Emitting[] {
  return [
    from(
      "staking",
      event("KeeperUnseated", { keeperId, seat, by: 0 }),
      event("KeeperSlashed", { keeperId, reporter: REPORTER, amount, reward }),
    ),
    from(
      "settlement",
      event("KeeperMasked", { keeperId }),
      event("EquivocationReported", {
        ...{ keeperId, reporter: REPORTER, epoch: 12, round: 1, slashed: amount, reward },
      }),
    ),
  ];
}

export function settledPage(
  fromEpoch: number,
  toEpoch: number,
  paid: { toProviders: bigint; refunded: bigint },
  order: Hex = ORDER.id,
): Emitting {
  const fees = { toKeepers: 1_000n, toTreasury: 250n };
  return from("orders", event("OrderSettled", { orderId: order, fromEpoch, toEpoch, ...paid, ...fees }));
}

export function closedOrder(order: Hex = ORDER.id): Emitting {
  return from("orders", event("OrderClosed", { orderId: order }));
}
