import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { expiriesAt, vacancyKey } from "../../../protocol/chain/disputeTypes.ts";
import type { GroupLog } from "../../../protocol/chain/groupContracts.ts";
import { applyBlock, applyBlocks, createGroupState } from "../../../protocol/chain/groupState.ts";
import type { GroupState, SlotInfo } from "../../../protocol/chain/groupTypes.ts";
import { blockOf, GENESIS, hash, logOf, openedLog, testDeployment } from "./blocks.ts";

const ORDER = hash(1);
const SLOT = 1;
const at = (epoch: number, second = 0) => GENESIS + epoch * 60 + second;

const opened = openedLog(1, { sequence: 0, startEpoch: 1, endEpoch: 40, providers: [4, 5, 6] });
const repairs = (name: GroupLog["eventName"], args: Record<string, unknown>) =>
  logOf("repairs", name, { orderId: ORDER, slot: SLOT, ...args });
const evicted = (providerId: number, since: number, until: number) =>
  repairs("SlotEvicted", { providerId, since, until });
const offered = (providerId: number, epoch: number, deadline: number) =>
  repairs("RepairOffered", { providerId, epoch, deadline });
const expired = (providerId: number, expiries: number) =>
  repairs("RepairOfferExpired", { providerId, expiries });
const accepted = (of: { by: number; since: number; former: number; until: number; pay?: bigint }) =>
  repairs("RepairAccepted", {
    providerId: of.by,
    since: of.since,
    former: of.former,
    until: of.until,
    vacancyPay: of.pay ?? 0n,
  });
const voided = repairs("SlotVoided", {});
const closedVacancy = (until: number, pot: bigint, slashed = true) =>
  repairs("VacancyClosed", { until, pot, slashed });

const fresh = () => createGroupState({ chainId: 31_337, group: testDeployment.groups[0]! });
/** The state after the order was opened in epoch 0 and then these events came in epoch 3. */
function after(...logs: GroupLog[]) {
  const before = applyBlock(fresh(), blockOf(1, at(0), [opened])).state;
  return applyBlock(before, blockOf(2, at(3), logs));
}
const slotOf = (state: GroupState): SlotInfo => state.orders.get(ORDER)!.slots[SLOT]!;
const setOf = (state: GroupState, epoch: number) => {
  const started = applyBlock(state, blockOf(9, at(epoch))).milestones.filter(
    (milestone) => milestone.type === "epochStarted",
  );
  return started.find((milestone) => milestone.epoch === epoch)!.set;
};

describe("a slot", () => {
  it("belongs to the provider that signed for it, from the order's first epoch on", () => {
    assert.deepEqual(slotOf(after().state), {
      slot: SLOT,
      holder: 5,
      since: 1,
      former: undefined,
      formerSince: undefined,
      until: undefined,
      voided: false,
      changed: false,
      offer: undefined,
      expiries: 0,
    });
  });

  it("is vacant once it is evicted, and its former holder is known", () => {
    const { state, milestones } = after(evicted(5, 1, 3));
    const { holder, former, formerSince, until, changed } = slotOf(state);
    assert.deepEqual([holder, former, formerSince, until, changed], [undefined, 5, 1, 3, true]);
    const milestone = milestones.at(-1)!;
    assert.ok(milestone.type === "slotEvicted");
    assert.deepEqual([milestone.slot, milestone.provider, milestone.until], [SLOT, 5, 3]);
    assert.equal(milestone.order, state.orders.get(ORDER));
  });

  it("leaves the other slots of its order as they were", () => {
    const before = after().state.orders.get(ORDER)!.slots;
    const slots = after(evicted(5, 1, 3)).state.orders.get(ORDER)!.slots;
    assert.deepEqual([slots[0], slots[2]], [before[0], before[2]]);
  });

  it("is offered until somebody takes it; expired offers are counted", () => {
    const { state } = after(evicted(5, 1, 3), offered(8, 3, 6));
    assert.deepEqual(slotOf(state).offer, { provider: 8, epoch: 3, deadline: 6 });
    const next = applyBlock(state, blockOf(3, at(7), [expired(8, 1), offered(9, 7, 10)])).state;
    assert.deepEqual([slotOf(next).offer?.provider, slotOf(next).expiries], [9, 1]);
  });

  it("counts the offer whose deadline is over before the contract does", () => {
    const slot = slotOf(after(evicted(5, 1, 3), expired(7, 1), offered(8, 3, 6)).state);
    assert.deepEqual([expiriesAt(slot, 6), expiriesAt(slot, 7)], [1, 2]);
  });

  it("has a new holder once its offer is accepted, and starts anew", () => {
    const { state } = after(
      evicted(5, 1, 3),
      expired(7, 1),
      offered(8, 3, 6),
      accepted({ by: 8, since: 4, former: 5, until: 3 }),
    );
    const { holder, since, former, formerSince, until, offer, expiries } = slotOf(state);
    assert.deepEqual([holder, since, former, formerSince, until], [8, 4, 5, 1, 3]);
    assert.deepEqual([offer, expiries], [undefined, 0]);
  });

  it("goes from hand to hand when its holder leaves", () => {
    const { state } = after(offered(8, 3, 6), accepted({ by: 8, since: 4, former: 5, until: 4 }));
    const { holder, former, formerSince, until } = slotOf(state);
    assert.deepEqual([holder, former, formerSince, until], [8, 5, 1, 4]);
  });

  it("keeps the offer of a holder that was leaving when it is evicted instead", () => {
    const { state } = after(offered(8, 3, 6), evicted(5, 1, 3));
    assert.deepEqual(slotOf(state).offer, { provider: 8, epoch: 3, deadline: 6 });
  });

  it("that is given up has no offer any more and stays vacant", () => {
    const { state, milestones } = after(evicted(5, 1, 3), offered(8, 3, 6), voided);
    assert.deepEqual(
      [slotOf(state).voided, slotOf(state).offer, slotOf(state).holder],
      [true, undefined, undefined],
    );
    assert.equal(milestones.at(-1)?.type, "slotVoided");
  });
});

