import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { applyBrakes, type BrakeContext, type LostCandidate } from "../../../../keeper/repair/brakes.ts";

const EPOCH = 20;
const ids = ["0xaa", "0xbb", "0xcc"] as const;
const candidate = (of: Partial<LostCandidate> = {}): LostCandidate => ({
  orderId: ids[0],
  slot: 0,
  provider: 1,
  stripes: 10,
  since: 0,
  endEpoch: 1_000,
  parities: 3,
  unavailable: 1,
  ...of,
});
const context = (of: Partial<BrakeContext> = {}, parameters = {}): BrakeContext => ({
  epoch: EPOCH,
  frozen: false,
  activeShards: 1_000,
  parameters: { offerEpochs: 3, repairBudget: 64, evictionCap: 5_000, ...parameters },
  ...of,
});
const names = (chosen: readonly LostCandidate[]) => chosen.map(({ orderId, slot }) => [orderId, slot]);

describe("what holds back evictions", () => {
  it("the order's end: within twice the time to accept nothing is repaired any more", () => {
    assert.equal(applyBrakes([candidate({ endEpoch: EPOCH + 6 })], context()).length, 0);
    assert.equal(applyBrakes([candidate({ endEpoch: EPOCH + 7 })], context()).length, 1);
  });

  it("a holder that came with this epoch", () => {
    assert.equal(applyBrakes([candidate({ since: EPOCH })], context()).length, 0);
    assert.equal(applyBrakes([candidate({ since: EPOCH - 1 })], context()).length, 1);
  });

  it("a mass outage, except for orders with all parities but one gone", () => {
    const frozen = context({ frozen: true });
    assert.equal(applyBrakes([candidate({ unavailable: 1 })], frozen).length, 0);
    assert.equal(applyBrakes([candidate({ unavailable: 2 })], frozen).length, 1);
    assert.equal(applyBrakes([candidate({ unavailable: 1 })], context()).length, 1);
  });

  it("a budget of slots, spent on the most endangered orders first", () => {
    const all = [
      candidate({ orderId: ids[0], slot: 1 }),
      candidate({ orderId: ids[1], slot: 5, unavailable: 3 }),
      candidate({ orderId: ids[2], slot: 2, unavailable: 2 }),
      candidate({ orderId: ids[0], slot: 0 }),
    ];
    const given = (repairBudget: number) => names(applyBrakes(all, context({}, { repairBudget })));
    assert.deepEqual(given(4), [
      [ids[1], 5],
      [ids[2], 2],
      [ids[0], 0],
      [ids[0], 1],
    ]);
    assert.deepEqual(given(3), given(4).slice(0, 3));
    assert.deepEqual(given(0), []);
  });

  it("danger is spare parities, not how many are gone", () => {
    const wide = candidate({ orderId: ids[0], parities: 9, unavailable: 4 });
    const narrow = candidate({ orderId: ids[1], parities: 2, unavailable: 1 });
    assert.deepEqual(names(applyBrakes([wide, narrow], context({}, { repairBudget: 1 }))), [[ids[1], 0]]);
  });

  it("a share of the group's shards: as much as the cap, not one more; smaller ones still fit", () => {
    const of = (...stripes: number[]) =>
      applyBrakes(
        stripes.map((each, slot) => candidate({ slot, stripes: each })),
        context({ activeShards: 100 }, { evictionCap: 1_000 }),
      ).map(({ stripes: each }) => each);
    assert.deepEqual(of(4, 6), [4, 6]);
    assert.deepEqual(of(4, 7, 6), [4, 6]);
  });

  it("never the one slot without which a group of large orders would be stuck", () => {
    const tight = context({ activeShards: 100 }, { evictionCap: 1 });
    const chosen = applyBrakes([candidate({ stripes: 50 }), candidate({ slot: 1, stripes: 1 })], tight);
    assert.deepEqual(names(chosen), [[ids[0], 0]]);
  });
});
