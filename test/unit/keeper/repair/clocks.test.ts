import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_HISTORY, nextHistory } from "../../../../keeper/repair/clocks.ts";
import { type EpochFindings, findingsOf, type HeldSlot } from "../../../../keeper/repair/findings.ts";
import type { EpochSet, SetSlot } from "../../../../protocol/chain/groupTypes.ts";
import type { ShardRef } from "../../../../protocol/challenge/sample.ts";
import { hash } from "../../../sim/repair/chain.ts";

const FREEZE = 5_000;
const slot = (of: Partial<HeldSlot> = {}): HeldSlot => ({
  ...{ orderId: hash("a"), slot: 0, provider: 1, since: 0, stripes: 4 },
  ...of,
});
const findings = (epoch: number, unavailable: readonly HeldSlot[], shards = 100): EpochFindings => ({
  epoch,
  missed: [...new Set(unavailable.map(({ provider }) => provider))],
  unavailable,
  shards,
});
const fold = (all: readonly EpochFindings[]) =>
  all.reduce((history, each) => nextHistory(history, each, FREEZE), NO_HISTORY);
const clock = (all: readonly EpochFindings[]) => {
  const [first] = fold(all).clocks.values();
  return first === undefined ? undefined : [first.started, first.age];
};

describe("what an epoch's results say about slots", () => {
  const setSlot = (orderId: string, index: number, provider: number): SetSlot => ({
    ...slot({ orderId: hash(orderId), slot: index, provider }),
    ...{ sequence: 0, shardRoot: hash("root"), changed: false },
  });
  const slots = [setSlot("a", 0, 1), setSlot("b", 1, 1), setSlot("c", 2, 1), setSlot("a", 1, 2)];
  const set: EpochSet = {
    epoch: 7,
    slots,
    byProvider: Map.groupBy(slots, ({ provider }) => provider),
    block: 1,
  };
  const shard = (order: string, index: number): ShardRef => ({
    orderId: hash(order),
    slot: index,
    stripe: 0,
  });
  // Nothing of order c was asked.
  const challenge = {
    byProvider: new Map([
      [1, { pairs: [[shard("a", 0)], [shard("b", 1)]] }],
      [2, { pairs: [[shard("a", 1)]] }],
    ]),
  } as unknown as Parameters<typeof findingsOf>[0]["challenge"];
  const found = (provider: number, verdict: 1 | 2, cover: number) =>
    findingsOf({ set, challenge, results: [{ provider, verdict, cover: Uint8Array.of(cover) }] });
  const names = ({ unavailable }: EpochFindings) =>
    unavailable.map(({ orderId, slot: index }) => [
      slots.find((each) => each.orderId === orderId)?.slot,
      index,
    ]);

  it("silence makes every slot of the holder unavailable, those that nothing was asked of too", () => {
    assert.equal(names(found(1, 2, 0)).length, 3);
    assert.deepEqual(found(1, 2, 0).missed, [1]);
  });

  it("an answer leaves only the slots unavailable whose shards are not covered", () => {
    const { unavailable } = found(1, 2, 0b01);
    assert.deepEqual(
      unavailable.map(({ orderId }) => orderId),
      [hash("b")],
    );
  });

  it("whoever passed leaves none", () => {
    assert.deepEqual(names(found(1, 1, 0b11)), []);
    assert.deepEqual(found(1, 1, 0b11).missed, []);
    assert.equal(found(1, 1, 0b11).shards, 16);
  });
});

describe("the clock of a slot", () => {
  it("starts at the first certified epoch in which the slot is unavailable", () => {
    assert.deepEqual(clock([findings(3, []), findings(4, [slot()])]), [4, 0]);
  });

  it("goes on by one with every certified epoch; epochs without certificate do not count", () => {
    assert.deepEqual(clock([findings(4, [slot()]), findings(5, [slot()]), findings(9, [slot()])]), [4, 2]);
  });

  it("stops when the holder proves the slot, and starts anew", () => {
    assert.equal(clock([findings(4, [slot()]), findings(5, [])]), undefined);
    assert.deepEqual(clock([findings(4, [slot()]), findings(5, []), findings(6, [slot()])]), [6, 0]);
  });

  it("belongs to the holder: neither another one nor its own second time inherits it", () => {
    assert.deepEqual(clock([findings(4, [slot()]), findings(5, [slot({ provider: 2, since: 5 })])]), [5, 0]);
    assert.deepEqual(clock([findings(4, [slot()]), findings(5, [slot({ since: 5 })])]), [5, 0]);
  });
});

describe("a mass outage", () => {
  it("is more than its share of the set's shards, not as much", () => {
    const down = (shards: number) => fold([findings(1, [slot({ stripes: shards })], 100)]).outageEpochs;
    assert.equal(down(50), 0);
    assert.equal(down(51), 1);
  });

  it("counts certified epochs from its first one, and ends with the first below the share", () => {
    const big = (epoch: number) => findings(epoch, [slot({ stripes: 60 })], 100);
    assert.equal(fold([big(1), big(2), big(6)]).outageEpochs, 3);
    assert.equal(fold([big(1), big(2), findings(3, [], 100)]).outageEpochs, 0);
    assert.equal(fold([big(1), findings(3, [], 100), big(4)]).outageEpochs, 1);
  });
});

describe("what is remembered of a provider", () => {
  it("is the last certified epoch that it missed", () => {
    const history = fold([findings(1, [slot()]), findings(2, [slot({ provider: 2 })]), findings(3, [])]);
    assert.deepEqual(
      [...history.lastMissed],
      [
        [1, 1],
        [2, 2],
      ],
    );
    assert.equal(history.through, 3);
  });
});
