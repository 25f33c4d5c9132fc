import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concatHex, type Hex, keccak256, numberToHex, pad } from "viem";
import { NO_HISTORY, type SlotClock } from "../../../../keeper/repair/clocks.ts";
import type { RepairContext } from "../../../../keeper/repair/context.ts";
import { createRepairPlanner } from "../../../../keeper/repair/plan.ts";
import type { GroupState, OrderInfo, ProviderInfo } from "../../../../protocol/chain/groupTypes.ts";
import { slotKey } from "../../../../protocol/challenge/sample.ts";
import { coverBytes, setPair } from "../../../../protocol/results/cover.ts";
import { VERDICT } from "../../../../protocol/results/judge.ts";
import { createRandom, type Random } from "../../../sim/random.ts";
import {
  acceptOffers,
  applyPlan,
  groupState,
  hash,
  orderInfo,
  providerInfo,
  type RepairParameters,
  setAt,
} from "../../../sim/repair/chain.ts";
import { type LoggedEpoch, oraclePlan } from "../../../sim/repair/oracle.ts";

const EPOCH = 20;
const SEED = hash("seed");

/** One shard of every held slot is asked: stripe 0, and stripe 1 of the slots named. */
function contextOf(of: {
  state: GroupState;
  epoch?: number;
  seed?: Hex;
  clocks?: readonly SlotClock[];
  owed?: RepairContext["owed"];
  history?: Partial<RepairContext["history"]>;
  setState?: GroupState;
}): RepairContext {
  const { state, epoch = EPOCH, seed = SEED, setState = state } = of;
  const set = setAt(setState, epoch);
  const byProvider = new Map(
    [...set.byProvider].map(([provider, slots]) => {
      const shards = slots.map(({ orderId, slot }) => ({ orderId, slot, stripe: 0 }));
      const context = { chainId: 1, group: "0x" as const, epoch, seed, provider };
      return [provider, { context, shards, pairs: shards.map((shard) => [shard]) }];
    }),
  );
  const clocks = new Map((of.clocks ?? []).map((clock) => [slotKey(clock), clock]));
  return {
    ...{ epoch, seed, set, setState, state },
    challenge: { epoch, seed, set: [], byProvider },
    owed: of.owed ?? new Map(),
    history: { ...NO_HISTORY, through: epoch - 1, clocks, ...of.history },
  };
}

/** A running clock of a slot that had this age before the epoch. */
function clockOf(info: OrderInfo, slot: number, age: number): SlotClock {
  const { holder, since } = info.slots[slot]!;
  const { stripes } = info.order;
  return { orderId: info.id, slot, provider: holder!, since, stripes, started: EPOCH - 1 - age, age };
}

const providers = (count: number, more: (id: number) => Partial<ProviderInfo> = () => ({})) =>
  Array.from({ length: count }, (_, index) => providerInfo(index + 1, more(index + 1)));

/** rs(4,2), holders 1…6, spares 7…9; slot 0's clock has run so long that it is lost with this epoch. */
function lostWorld(parameters: RepairParameters = {}, order: Partial<Parameters<typeof orderInfo>[0]> = {}) {
  const info = orderInfo({ name: "a", holders: [1, 2, 3, 4, 5, 6], m: 2, ...order });
  const state = groupState({ orders: [info], providers: providers(9), parameters });
  return { info, state, clocks: [clockOf(info, 0, 1)] };
}
/** The plan when these providers are silent. */
function plan(context: RepairContext, ...down: number[]) {
  const results = down.map((provider) => {
    const pairs = context.challenge.byProvider.get(provider)!.pairs.length;
    return { provider, verdict: VERDICT.missed, cover: new Uint8Array(coverBytes(pairs)) };
  });
  return createRepairPlanner(context)(results);
}

