import { type Hex, keccak256, stringToBytes } from "viem";
import type {
  CertificateInfo,
  EpochSet,
  GroupState,
  OrderInfo,
  ProviderInfo,
  SetSlot,
  SlotInfo,
} from "../../../protocol/chain/groupTypes.ts";
import { type GroupParameters, packThresholds } from "../../../protocol/chain/parameters.ts";
import type { ExceptionPlan } from "../../../protocol/results/exceptions.ts";
import type { Random } from "../random.ts";

export const COLLATERAL = 10n;
export const MIN_STAKE = 1_000n;

/** Group parameters that lost slots and offers depend on, as small as the embedded group's. */
export const REPAIR_PARAMETERS = {
  minProviderStake: MIN_STAKE,
  collateralPerShard: COLLATERAL,
  evictionCap: 5_000,
  repairThresholds: packThresholds([2, 2, 3, 4]),
  offerEpochs: 3,
  offerExpiries: 3,
  coolOffEpochs: 4,
  freezeShare: 5_000,
  freezeEpochs: 4,
  repairBudget: 64,
  rejoinEpochs: 4,
  lockShare: 10_000,
  blobAnswers: false,
  samples: 4,
  maxGap: 6,
} as const;

export type RepairParameters = Partial<Pick<GroupParameters, keyof typeof REPAIR_PARAMETERS>>;

export const hash = (text: string): Hex => keccak256(stringToBytes(text));

export const policyOf = (k: number, m: number) => (1 << 16) | (k << 8) | m;

export function slotInfo(slot: number, more: Partial<SlotInfo> = {}): SlotInfo {
  return {
    slot,
    holder: undefined,
    since: 0,
    former: undefined,
    formerSince: undefined,
    until: undefined,
    voided: false,
    changed: false,
    offer: undefined,
    expiries: 0,
    ...more,
  } as SlotInfo;
}

/** An order of rs(k,m) whose slots are held by the given providers; undefined = vacant. */
export function orderInfo(of: {
  name: string;
  holders: readonly (number | undefined)[];
  m: number;
  stripes?: number;
  price?: bigint;
  startEpoch?: number;
  endEpoch?: number;
  sequence?: number;
  slots?: readonly Partial<SlotInfo>[];
}): OrderInfo {
  const { name, holders, m, stripes = 4, price = 100n, startEpoch = 0, endEpoch = 1_000 } = of;
  return {
    id: hash(name),
    order: {
      providers: holders.map((holder) => holder ?? 0),
      policy: policyOf(holders.length - m, m),
      stripes,
      price,
      startEpoch,
      endEpoch,
      shardRoot: hash(`${name} root`),
    },
    sequence: of.sequence ?? 0,
    endEpoch,
    closed: false,
    settledTo: startEpoch,
    slots: holders.map((holder, slot) =>
      slotInfo(slot, { since: startEpoch, ...(holder === undefined ? {} : { holder }), ...of.slots?.[slot] }),
    ),
  } as unknown as OrderInfo;
}

export function providerInfo(id: number, more: Partial<ProviderInfo> = {}): ProviderInfo {
  return {
    id,
    domain: hash(`domain ${id}`),
    ask: 100n,
    repairs: true,
    stake: 100_000n,
    locked: 0n,
    jailedUntil: 0,
    exiting: false,
    registeredAt: 0,
    ...more,
  } as unknown as ProviderInfo;
}

export function groupState(of: {
  orders: readonly OrderInfo[];
  providers: readonly ProviderInfo[];
  parameters?: RepairParameters;
  more?: Partial<GroupState>;
}): GroupState {
  return {
    parameters: { ...REPAIR_PARAMETERS, ...of.parameters },
    orders: new Map(of.orders.map((order) => [order.id, order])),
    providers: new Map(of.providers.map((provider) => [provider.id, provider])),
    certificates: new Map(),
    expiredOffers: [],
    ...of.more,
  } as unknown as GroupState;
}

