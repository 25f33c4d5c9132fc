import { vacancyKey } from "../../../protocol/chain/disputeTypes.ts";
import type { GroupLog } from "../../../protocol/chain/groupContracts.ts";
import { address, GENESIS, hash, logOf, openedLog, registeredLog, testDeployment } from "./blocks.ts";

/**
 * A group as plainly as it can be told: does what is legal at the moment and says which events the contracts would
 * emit. What a reducer makes of the events is compared with it.
 */

const { epochLength, maxGap, coolOffEpochs } = testDeployment.groups[0]!.parameters;
const COLLATERAL = 10n;
const BONUS = 2n;
const PROVIDERS = 6;

export type WorldSlot = {
  holder: number | undefined;
  since: number;
  until: number | undefined;
  expiries: number;
  offer: { provider: number; deadline: number } | undefined;
  voided: boolean;
};
type WorldOrder = { id: number; endEpoch: number; closed: boolean; slots: WorldSlot[] };
type WorldRecord = {
  key: { epoch: number; providerId: number; part: number };
  order: WorldOrder;
  slot: number;
  until: number;
  status: "open" | "appealed" | "closed";
  closedIn: number | undefined;
};
type Vacancy = {
  order: WorldOrder;
  slot: number;
  until: number;
  pot: bigint;
  reserved: bigint;
  closed: boolean;
};

/** Picks one of several, by the choices that a test draws. */
type Pick = (count: number) => number;

export type World = ReturnType<typeof createWorld>;