describe("lost slots of an epoch", () => {
  it("are those whose waiting time is over with this epoch, and no epoch before", () => {
    const { info, state } = lostWorld();
    const after = (age: number) => plan(contextOf({ state, clocks: [clockOf(info, 0, age)] }), 1).lost;
    assert.deepEqual(after(0), []);
    assert.equal(after(1)[0]?.provider, 1);
    assert.equal(after(1)[0]?.entries[0]?.orderId, info.id);
  });

  it("are none when the holder proves the slot in this very epoch", () => {
    const { state, clocks } = lostWorld();
    assert.deepEqual(plan(contextOf({ state, clocks })).lost, []);
  });

  it("are none that somebody else holds at the cut-off, or that the order has closed", () => {
    const { info, state, clocks } = lostWorld();
    const moved = orderInfo({ name: "a", holders: [7, 2, 3, 4, 5, 6], m: 2 });
    const again = orderInfo({ name: "a", holders: [1, 2, 3, 4, 5, 6], m: 2, slots: [{ since: 9 }] });
    for (const now of [moved, again, { ...info, closed: true }]) {
      const later = { ...state, orders: new Map([[info.id, now]]) };
      assert.deepEqual(plan(contextOf({ state: later, setState: state, clocks }), 1).lost, []);
    }
  });

  it("wait only for a mass outage of freezeEpochs certified epochs", () => {
    const { state, clocks } = lostWorld({
      freezeShare: 1,
      repairThresholds: pad("0x0002", { dir: "right", size: 32 }),
    });
    const info = orderInfo({ name: "a", holders: [1, 2, 3, 4, 5, 6, 7, 8], m: 4 });
    const wide = { ...state, orders: new Map([[info.id, info]]) };
    const at = (outageEpochs: number) =>
      plan(contextOf({ state: wide, clocks: [clockOf(info, 0, 100)], history: { outageEpochs } }), 1);
    assert.equal(clocks.length, 1);
    assert.deepEqual([at(3).frozen, at(3).lost.length], [true, 0]);
    assert.deepEqual([at(4).frozen, at(4).lost.length], [false, 1]);
  });

  it("name an owed shard, drawn by the seed among those of the slot, else any", () => {
    const { info, state, clocks } = lostWorld({}, { stripes: 40 });
    const owedStripes = [31, 7, 19];
    const shard = (slot: number, stripe: number) => ({ orderId: info.id, slot, stripe });
    const owed = new Map([[1, owedStripes.map((stripe) => shard(0, stripe))]]);
    const words = (seed: Hex) => concatHex([seed, info.id, pad(numberToHex(0))]);
    for (let draw = 0; draw < 10; draw++) {
      const seed = hash(`seed ${draw}`);
      const number = BigInt(keccak256(words(seed)));
      const stripe = plan(contextOf({ state, clocks, owed, seed }), 1).lost[0]!.entries[0]!.stripe;
      // What it was asked for now and did not prove, stripe 0, is owed too.
      assert.equal(stripe, [0, 7, 19, 31][Number(number % 4n)]);
    }
  });

  it("name a shard of the whole slot when its holder owes none of it", () => {
    const { info, state, clocks } = lostWorld({}, { stripes: 40 });
    const context = contextOf({ state, clocks });
    const other = { orderId: hash("b"), slot: 0, stripe: 0 };
    const asked = context.challenge.byProvider.get(1)!;
    const byProvider = new Map(context.challenge.byProvider).set(1, {
      ...asked,
      shards: [other],
      pairs: [[other]],
    });
    const unasked = { ...context, challenge: { ...context.challenge, byProvider } };
    const number = BigInt(keccak256(concatHex([SEED, info.id, pad(numberToHex(0))])));
    assert.equal(plan(unasked, 1).lost[0]!.entries[0]!.stripe, Number(number % 40n));
  });

  it("come in leaves of at most 64, ascending, part by part", () => {
    const orders = Array.from({ length: 65 }, (_, index) =>
      orderInfo({ name: `order ${index}`, holders: [1, 2, 3], m: 2, stripes: 1 }),
    );
    const state = groupState({
      orders,
      providers: providers(3),
      parameters: { repairBudget: 1_000, freezeShare: 9_999 },
    });
    const of = (count: number) =>
      plan(contextOf({ state, clocks: orders.slice(0, count).map((info) => clockOf(info, 0, 5)) }), 1).lost;
    assert.deepEqual(
      of(64).map(({ part, entries }) => [part, entries.length]),
      [[0, 64]],
    );
    assert.deepEqual(
      of(65).map(({ part, entries }) => [part, entries.length]),
      [
        [0, 64],
        [1, 1],
      ],
    );
    const ids = of(65).flatMap(({ entries }) => entries.map(({ orderId }) => orderId));
    assert.deepEqual(ids, [...ids].sort());
  });
});

