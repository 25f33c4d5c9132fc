import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "viem";
import { readDisputes } from "../../../client/chain/disputeView.ts";
import type { SlotState } from "../../../client/chain/groupView.ts";
import { readHistory } from "../../../client/chain/orderHistory.ts";
import {
  legend,
  redundancyBar,
  type SlotStatus,
  slotStatus,
  spareParities,
} from "../../../client/status/redundancy.ts";
import type { Ticket } from "../../../protocol/chain/disputeTypes.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork, owner } from "./memoryNetwork.ts";

const ORDER: Hex = `0x${"11".repeat(32)}`;
const OTHER: Hex = `0x${"22".repeat(32)}`;

const state = (news: Partial<SlotState> = {}): SlotState => ({
  slot: 0,
  holder: 4,
  since: 10,
  former: undefined,
  offer: undefined,
  expiries: 0,
  voided: false,
  ...news,
});

const ticket = (news: Partial<Ticket> = {}): Ticket => ({
  id: 1n,
  orderId: ORDER,
  slot: 0,
  stripe: 2,
  providerId: 4,
  since: 10,
  until: 0,
  challenger: owner.address,
  bond: 5n,
  deadline: 2_120n,
  deadlineBlock: 112n,
  draw: ORDER,
  ownerLane: true,
  asBlob: false,
  ...news,
});

const judge = (news: Partial<SlotState>, facts: Partial<Parameters<typeof slotStatus>[1]> = {}) =>
  slotStatus(state(news), { epochNow: 20, endpoint: "p4", missed: [], challenges: [], ...facts });

describe("condition of a slot", () => {
  for (const [what, news, facts, condition] of [
    ["somebody who proved everything", {}, {}, "held"],
    ["somebody who missed an epoch that was looked at", {}, { missed: [10] }, "missed"],
    ["somebody who took it over after the epoch that was missed", {}, { missed: [9] }, "held"],
    [
      "somebody under an open direct challenge",
      {},
      { missed: [12], challenges: [{ ticket: ticket(), outcome: undefined }] },
      "accused",
    ],
    [
      "somebody who answered a direct challenge",
      {},
      {
        challenges: [
          { ticket: ticket(), outcome: { answered: true, by: owner.address, reimbursed: 1n } as const },
        ],
      },
      "held",
    ],
    [
      "somebody while the one before is challenged",
      {},
      { challenges: [{ ticket: ticket({ providerId: 3 }), outcome: undefined }] },
      "held",
    ],
    ["somebody who leaves and whose slot is offered", { offer: { provider: 7, deadline: 25 } }, {}, "held"],
    ["nobody", { holder: undefined }, {}, "vacant"],
    [
      "nobody, offered up to this epoch",
      { holder: undefined, offer: { provider: 7, deadline: 20 } },
      {},
      "offered",
    ],
    [
      "nobody, offered up to the epoch before",
      { holder: undefined, offer: { provider: 7, deadline: 19 } },
      {},
      "vacant",
    ],
    [
      "nobody, ever again",
      { holder: undefined, voided: true, offer: { provider: 7, deadline: 25 } },
      {},
      "void",
    ],
  ] as const) {
    it(`is ${condition} when it is held by ${what}`, () => {
      assert.equal(judge(news, facts).condition, condition);
    });
  }

  it("is shown as one sign each, with a legend of the signs that appear", () => {
    const slots = (["held", "held", "missed", "accused", "offered", "vacant", "void"] as const).map(
      (condition) => ({
        condition,
      }),
    );
    assert.equal(redundancyBar(slots), "[##-?>.x]");
    assert.equal(legend(slots.slice(0, 3)), "# held  - missed");
  });
});

describe("spare parities", () => {
  const slots = (...each: Partial<SlotStatus>[]) =>
    each.map((one) => ({ ...judge({}), provider: 4, missed: [], ...one }) as SlotStatus);

  it("are m less the slots without a holder and those that missed the last certified epoch", () => {
    assert.equal(spareParities(2, slots({}, {}, {}, {}), 15), 2);
    assert.equal(spareParities(2, slots({ provider: undefined }, {}, {}, {}), 15), 1);
    assert.equal(spareParities(2, slots({ provider: undefined }, { missed: [15] }, {}, {}), 15), 0);
    assert.equal(spareParities(2, slots({ missed: [14] }, {}, {}, {}), 15), 2);
  });

  it("are negative once more than m are gone", () => {
    assert.equal(spareParities(1, slots({ provider: undefined }, { missed: [15] }, {}), 15), -1);
  });
});

