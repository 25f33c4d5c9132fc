import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OpenedOrder, SlotState } from "../../../client/chain/groupView.ts";
import { createHolders, type ShardSource } from "../../../client/read/holders.ts";
import { createManualClock } from "../../../protocol/runtime/clock.ts";

const opened = { id: "0x01", order: { providers: [1, 2, 3] } } as unknown as OpenedOrder;

function slot(index: number, holder: number | undefined, former?: number): SlotState {
  return {
    slot: index,
    holder,
    since: 5,
    former: former === undefined ? undefined : { provider: former, until: 5 },
    offer: undefined,
    expiries: 0,
    voided: false,
  };
}

/** A chain whose slots can be changed, and how often it was asked. */
function setUp() {
  const chain = { slots: [slot(0, 1), slot(1, 2), slot(2, 3)], changed: false, asked: 0, away: false };
  const clock = createManualClock();
  const holders = createHolders({
    clock,
    opened,
    view: {
      async orderState() {
        chain.asked++;
        if (chain.away) throw new Error("no node");
        const { changed } = chain;
        return { status: "open", settledTo: 0, endEpoch: 9, escrow: 0n, evicted: 0, changed };
      },
      slots: async () => chain.slots,
    },
  });
  const change = (...slots: SlotState[]) => {
    chain.changed = true;
    for (const one of slots) chain.slots[one.slot] = one;
  };
  return { chain, clock, holders, change };
}

const holder = (index: number, provider: number | undefined): ShardSource => ({
  slot: index,
  provider,
  former: false,
});
const former = (index: number, provider: number): ShardSource => ({ slot: index, provider, former: true });

describe("holders of an order", () => {
  it("are those it was opened with, at one question, until a slot changes hands", async () => {
    const { chain, holders } = setUp();
    const expected = [holder(0, 1), holder(1, 2), holder(2, 3)];
    assert.deepEqual(await holders.sources(), expected);
    assert.deepEqual(await holders.sources(), expected);
    assert.equal(chain.asked, 1);
  });

  it("are those of now, then everybody who is known to have held a slot, each once", async () => {
    const { holders, change } = setUp();
    // Slot 0 went 1 → 8 → 9, slot 1 is vacant, slot 2 came back to its first holder.
    change(slot(0, 9, 8), slot(1, undefined, 2), slot(2, 3, 7));
    assert.deepEqual(await holders.sources(), [
      holder(0, 9),
      holder(1, undefined),
      holder(2, 3),
      former(0, 8),
      former(0, 1),
      former(1, 2),
      former(2, 7),
    ]);
  });

  it("are asked for again at once when one fails for the first time", async () => {
    const { chain, holders, change } = setUp();
    await holders.sources();
    change(slot(1, 4, 2));
    assert.equal(await holders.after(holder(1, 2)), 4);
    assert.equal(chain.asked, 2);
    assert.deepEqual((await holders.sources())[1], holder(1, 4));
  });

  it("are not asked for again within ten seconds when one fails again and again", async () => {
    const { chain, clock, holders, change } = setUp();
    await holders.sources();
    assert.equal(await holders.after(holder(1, 2)), 2);
    change(slot(1, undefined, 2));
    clock.advance(9_999);
    assert.equal(await holders.after(holder(1, 2)), 2);
    assert.equal(chain.asked, 2);
    clock.advance(1);
    assert.equal(await holders.after(holder(1, 2)), undefined);
    assert.equal(chain.asked, 3);
  });

  it("stay what they were while the chain does not answer", async () => {
    const { chain, holders } = setUp();
    const before = await holders.sources();
    chain.away = true;
    await assert.rejects(holders.after(holder(0, 1)));
    assert.deepEqual(await holders.sources(), before);
  });
});