describe("offers of an epoch", () => {
  const vacant = (slot: Partial<OrderInfo["slots"][number]> = {}, more: object = {}) =>
    orderInfo({ name: "a", holders: [undefined, 2, 3, 4, 5, 6], m: 2, slots: [slot], ...more });
  const offersOf = (info: OrderInfo, parameters: RepairParameters = {}, all = providers(9)) =>
    plan(contextOf({ state: groupState({ orders: [info], providers: all, parameters }) })).offers;

  it("are made for a vacant slot, to somebody without a slot of the order, until e + 1 + offerEpochs", () => {
    const [offer, ...more] = offersOf(vacant());
    assert.deepEqual(more, []);
    assert.ok([1, 7, 8, 9].includes(offer!.provider));
    assert.deepEqual([offer!.slot, offer!.deadline], [0, EPOCH + 4]);
  });

  it("are made with the certificate that calls the slot lost, never to the one who loses it", () => {
    const { state, clocks } = lostWorld();
    const [offer] = plan(contextOf({ state, clocks }), 1).offers;
    assert.ok([7, 8, 9].includes(offer!.provider));
  });

  it("are made for the slots of a provider that leaves, and to others only", () => {
    const info = orderInfo({ name: "a", holders: [1, 2, 3], m: 1 });
    const all = providers(5, (id) => ({ exiting: id === 2 }));
    assert.deepEqual(
      offersOf(info, {}, all).map(({ slot, provider }) => [
        slot,
        [1, 4, 5].includes(provider) && provider !== 1,
      ]),
      [[1, true]],
    );
    assert.deepEqual(offersOf(info), []);
  });

  it("wait for the one that is live, and follow it when its deadline is over", () => {
    const offered = (deadline: number) => offersOf(vacant({ offer: { provider: 7, epoch: 16, deadline } }));
    assert.deepEqual(offered(EPOCH + 1), []);
    const [next] = offered(EPOCH);
    assert.ok(next !== undefined && next.provider !== 7, "who let it pass cools off");
  });

  it("end after offerExpiries that nobody took, the last one included", () => {
    assert.equal(offersOf(vacant({ expiries: 2 })).length, 1);
    assert.equal(offersOf(vacant({ expiries: 3 })).length, 0);
    const lapsed = { provider: 7, epoch: 16, deadline: EPOCH };
    assert.equal(offersOf(vacant({ expiries: 1, offer: lapsed })).length, 1);
    assert.equal(offersOf(vacant({ expiries: 2, offer: lapsed })).length, 0);
  });

  it("do not end for a provider that leaves, however many were not taken", () => {
    const info = orderInfo({ name: "a", holders: [1, 2, 3], m: 1, slots: [{}, { expiries: 9 }] });
    assert.equal(
      offersOf(
        info,
        {},
        providers(5, (id) => ({ exiting: id === 2 })),
      ).length,
      1,
    );
  });

  it("are not made for void slots", () => {
    assert.deepEqual(offersOf(vacant({ voided: true })), []);
  });

  it("are not made when the order ends within twice the time to accept", () => {
    assert.deepEqual(offersOf(vacant({}, { endEpoch: EPOCH + 6 })), []);
    assert.equal(offersOf(vacant({}, { endEpoch: EPOCH + 7 })).length, 1);
  });

  it("count on the same stake only once", () => {
    const orders = ["a", "b", "c"].map((name) => ({ ...vacant(), id: hash(name) }));
    const all = providers(9, (id) => ({ repairs: id === 8, stake: 1_000n, locked: 1_000n - 80n }));
    const made = (extra: Partial<OrderInfo["slots"][number]>) => {
      const other = orderInfo({ name: "z", holders: [1, 2], m: 1, slots: [extra] });
      const state = groupState({ orders: [...orders, other], providers: all });
      return plan(contextOf({ state })).offers.length;
    };
    assert.equal(made({}), 2, "80 free are two slots of 4 shards at 10 each");
    assert.equal(made({ offer: { provider: 8, epoch: 19, deadline: EPOCH + 1 } }), 1);
    assert.equal(made({ offer: { provider: 7, epoch: 16, deadline: EPOCH + 1 } }), 2);
  });

  it("keep within the budget, most endangered order first", () => {
    const orders = [
      orderInfo({ name: "safe", holders: [undefined, 2, 3, 4], m: 3 }),
      orderInfo({ name: "endangered", holders: [undefined, 2, 3, 4], m: 1 }),
    ];
    const made = (repairBudget: number) =>
      plan(
        contextOf({ state: groupState({ orders, providers: providers(9), parameters: { repairBudget } }) }),
      ).offers;
    assert.deepEqual(made(2).length, 2);
    assert.deepEqual(
      made(1).map(({ orderId }) => orderId),
      [hash("endangered")],
    );
  });

  it("go to different providers of one order, and spread over failure domains", () => {
    const info = orderInfo({ name: "a", holders: [undefined, undefined, 3], m: 2 });
    const domain = (id: number) => hash(id <= 8 ? "crowded" : `own ${id}`);
    const made = offersOf(
      info,
      {},
      providers(10, (id) => ({ domain: domain(id), repairs: id > 3 })),
    );
    assert.deepEqual(
      made.map(({ provider }) => provider).sort((a, b) => a - b),
      [9, 10],
    );
  });

  it("are not made to whom wanted repairs only once the seed was known", () => {
    const info = vacant();
    const setState = groupState({ orders: [info], providers: providers(9, (id) => ({ repairs: id === 9 })) });
    const state = groupState({ orders: [info], providers: providers(9) });
    const [offer] = plan(contextOf({ state, setState })).offers;
    assert.equal(offer!.provider, 9);
  });
});