/** An event as viem gives it, as far as it is read. */
const event = (eventName: string, args: object) => ({ eventName, args }) as never;

describe("history of an order", () => {
  const offered = (slot: number, providerId: number, epoch: number) =>
    event("RepairOffered", { slot, providerId, epoch, deadline: epoch + 3 });

  it("tells of each offer what became of it", () => {
    const { repairs, evictions, voided } = readHistory([
      event("SlotEvicted", { slot: 1, providerId: 2, since: 3, until: 8 }),
      offered(1, 7, 8),
      event("RepairOfferExpired", { slot: 1, providerId: 7, expiries: 1 }),
      offered(1, 7, 12),
      event("RepairAccepted", { slot: 1, providerId: 7, since: 14 }),
      event("BonusPaid", { slot: 1, providerId: 7, amount: 5n, refunded: 2n }),
      offered(2, 8, 12),
      event("SlotVoided", { slot: 3 }),
    ]);
    assert.deepEqual(evictions, [{ slot: 1, provider: 2, until: 8 }]);
    assert.deepEqual(repairs, [
      { slot: 1, provider: 7, offered: 8, deadline: 11, outcome: "expired" },
      { slot: 1, provider: 7, offered: 12, deadline: 15, outcome: "accepted", since: 14, bonus: 5n },
      { slot: 2, provider: 8, offered: 12, deadline: 15, outcome: "offered" },
    ]);
    assert.deepEqual(voided, [3]);
  });

  it("adds up what came back to the payer", () => {
    const { settled, returned } = readHistory([
      event("OrderSettled", { refunded: 10n }),
      event("BonusPaid", { slot: 0, providerId: 1, amount: 0n, refunded: 3n }),
      event("OrderSettled", { refunded: 5n }),
      event("BonusForfeited", { slot: 0, refunded: 4n }),
    ]);
    assert.deepEqual([settled, returned], [15n, 7n]);
  });
});

describe("disputes of a group", () => {
  const entries = [{ orderId: ORDER, slot: 1, stripe: 0, since: 1, until: 8 }];
  const recorded = (providerId: number, isProtected = false) =>
    event("LostRecorded", { providerId, epoch: 9, part: 0, deadline: 99n, isProtected, entries });
  const key = (providerId: number) => ({ providerId, epoch: 9, part: 0 });

  it("are open, protected, appealed or closed", () => {
    const { records } = readDisputes([
      recorded(1),
      recorded(2, true),
      recorded(3),
      event("AppealAccepted", key(3)),
      recorded(4),
      event("RecordClosed", key(4)),
    ]);
    assert.deepEqual(
      records.map(({ provider, status }) => [provider, status]),
      [
        [1, "open"],
        [2, "protected"],
        [3, "appealed"],
        [4, "closed"],
      ],
    );
  });

  it("know of each direct challenge how it ended", () => {
    const { challenges } = readDisputes([
      event("ChallengeOpened", { id: 1n, ticket: ticket() }),
      event("ChallengeOpened", { id: 2n, ticket: ticket({ id: 2n }) }),
      event("ChallengeOpened", { id: 3n, ticket: ticket({ id: 3n }) }),
      event("ChallengeAnswered", { id: 1n, by: owner.address, reimbursed: 4n }),
      event("ChallengeUnanswered", { id: 2n, evicted: true, reward: 6n }),
    ]);
    assert.deepEqual(
      challenges.map(({ outcome }) => outcome),
      [
        { answered: true, by: owner.address, reimbursed: 4n },
        { answered: false, evicted: true, reward: 6n },
        undefined,
      ],
    );
  });
});