/** The set of an epoch: held slots of open orders. */
export function setAt(state: GroupState, epoch: number): EpochSet {
  const slots: SetSlot[] = [...state.orders.values()]
    .filter(({ closed, order, endEpoch }) => !closed && order.startEpoch <= epoch && epoch < endEpoch)
    .sort((a, b) => a.sequence - b.sequence)
    .flatMap(({ id, order, sequence, slots: all }) =>
      all.flatMap(({ slot, holder, since, changed }) =>
        holder === undefined || since > epoch
          ? []
          : [
              {
                ...{ orderId: id, slot, provider: holder, since, changed, sequence },
                stripes: order.stripes,
                shardRoot: order.shardRoot,
              },
            ],
      ),
    );
  const byProvider = new Map([...Map.groupBy(slots, ({ provider }) => provider)].sort(([a], [b]) => a - b));
  return { epoch, slots, byProvider, block: epoch };
}

const patched = (info: OrderInfo, slot: number, more: Partial<SlotInfo>): OrderInfo => ({
  ...info,
  slots: info.slots.map((each) => (each.slot === slot ? { ...each, ...more } : each)),
});

/** What the contracts make of a certificate with this plan, applied at once. */
export function applyPlan(
  state: GroupState,
  certificate: Pick<CertificateInfo, "epoch" | "exceptions">,
  plan: ExceptionPlan,
): GroupState {
  const { epoch } = certificate;
  const orders = new Map(state.orders);
  const expired = [...state.expiredOffers];
  for (const { provider, entries } of plan.lost) {
    for (const { orderId, slot } of entries) {
      const info = orders.get(orderId)!;
      const { since, holder } = info.slots[slot]!;
      if (holder !== provider || info.endEpoch <= epoch) continue;
      orders.set(
        orderId,
        patched(info, slot, {
          ...{ holder: undefined, former: provider, until: epoch, since, expiries: 0, offer: undefined },
          changed: true,
        }),
      );
    }
  }
  for (const { provider, orderId, slot, deadline } of plan.offers) {
    const info = orders.get(orderId)!;
    const { offer, expiries, holder } = info.slots[slot]!;
    const leaves = holder !== undefined && state.providers.get(holder)?.exiting === true;
    if ((holder !== undefined && !leaves) || (offer !== undefined && offer.deadline > epoch)) continue;
    const lapsed = offer === undefined ? 0 : 1;
    orders.set(
      orderId,
      patched(info, slot, { offer: { provider, epoch, deadline }, expiries: expiries + lapsed }),
    );
  }
  return {
    ...state,
    orders,
    expiredOffers: expired,
    certificates: new Map([...state.certificates, [epoch, certificate as CertificateInfo]]),
    lastCertified: epoch,
  };
}

/** Offers over when `epoch` starts join the expired ones; assignees accept by chance. */
export function acceptOffers(state: GroupState, epoch: number, random: Random, chance: number): GroupState {
  let { orders, providers } = state;
  const expired = [...state.expiredOffers];
  for (const info of state.orders.values()) {
    for (const { slot, offer, holder } of info.slots) {
      if (offer?.deadline === epoch - 1) expired.push({ provider: offer.provider, epoch: offer.deadline });
      if (offer === undefined || offer.deadline < epoch || !random.chance(chance)) continue;
      const changes = { holder: offer.provider, since: epoch + 1, offer: undefined, expiries: 0 };
      const former = holder === undefined ? {} : { former: holder, until: epoch + 1 };
      orders = new Map(orders).set(
        info.id,
        patched(orders.get(info.id)!, slot, { ...changes, ...former, changed: true }),
      );
      const provider = providers.get(offer.provider)!;
      const locked = provider.locked + COLLATERAL * BigInt(info.order.stripes);
      providers = new Map(providers).set(provider.id, { ...provider, locked });
    }
  }
  return { ...state, orders, providers, expiredOffers: expired };
}