describe("set of an epoch", () => {
  const providers = (state: GroupState, epoch: number) =>
    setOf(state, epoch).slots.map(({ slot, provider, since, changed }) => [slot, provider, since, changed]);
  const first = [0, 4, 1, false];
  const last = [2, 6, 1, false];

  it("has the first holders of an order as unchanged", () => {
    assert.deepEqual(providers(after().state, 4), [first, [1, 5, 1, false], last]);
  });

  it("lacks vacant slots from the epoch after their eviction on", () => {
    assert.deepEqual(providers(after(evicted(5, 1, 3)).state, 4), [first, last]);
    const during = after().milestones.filter((milestone) => milestone.type === "epochStarted");
    assert.equal(during.at(-1)?.set.slots.length, 3);
  });

  it("lacks a slot before the first epoch of its new holder", () => {
    const { state } = after(evicted(5, 1, 3), accepted({ by: 8, since: 5, former: 5, until: 3 }));
    assert.deepEqual(
      [4, 5].map((epoch) => setOf(state, epoch).slots.length),
      [2, 3],
    );
  });

  it("names who holds a slot now and that it was taken over", () => {
    const { state } = after(evicted(5, 1, 3), accepted({ by: 8, since: 4, former: 5, until: 3 }));
    assert.deepEqual(providers(state, 4), [first, [1, 8, 4, true], last]);
    assert.deepEqual([...setOf(state, 4).byProvider.keys()], [4, 6, 8]);
  });
});

describe("offers that nobody took", () => {
  const live = () => after(evicted(5, 1, 3), offered(8, 3, 6)).state;
  const expiredIn = (state: GroupState, epoch: number) =>
    applyBlock(state, blockOf(3, at(epoch))).state.expiredOffers;

  it("are remembered from the epoch after their deadline on, noted by the contract or not", () => {
    assert.deepEqual(expiredIn(live(), 6), []);
    assert.deepEqual(expiredIn(live(), 7), [{ provider: 8, epoch: 6 }]);
    const noted = applyBlock(live(), blockOf(3, at(7), [expired(8, 1)])).state;
    assert.deepEqual(applyBlock(noted, blockOf(4, at(8))).state.expiredOffers, [{ provider: 8, epoch: 6 }]);
  });

  it("are not those that were accepted in their last epoch, given up, or too late for their order", () => {
    const end = (endEpoch: number) =>
      logOf("orders", "OrderEnding", { orderId: ORDER, by: hash(0), endEpoch });
    const taken = accepted({ by: 8, since: 7, former: 5, until: 3 });
    const cases = [taken, voided, end(7), logOf("orders", "OrderClosed", { orderId: ORDER })].map((log) =>
      expiredIn(applyBlock(live(), blockOf(3, at(6, 59), [log])).state, 7),
    );
    assert.deepEqual(cases, [[], [], [], []]);
    assert.equal(expiredIn(applyBlock(live(), blockOf(3, at(6, 59), [end(8)])).state, 7).length, 1);
  });

  it("are forgotten when no decision looks back so far", () => {
    const { coolOffEpochs, maxGap } = testDeployment.groups[0]!.parameters;
    const last = 6 + coolOffEpochs + maxGap;
    assert.equal(expiredIn(live(), last).length, 1);
    assert.equal(expiredIn(live(), last + 1).length, 0);
  });
});