describe("status of an order", () => {
  async function stored() {
    const network = createMemoryNetwork({ providers: 6 });
    const { orderId, order } = await network
      .client()
      .store(noise(10, 1), { name: "it", policy: "rs(2,1)", epochs: 20 });
    network.epochNow = order.startEpoch + 4;
    const spare = [...network.providers.keys()].filter((id) => !order.providers.includes(id));
    return { network, orderId, order, spare };
  }

  it("tells faults with their epochs, whatever their kind, and what is disputed about this order only", async () => {
    const { network, orderId, order } = await stored();
    const [first, second, third] = order.providers;
    const { epochNow } = network;
    network.missed.add(`${first} ${epochNow - 1}`);
    network.evict(orderId, 1);
    network.evict(orderId, 2);
    network.histories.set(orderId, {
      evictions: [
        { slot: 1, provider: second!, until: epochNow - 1 },
        { slot: 2, provider: third!, until: epochNow },
      ],
      settled: 10n,
      returned: 3n,
    });
    const entry = (id: Hex, slot: number) => ({ orderId: id, slot, stripe: 0, until: epochNow - 1 });
    const record = { epoch: epochNow - 2, part: 0, deadline: 99 };
    network.records.push(
      { ...record, provider: second!, status: "open", entries: [entry(orderId, 1), entry(OTHER, 0)] },
      { ...record, provider: third!, status: "open", entries: [entry(OTHER, 2)] },
    );
    network.challenges.set(1n, { ticket: ticket({ orderId, providerId: first! }), outcome: undefined });
    network.challenges.set(2n, { ticket: ticket({ id: 2n, orderId: OTHER }), outcome: undefined });
    const status = await network.client().status(orderId);
    assert.deepEqual(status.faults, [
      { epoch: epochNow - 2, slot: 1, provider: second, kind: "lost" },
      { epoch: epochNow - 1, slot: 0, provider: first, kind: "missed" },
      { epoch: epochNow, slot: 2, provider: third, kind: "unanswered" },
    ]);
    assert.deepEqual(status.disputes, [
      {
        kind: "lost",
        provider: second,
        epoch: epochNow - 2,
        part: 0,
        slots: [1],
        status: "open",
        deadline: 99,
      },
      { kind: "challenge", id: 1n, provider: first, slot: 0, stripe: 2, deadline: 2_120 },
    ]);
    assert.equal(redundancyBar(status.slots), "[?..]");
    assert.equal(status.spare, 1 - 3);
    assert.deepEqual(status.refunded, { settled: 10n, slashed: 0n, returned: 3n, total: 13n });
  });

  it("says nothing of a dispute that is over", async () => {
    const { network, orderId, order } = await stored();
    network.records.push({
      provider: order.providers[1]!,
      epoch: 3,
      part: 0,
      deadline: 9,
      status: "closed",
      entries: [{ orderId, slot: 1, stripe: 0, until: 3 }],
    });
    const outcome = { answered: true, by: owner.address, reimbursed: 1n } as const;
    network.challenges.set(1n, { ticket: ticket({ orderId }), outcome });
    assert.deepEqual((await network.client().status(orderId)).disputes, []);
  });

  it("blames a new holder for nothing that was missed before it came", async () => {
    const { network, orderId, spare } = await stored();
    network.handOver(orderId, 0, spare[0]!);
    network.epochNow += 2;
    network.missed.add(`${spare[0]} ${network.epochNow - 3}`);
    const before = await network.client().status(orderId);
    assert.deepEqual([before.slots[0]!.condition, before.spare], ["held", 1]);
    network.missed.add(`${spare[0]} ${network.epochNow - 1}`);
    const after = await network.client().status(orderId);
    assert.deepEqual([after.slots[0]!.condition, after.spare], ["missed", 0]);
  });

  it("sums up what has not ended, and counts the rest", async () => {
    const { network, orderId, order } = await stored();
    await network.client().store(noise(10, 2), { name: "short", policy: "copies(2)", epochs: 1 });
    network.evict(orderId, 2);
    const short = network.orders[1]!.order;
    network.epochNow = Math.min(short.endEpoch, order.endEpoch) - 1;
    assert.deepEqual(
      (await network.client().overview()).orders.map((one) => redundancyBar(one.slots)),
      ["[##.]", "[##]"],
    );
    network.epochNow = short.endEpoch;
    const { orders, ended, group } = await network.client().overview();
    assert.deepEqual([orders.map((one) => one.orderId), ended], [[orderId], 1]);
    assert.equal(group.keepers, 4);
  });
});
