import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatHex, keccak256, numberToHex, pad } from "viem";
import {
  type Candidate,
  canTake,
  chooseAssignee,
  isTrustworthy,
  type ProviderRecord,
  type WantedSlot,
} from "../../../../keeper/repair/offers.ts";
import { hash } from "../../../sim/repair/chain.ts";

const rule = { epoch: 20, setBlock: 500, coolOffEpochs: 4, minProviderStake: 1_000n };
const record = (of: Partial<ProviderRecord> = {}): ProviderRecord => ({
  repairs: true,
  exiting: false,
  jailedUntil: 0,
  stake: 1_000n,
  registeredAt: 500,
  lastMissed: undefined,
  lastExpired: undefined,
  ...of,
});
const candidate = (id: number, of: Partial<Candidate> = {}): Candidate => ({
  id,
  domain: hash(`domain ${id}`),
  ask: 100n,
  free: 50n,
  weight: 50n,
  most: 50n,
  ...of,
});
const wanted = (of: Partial<WantedSlot> = {}): WantedSlot => ({
  orderId: hash("order"),
  slot: 3,
  price: 100n,
  collateral: 50n,
  expiries: 0,
  taken: new Set(),
  domains: [],
  ...of,
});
const SEED = hash("seed");

describe("who is offered anything", () => {
  const cases: [string, Partial<ProviderRecord>, Partial<ProviderRecord>][] = [
    ["wants repairs", {}, { repairs: false }],
    ["does not leave", {}, { exiting: true }],
    ["could accept at once", { jailedUntil: 21 }, { jailedUntil: 22 }],
    ["has the least stake", { stake: 1_000n }, { stake: 999n }],
    ["was registered before the epoch", { registeredAt: 500 }, { registeredAt: 501 }],
    ["has not missed an epoch of the cool-off", { lastMissed: 16 }, { lastMissed: 17 }],
    ["does not miss this epoch", { lastMissed: 16 }, { lastMissed: 20 }],
    ["has let no offer pass in the cool-off", { lastExpired: 16 }, { lastExpired: 17 }],
  ];
  for (const [what, yes, no] of cases) {
    it(`is a provider that ${what}`, () => {
      assert.equal(isTrustworthy(record(yes), rule), true);
      assert.equal(isTrustworthy(record(no), rule), false);
    });
  }

  it("is nobody who misses the epoch, even where there is no cool-off", () => {
    const none = { ...rule, coolOffEpochs: 0 };
    assert.equal(isTrustworthy(record({ lastMissed: 20 }), none), false);
    assert.equal(isTrustworthy(record({ lastMissed: 19 }), none), true);
  });
});

describe("who can take a slot", () => {
  const cases: [string, Partial<Candidate>, Partial<Candidate>][] = [
    ["asks no more than the price", { ask: 100n }, { ask: 101n }],
    ["has the collateral free", { free: 50n }, { free: 49n }],
    ["had the collateral free before the seed was known", { weight: 50n }, { weight: 49n }],
    ["may lock so much in one epoch", { most: 50n }, { most: 49n }],
  ];
  for (const [what, yes, no] of cases) {
    it(`is a provider that ${what}`, () => {
      assert.equal(canTake(candidate(1, yes), wanted()), true);
      assert.equal(canTake(candidate(1, no), wanted()), false);
    });
  }

  it("is nobody who has to do with the order already", () => {
    assert.equal(canTake(candidate(1), wanted({ taken: new Set([1]) })), false);
    assert.equal(canTake(candidate(1), wanted({ taken: new Set([2]) })), true);
  });
});

describe("whom a slot is offered to", () => {
  it("is one in whose failure domain the order has the fewest slots", () => {
    const all = [1, 2, 3].map((id) => candidate(id, { weight: id === 2 ? 50n : 5_000n }));
    const domains = [1, 3, 3].map((id) => hash(`domain ${id}`));
    for (let draw = 0; draw < 20; draw++) {
      assert.equal(chooseAssignee(all, wanted({ domains }), hash(`seed ${draw}`))?.id, 2);
    }
    const crowded = [...domains, hash("domain 2"), hash("domain 2")];
    assert.equal(chooseAssignee(all, wanted({ domains: crowded }), SEED)?.id, 1);
  });

  it("does not hang on the order in which providers come", () => {
    const all = Array.from({ length: 9 }, (_, id) => candidate(id + 1, { weight: BigInt(50 + id) }));
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 9 }), fc.nat(), (shuffled, draw) => {
        const seed = hash(String(draw));
        assert.equal(chooseAssignee(shuffled, wanted(), seed)?.id, chooseAssignee(all, wanted(), seed)?.id);
      }),
    );
  });

  it("is drawn by stake", () => {
    const all = [candidate(1, { weight: 50n }), candidate(2, { weight: 150n })];
    const drawn = Array.from(
      { length: 400 },
      (_, draw) => chooseAssignee(all, wanted(), hash(`draw ${draw}`))!.id,
    );
    const share = drawn.filter((id) => id === 2).length / drawn.length;
    assert.ok(share > 0.65 && share < 0.85, `three quarters, not ${share}`);
  });

  it("is drawn anew after each offer that nobody took, for another slot and for another order", () => {
    const all = Array.from({ length: 50 }, (_, id) => candidate(id + 1));
    const chosen = (of: Partial<WantedSlot>) => chooseAssignee(all, wanted(of), SEED)!.id;
    const first = chosen({});
    const others = [chosen({ expiries: 1 }), chosen({ slot: 4 }), chosen({ orderId: hash("other") })];
    assert.ok(others.every((id) => id !== first));
  });

  it("is drawn by keccak(seed, order, slot, expiries) modulo all stake, in the order of ids", () => {
    const all = Array.from({ length: 10 }, (_, id) => candidate(10 - id, { weight: BigInt(50 + 7 * id) }));
    for (let expiries = 0; expiries < 20; expiries++) {
      const words = [SEED, hash("order"), pad(numberToHex(3)), pad(numberToHex(expiries))];
      const total = all.reduce((sum, { weight }) => sum + weight, 0n);
      const draw = BigInt(keccak256(concatHex(words))) % total;
      let sum = 0n;
      const expected = [...all].reverse().find(({ weight }) => {
        sum += weight;
        return draw < sum;
      });
      assert.equal(chooseAssignee(all, wanted({ expiries }), SEED), expected);
    }
  });

  it("is nobody when nobody can take it", () => {
    assert.equal(chooseAssignee([candidate(1, { ask: 101n })], wanted(), SEED), undefined);
    assert.equal(chooseAssignee([], wanted(), SEED), undefined);
  });
});