export function createWorld() {
  const orders: WorldOrder[] = [];
  const records: WorldRecord[] = [];
  const vacancies: Vacancy[] = [];
  const challenges = new Map<bigint, object>();
  const providers = new Map<number, { stake: bigint; locked: bigint; exiting: boolean }>();
  const expired: { provider: number; epoch: number }[] = [];
  let time = GENESIS;
  let challenged = 0n;
  const epochNow = () => Math.floor((time - GENESIS) / epochLength);

  const start: GroupLog[] = [];
  for (let id = 1; id <= PROVIDERS; id++) {
    providers.set(id, { stake: 1_000n, locked: 0n, exiting: false });
    start.push(registeredLog(id));
    start.push(logOf("staking", "StakeDeposited", { role: 0, id, amount: 1_000n, stake: 1_000n }));
  }

  const collateral = (provider: number, name: "CollateralLocked" | "CollateralReleased", amount: bigint) => {
    providers.get(provider)!.locked += name === "CollateralLocked" ? amount : -amount;
    return logOf("staking", name, { providerId: provider, orderId: hash(1), amount });
  };
  const slash = (provider: number, amount: bigint) => {
    const its = providers.get(provider)!;
    its.locked -= amount;
    its.stake -= amount;
    return logOf("staking", "ProviderSlashed", {
      providerId: provider,
      orderId: hash(1),
      amount,
      stake: its.stake,
    });
  };
  const repairs = (order: WorldOrder, slot: number, name: GroupLog["eventName"], args: object) =>
    logOf("repairs", name, { orderId: hash(order.id), slot, ...args });
  const eachSlot = () =>
    orders.flatMap((order) => order.slots.map((slot, index) => ({ order, slot, index })));
  const openSlots = () => eachSlot().filter(({ order }) => !order.closed);
  const lapsed = (order: WorldOrder, index: number): GroupLog[] => {
    const slot = order.slots[index]!;
    if (slot.offer === undefined || slot.offer.deadline >= epochNow()) return [];
    const { provider } = slot.offer;
    slot.offer = undefined;
    slot.expiries += 1;
    return [repairs(order, index, "RepairOfferExpired", { providerId: provider, expiries: slot.expiries })];
  };
  const closeVacancy = (of: Vacancy, pot: bigint, slashed: boolean) => {
    of.pot = pot;
    of.closed = true;
    return repairs(of.order, of.slot, "VacancyClosed", { until: of.until, pot, slashed });
  };

  /** What can happen; each gives the events, or none when it is not legal now. */
  const actions: ((pick: Pick) => GroupLog[])[] = [
    function open(pick) {
      const first = pick(PROVIDERS);
      const holders = [0, 1, 2].map((step) => ((first + step) % PROVIDERS) + 1);
      const startEpoch = epochNow() + 1;
      const slots = holders.map((holder) => ({
        holder,
        since: startEpoch,
        until: undefined,
        expiries: 0,
        offer: undefined,
        voided: false,
      }));
      const order = { id: orders.length + 1, endEpoch: startEpoch + 30, closed: false, slots };
      orders.push(order);
      return [
        openedLog(order.id, { sequence: order.id, startEpoch, endEpoch: order.endEpoch, providers: holders }),
        ...holders.map((holder) => collateral(holder, "CollateralLocked", COLLATERAL)),
      ];
    },
    function evict(pick) {
      const held = openSlots().filter(({ slot }) => slot.holder !== undefined && slot.since < epochNow());
      const found = held[pick(held.length)];
      if (found === undefined) return [];
      const { order, slot, index } = found;
      const key = { epoch: epochNow(), providerId: slot.holder!, part: records.length };
      const [since, until] = [slot.since, epochNow()];
      const expiry = lapsed(order, index);
      Object.assign(slot, { holder: undefined, until, expiries: 0 });
      records.push({ key, order, slot: index, until, status: "open", closedIn: undefined });
      vacancies.push({ order, slot: index, until, pot: 0n, reserved: 0n, closed: false });
      const entries = [{ orderId: hash(order.id), slot: index, stripe: 0, since, until }];
      const windows = { draw: hash(3), deadline: 9n, deadlineBlock: 9n, isProtected: false };
      return [
        ...expiry,
        repairs(order, index, "SlotEvicted", { providerId: key.providerId, since, until }),
        logOf("disputes", "LostRecorded", { ...key, ...windows, entries }),
      ];
    },
    function offer(pick) {
      const wanted = openSlots().filter(
        ({ slot }) =>
          !slot.voided &&
          (slot.holder === undefined || providers.get(slot.holder)!.exiting) &&
          (slot.offer === undefined || slot.offer.deadline < epochNow()),
      );
      const found = wanted[pick(wanted.length)];
      if (found === undefined) return [];
      const { order, slot, index } = found;
      const expiry = lapsed(order, index);
      const [provider, deadline] = [pick(PROVIDERS) + 1, epochNow() + pick(3)];
      slot.offer = { provider, deadline };
      return [
        ...expiry,
        repairs(order, index, "RepairOffered", { providerId: provider, epoch: epochNow(), deadline }),
      ];
    },
    function accept(pick) {
      const offered = openSlots().filter(
        ({ order, slot }) =>
          slot.offer !== undefined &&
          slot.offer.deadline >= epochNow() &&
          slot.since < epochNow() + 1 &&
          order.slots.every(({ holder }) => holder !== slot.offer!.provider),
      );
      const found = offered[pick(offered.length)];
      if (found === undefined) return [];
      const { order, slot, index } = found;
      const [provider, leaving, since] = [slot.offer!.provider, slot.holder, epochNow() + 1];
      const until = leaving === undefined ? slot.until! : since;
      const former = leaving ?? 1;
      const reserved = leaving === undefined ? BigInt(pick(2)) : 0n;
      Object.assign(slot, { holder: provider, since, until, offer: undefined, expiries: 0 });
      const args = { providerId: provider, since, former, until, vacancyPay: reserved };
      const logs = [
        repairs(order, index, "RepairAccepted", args),
        collateral(provider, "CollateralLocked", COLLATERAL),
      ];
      if (leaving === undefined) {
        vacancies.find((one) => one.order === order && one.slot === index && one.until === until)!.reserved =
          reserved;
        return logs;
      }
      const vacancy = { order, slot: index, until, pot: 0n, reserved, closed: false };
      vacancies.push(vacancy);
      return [
        ...logs,
        closeVacancy(vacancy, BONUS, true),
        slash(leaving, BONUS),
        collateral(leaving, "CollateralReleased", COLLATERAL - BONUS),
      ];
    },
    function giveUp(pick) {
      const vacant = openSlots().filter(({ slot }) => slot.holder === undefined && !slot.voided);
      const found = vacant[pick(vacant.length)];
      if (found === undefined) return [];
      const expiry = lapsed(found.order, found.index);
      Object.assign(found.slot, { voided: true, offer: undefined });
      return [...expiry, repairs(found.order, found.index, "SlotVoided", {})];
    },
    function appeal(pick) {
      const open = records.filter(({ status }) => status === "open");
      const record = open[pick(open.length)];
      if (record === undefined) return [];
      record.status = "appealed";
      return [logOf("disputes", "AppealAccepted", { ...record.key, protectedTo: epochNow() + 5 })];
    },
    function closeRecord(pick) {
      const due = records.filter(({ status }) => status !== "closed");
      const record = due[pick(due.length)];
      if (record === undefined) return [];
      const slashed = record.status === "open";
      const { order, slot, until, key } = record;
      const vacancy = vacancies.find(
        (one) => one.order === order && one.slot === slot && one.until === until,
      )!;
      const pot = slashed && order.slots[slot]!.until === until && !order.slots[slot]!.voided ? BONUS : 0n;
      Object.assign(record, { status: "closed", closedIn: epochNow() });
      return [
        slashed
          ? slash(key.providerId, COLLATERAL)
          : collateral(key.providerId, "CollateralReleased", COLLATERAL),
        closeVacancy(vacancy, pot, slashed),
        logOf("disputes", "RecordClosed", { ...key, slashed }),
      ];
    },
    function claim(pick) {
      const due = vacancies.filter((one) => one.closed && one.pot + one.reserved > 0n);
      const vacancy = due[pick(due.length)];
      if (vacancy === undefined) return [];
      const slot = vacancy.order.slots[vacancy.slot]!;
      if (slot.holder === undefined && slot.until === vacancy.until && !slot.voided && !vacancy.order.closed)
        return [];
      const paid = slot.holder !== undefined && slot.until === vacancy.until;
      const { until, pot, reserved } = vacancy;
      Object.assign(vacancy, { pot: 0n, reserved: 0n });
      return [
        paid
          ? repairs(vacancy.order, vacancy.slot, "BonusPaid", {
              providerId: slot.holder,
              until,
              amount: pot,
              refunded: reserved,
            })
          : repairs(vacancy.order, vacancy.slot, "BonusForfeited", {
              until,
              toTreasury: pot,
              refunded: reserved,
            }),
      ];
    },
    function challenge(pick) {
      const id = ++challenged;
      const ticket = { id, providerId: pick(PROVIDERS) + 1 };
      challenges.set(id, ticket);
      return [logOf("disputes", "ChallengeOpened", { id, ticket })];
    },
    function endChallenge(pick) {
      const id = [...challenges.keys()][pick(challenges.size)];
      if (id === undefined) return [];
      challenges.delete(id);
      return [
        pick(2) === 0
          ? logOf("disputes", "ChallengeAnswered", { id, by: address(1), reimbursed: 1n })
          : logOf("disputes", "ChallengeUnanswered", { id, reward: 1n, evicted: false }),
      ];
    },
    function leave(pick) {
      const provider = pick(PROVIDERS) + 1;
      const its = providers.get(provider)!;
      its.exiting = !its.exiting;
      return [logOf("staking", "ProviderExiting", { providerId: provider, exiting: its.exiting })];
    },
    function closeOrder(pick) {
      const open = orders.filter(({ closed }) => !closed);
      const order = open[pick(open.length)];
      if (order === undefined) return [];
      order.closed = true;
      const holders = order.slots.flatMap(({ holder }) => holder ?? []);
      return [
        logOf("orders", "OrderClosed", { orderId: hash(order.id) }),
        ...holders.map((holder) => collateral(holder, "CollateralReleased", COLLATERAL)),
      ];
    },
  ];

  return {
    start,
    actions: actions.length,
    /** Lets something happen, if it can. */
    act: (action: number, choice: number): GroupLog[] => {
      let left = choice;
      const pick: Pick = (count) => {
        const picked = count === 0 ? 0 : left % count;
        left = Math.floor(left / Math.max(1, count));
        return picked;
      };
      return actions[action]!(pick);
    },
    time: () => time,
    /** Lets time pass: what is offered and not taken expires with its last epoch. */
    wait(seconds: number) {
      for (const until = time + seconds; time < until; time++) {
        if ((time + 1 - GENESIS) % epochLength !== 0) continue;
        const over = epochNow();
        for (const { order, slot } of openSlots()) {
          if (slot.offer?.deadline === over && order.endEpoch > over + 1) {
            expired.push({ provider: slot.offer.provider, epoch: over });
          }
        }
      }
    },
    /** What has to be known at the moment. */
    view: () => ({
      epoch: epochNow(),
      orders,
      providers,
      challenges: [...challenges.keys()],
      records: records
        .filter(({ closedIn }) => closedIn === undefined || closedIn === epochNow())
        .map(({ key, status }) => [`${key.providerId}/${key.epoch}/${key.part}`, status]),
      vacancies: vacancies
        .filter(({ order, slot: index, until, pot, reserved, closed }) => {
          const slot = order.slots[index]!;
          const open = slot.holder === undefined && slot.until === until && !slot.voided && !order.closed;
          return !closed || open || pot + reserved > 0n;
        })
        .map(({ order, slot, until, pot, reserved }) => [
          vacancyKey({ orderId: hash(order.id), slot, until }),
          pot,
          reserved,
        ]),
      expired: expired.filter(({ epoch }) => epoch >= epochNow() - coolOffEpochs - maxGap),
      /** What providers have locked: a slot held, or lost and not settled yet. */
      locked: (provider: number) => {
        const held = openSlots().filter(({ slot }) => slot.holder === provider).length;
        const due = records.filter(
          ({ key, status }) => key.providerId === provider && status !== "closed",
        ).length;
        return COLLATERAL * BigInt(held + due);
      },
    }),
  };
}