describe("plans of many epochs", () => {
  /** Random groups, faults, gaps, acceptances and exits. */
  function live(seed: number, epochs: number) {
    const random: Random = createRandom(seed);
    const count = 8 + random.below(8);
    const all = providers(count, () => ({
      domain: hash(`domain ${random.below(5)}`),
      ask: BigInt(90 + random.below(15)),
      repairs: random.chance(0.8),
      stake: BigInt(1_000 + random.below(400)),
      locked: BigInt(800 + random.below(200)),
      registeredAt: random.below(12),
    }));
    const orders = Array.from({ length: 1 + random.below(6) }, (_, index) => {
      const n = 2 + random.below(6);
      const holders = random.shuffle(all.map(({ id }) => id)).slice(0, n);
      const m = 1 + random.below(n - 1);
      const endEpoch = random.pick([18, 30, 1_000]);
      const stripes = 1 + random.below(4);
      return orderInfo({ name: `order ${index}`, holders, m, stripes, endEpoch, sequence: index });
    });
    const parameters = {
      repairBudget: random.pick([1, 3, 64]),
      evictionCap: random.pick([500, 3_000, 10_000]),
      freezeShare: random.pick([1_500, 4_000]),
      freezeEpochs: random.pick([1, 3]),
      offerEpochs: random.pick([1, 3]),
      offerExpiries: random.pick([1, 2]),
    };
    let state = groupState({ orders, providers: all, parameters });
    let history = NO_HISTORY;
    const log: LoggedEpoch[] = [];
    const down = new Set<number>();
    const counts = { lost: 0, offers: 0, frozen: 0 };
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const setState = state;
      state = acceptOffers(state, epoch, random, 0.3);
      if (random.chance(0.1)) {
        const leaving = state.providers.get(1 + random.below(count))!;
        state = {
          ...state,
          providers: new Map(state.providers).set(leaving.id, { ...leaving, exiting: true }),
        };
      }
      for (const { id } of all) {
        if (random.chance(0.08)) down.add(id);
        else if (random.chance(0.15)) down.delete(id);
      }
      if (random.chance(0.15)) continue;
      const draft = contextOf({ state, setState, epoch, seed: hash(`${seed} ${epoch}`) });
      const context = { ...draft, history };
      const unproven = new Set<string>();
      const results = [...context.set.byProvider].map(([provider, slots]) => {
        const cover = new Uint8Array(coverBytes(slots.length));
        const isDown = down.has(provider);
        for (const [pair, slot] of slots.entries()) {
          // One that is not down may have lost one slot, for as long as it holds it.
          const spoilt = (provider + slot.since + slot.slot) % 11 === 0;
          if (isDown || spoilt) unproven.add(slotKey(slot));
          else setPair(cover, pair);
        }
        const mine = slots.map(slotKey);
        // Whoever covers nothing at all is silent.
        const missed = mine.some((key) => unproven.has(key));
        return { provider, verdict: missed ? VERDICT.missed : VERDICT.passed, cover };
      });
      const missed = results.filter(({ verdict }) => verdict === 2).map(({ provider }) => provider);
      log.push({ epoch, set: context.set, missed, unproven });
      const made = createRepairPlanner(context)(results);
      const expected = oraclePlan({ epoch, seed: context.seed, state, setState, log });
      const lost = made.lost.flatMap(({ provider, entries }) =>
        entries.map(({ orderId, slot }) => ({ provider, orderId, slot })),
      );
      assert.deepEqual(lost, expected.lost, `lost, seed ${seed}, epoch ${epoch}`);
      assert.deepEqual(made.offers, expected.offers, `offers, seed ${seed}, epoch ${epoch}`);
      history = made.history;
      state = applyPlan(state, { epoch, exceptions: 1 }, made);
      counts.lost += lost.length;
      counts.offers += made.offers.length;
      counts.frozen += made.frozen ? 1 : 0;
    }
    return counts;
  }

  it("are what an oracle says that reads the whole log by the letter of the rules", (t) => {
    const first = Number(process.env.SEED ?? 1);
    const total = { lost: 0, offers: 0, frozen: 0 };
    for (let seed = first; seed < first + 150; seed++) {
      const counts = live(seed, 40);
      total.lost += counts.lost;
      total.offers += counts.offers;
      total.frozen += counts.frozen;
    }
    t.diagnostic(`seeds ${first}…${first + 149}: ${JSON.stringify(total)}`);
    assert.ok(total.lost > 500 && total.offers > 500 && total.frozen > 100, "and something happened");
  });
});
