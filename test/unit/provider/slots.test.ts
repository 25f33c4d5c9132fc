import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GroupState, SlotInfo } from "../../../protocol/chain/groupTypes.ts";
import { peerIdFromSeed } from "../../../protocol/net/host.ts";
import { heldUntil, liveOffer, missedLately, offersTo, readReason } from "../../../provider/slots.ts";
import { createRepairWorld, makeOffered, makeSlot, OWN } from "./repairSupport.ts";

const SLOT = 3;
/** Who held the slot before. */
const FORMER = 4;

function withSlot(slot: SlotInfo, change: Partial<GroupState> = {}) {
  const repair = createRepairWorld({ stripes: 1 });
  repair.world.slots[SLOT] = slot;
  return { repair, state: { ...repair.state(), ...change } as GroupState, order: repair.info() };
}

describe("a live offer", () => {
  it("ends with its deadline, the slot, the order, or the last epoch but one of it", () => {
    const { repair, order } = withSlot(makeOffered(SLOT));
    const slot = makeOffered(SLOT);
    assert.equal(liveOffer(order, slot, 25)?.provider, OWN);
    assert.equal(liveOffer(order, slot, 26), undefined);
    assert.equal(liveOffer(order, { ...slot, voided: true }, 25), undefined);
    assert.equal(liveOffer({ ...order, closed: true }, slot, 25), undefined);
    assert.equal(liveOffer({ ...order, endEpoch: 26 }, slot, 25), undefined);
    assert.equal(liveOffer({ ...order, endEpoch: 27 }, slot, 25)?.provider, OWN);
    assert.equal(offersTo(repair.state(), OWN, 25).length, 1);
    assert.equal(offersTo(repair.state(), OWN + 1, 25).length, 0);
  });
});

describe("reading without a capability", () => {
  const seeds = ["11", "22"] as const;

  async function start(slot: SlotInfo) {
    const { repair, state } = withSlot(slot);
    const [own, other] = await Promise.all(seeds.map((seed) => peerIdFromSeed(`0x${seed.repeat(32)}`)));
    const endpoint = (peer: string | undefined) => `/ip4/127.0.0.1/tcp/1/p2p/${peer}`;
    const providers = new Map(state.providers);
    providers.set(OWN, { ...providers.get(OWN)!, endpoint: endpoint(own) });
    providers.set(1, { ...providers.get(1)!, endpoint: endpoint(other) });
    const reason = (peer: string | undefined, epoch: number, missed: [number, number[]][] = []) =>
      readReason({ ...state, providers, missed: new Map(missed) }, peer ?? "", repair.id, epoch);
    return { own, other, reason };
  }

  it("is for the host of a live offer's assignee, up to and in the deadline", async () => {
    const { own, other, reason } = await start(makeOffered(SLOT));
    assert.equal(reason(own, 25), "repair");
    assert.equal(reason(own, 26), undefined);
    assert.equal(reason(other, 25), undefined);
    assert.equal(reason("", 25), undefined);
  });

  it("is for a holder that missed an epoch within the cool-off, to heal itself", async () => {
    const { own, other, reason } = await start(makeSlot(SLOT));
    assert.equal(reason(other, 25), undefined);
    assert.equal(reason(other, 25, [[25, [1]]]), "heal");
    assert.equal(reason(other, 25, [[22, [1]]]), "heal");
    assert.equal(reason(other, 25, [[21, [1]]]), undefined);
    assert.equal(reason(other, 25, [[25, [2]]]), undefined);
    assert.equal(reason(own, 25, [[25, [OWN]]]), undefined, "who holds no slot of it has nothing to heal");
  });

  it("counts missed epochs as far back as the cool-off", () => {
    const state = (epoch: number) =>
      ({ parameters: { coolOffEpochs: 4 }, missed: new Map([[epoch, [7]]]) }) as unknown as GroupState;
    assert.equal(missedLately(state(10), 7, 13), true);
    assert.equal(missedLately(state(10), 7, 14), false);
  });
});

describe("the bytes of a slot are kept", () => {
  /** Order to epoch 30, epochs of 100 s, unbonding 500 s. */
  const OVER = 30 * 100 + 500;
  const handedOver = makeSlot(SLOT, { holder: OWN, since: 24, former: FORMER, until: 23, changed: true });
  const record = { provider: FORMER, status: "open" as const };

  function until(slot: SlotInfo, provider: number, change: (id: string) => Partial<GroupState> = () => ({})) {
    const { repair, state, order } = withSlot(slot);
    return heldUntil({ ...state, ...change(repair.id) } as GroupState, provider, order, SLOT);
  }

  it("by its holder until nobody can ask for them any more", () => {
    assert.equal(until(makeSlot(SLOT), FORMER), OVER);
    assert.equal(until(handedOver, OWN), OVER);
  });

  it("by who lost it while nobody has rebuilt it", () => {
    assert.equal(until(makeOffered(SLOT), FORMER), OVER);
  });

  it("by who handed it over until the last epoch for which it is challenged is over", () => {
    assert.equal(until(handedOver, FORMER), 24 * 100);
    assert.equal(until(makeOffered(SLOT, { voided: true }), FORMER), 23 * 100);
  });

  it("not by who held it before that", () => {
    assert.equal(until(handedOver, 9), 0);
  });

  it("by who lost it while a record of it is not closed", () => {
    for (const [status, expected] of [
      ["open", OVER],
      ["appealed", OVER],
      ["protected", OVER],
      ["closed", 2_400],
    ] as const) {
      const lost = (orderId: string, slot = SLOT) =>
        ({
          lost: new Map([["k", { ...record, status, entries: [{ orderId, slot }] }]]),
        }) as unknown as GroupState;
      assert.equal(
        until(handedOver, FORMER, (id) => lost(id)),
        expected,
        status,
      );
      assert.equal(
        until(handedOver, FORMER, (id) => lost(id, SLOT - 1)),
        2_400,
      );
      assert.equal(
        until(handedOver, FORMER, () => lost("0xother")),
        2_400,
      );
    }
  });

  it("by who lost it while a direct challenge to it is open", () => {
    const challenged = (providerId: number) => (orderId: string) =>
      ({
        directChallenges: new Map([[1n, { ticket: { providerId, orderId, slot: SLOT } }]]),
      }) as unknown as GroupState;
    assert.equal(until(handedOver, FORMER, challenged(FORMER)), OVER);
    assert.equal(until(handedOver, FORMER, challenged(9)), 2_400);
  });
});