describe("a vacancy", () => {
  const key = vacancyKey({ orderId: ORDER, slot: SLOT, until: 3 });
  const vacancy = (...logs: GroupLog[]) => after(evicted(5, 1, 3), ...logs).state.vacancies.get(key);
  const taken = (pay: bigint) => accepted({ by: 8, since: 4, former: 5, until: 3, pay });

  it("holds the pot of the slashed collateral and what was reserved of the order", () => {
    assert.deepEqual(vacancy(taken(7n), closedVacancy(3, 9n)), {
      orderId: ORDER,
      slot: SLOT,
      until: 3,
      pot: 9n,
      reserved: 7n,
      closed: true,
      slashed: true,
    });
  });

  it("starts with a hand-over when the slot never was vacant", () => {
    const { state } = after(closedVacancy(4, 6n), accepted({ by: 8, since: 4, former: 5, until: 4 }));
    assert.deepEqual(
      [...state.vacancies.values()].map(({ until, pot, closed }) => [until, pot, closed]),
      [[4, 6n, true]],
    );
  });

  it("ends when the bonus is paid or forfeited", () => {
    const paid = repairs("BonusPaid", { providerId: 8, until: 3, amount: 9n, refunded: 7n });
    const forfeited = repairs("BonusForfeited", { until: 3, toTreasury: 9n, refunded: 7n });
    for (const end of [paid, forfeited])
      assert.equal(vacancy(taken(7n), closedVacancy(3, 9n), end), undefined);
    const { milestones } = after(evicted(5, 1, 3), taken(7n), closedVacancy(3, 9n), paid);
    const milestone = milestones.at(-1)!;
    assert.ok(milestone.type === "bonusPaid");
    assert.deepEqual([milestone.vacancy.pot, milestone.vacancy.reserved, milestone.amount], [9n, 7n, 9n]);
  });

  it("is kept while it is disputed or can still fill up, and dropped once nothing is left to claim", () => {
    const closedOrder = logOf("orders", "OrderClosed", { orderId: ORDER });
    assert.notEqual(vacancy(taken(0n)), undefined);
    assert.notEqual(vacancy(closedVacancy(3, 0n)), undefined);
    assert.notEqual(vacancy(voided), undefined);
    assert.notEqual(vacancy(closedVacancy(3, 1n), voided), undefined);
    assert.notEqual(vacancy(taken(1n), closedVacancy(3, 0n, false)), undefined);
    assert.equal(vacancy(taken(0n), closedVacancy(3, 0n)), undefined);
    assert.equal(vacancy(closedVacancy(3, 0n), taken(0n)), undefined);
    assert.equal(vacancy(voided, closedVacancy(3, 0n)), undefined);
    assert.equal(vacancy(closedVacancy(3, 0n), voided), undefined);
    assert.equal(vacancy(closedOrder, closedVacancy(3, 0n)), undefined);
    assert.equal(vacancy(closedVacancy(3, 0n), closedOrder), undefined);
  });
});

describe("a block", () => {
  it("without events shares every map with the state before, one with events only what it changed", () => {
    const { state } = after(evicted(5, 1, 3));
    const idle = applyBlocks(state, [blockOf(3, at(3, 1))]).state;
    const busy = applyBlocks(state, [blockOf(3, at(3, 1), [offered(8, 3, 6)])]).state;
    const maps = (of: GroupState) =>
      Object.entries(of).flatMap(([name, value]) => (value instanceof Map ? [[name, value] as const] : []));
    const copied = (of: GroupState) =>
      maps(of)
        .filter(([name, map]) => map !== state[name as keyof GroupState])
        .map(([name]) => name);
    assert.deepEqual(copied(idle), []);
    assert.deepEqual(copied(busy), ["orders"]);
  });

  it("copies a map once, however many of its events write to it", () => {
    const { state } = after();
    const many = Array.from({ length: 300 }, (_, index) => offered(8, 3, 6 + index));
    const seen = new Set<unknown>();
    const copy = Map.prototype.set;
    Map.prototype.set = function (this: Map<unknown, unknown>, key, value) {
      if (key === ORDER) seen.add(this);
      return copy.call(this, key, value);
    };
    try {
      applyBlock(state, blockOf(3, at(3, 1), many));
    } finally {
      Map.prototype.set = copy;
    }
    assert.equal(seen.size, 1);
  });
});
