import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Hex, keccak256, parseEventLogs } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { rejectsWith } from "../support/contracts/chain.ts";
import { disputeEvents } from "../support/contracts/disputes.ts";
import { TOKENS } from "../support/contracts/group.ts";
import {
  createRepairGroup,
  pay,
  type RepairGroup,
  repairEvents,
  trimmed,
} from "../support/contracts/repairs.ts";

/* Providers 1 to 4 hold the slots 0 to 3 of an order rs(2,2) from epoch 1 to 40; 5 to 7 hold nothing. */
const COLLATERAL = 2n * (TOKENS / 1000n);

let group: RepairGroup;
let pristine: Awaited<ReturnType<RepairGroup["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createRepairGroup();
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

/** What eviction from `provider` in `epoch` would come to; 0 for a direct challenge. */
const evictAnswer = async (of: Order, slot: number, provider: number, epoch: number) => {
  const opened = {
    ...{ orderId: orderId(of), slot, holder: of.providers[slot], since: of.startEpoch, stripes: of.stripes },
  };
  const args = [opened, provider, epoch, await group.read.settlement<number>("lastFinished")];
  const [reason, since, until] = (await group.answerTo(group.disputes, "evict", args)) as [
    Hex,
    number,
    number,
  ];
  return [trimmed(reason), since, until];
};
// ------------------------------------------------------------------------------------------------------- evictions

test("a lost slot is vacant at once, and its holder paid through the last finished epoch", async () => {
  await group.certifyUpTo(2);
  const receipt = await group.epoch(3, group.lost(2, [group.entry(1)]));
  assert.deepEqual(repairEvents(receipt), [
    { name: "SlotEvicted", args: { orderId: group.id, providerId: 2, slot: 1, since: 1, until: 3 } },
  ]);
  assert.deepEqual(await group.slotOf(1), {
    ...{ holder: 0, since: 0, former: 2, formerSince: 1, until: 3 },
    ...{ assignee: 0, deadline: 0, expiries: 0, vacant: true, voided: false },
  });
  assert.deepEqual(await group.read.repairs("holdersOf", [group.order]), [1, 0, 3, 4]);
  const { evicted, changed } = await group.state();
  assert.deepEqual([evicted, changed], [1, true]);
  assert.equal((await group.stakeOf(2)).locked, COLLATERAL, "until the dispute is over");
  await group.certifyUpTo(5, 4);
  await group.settle(6);
  assert.deepEqual([await group.credit(1), await group.credit(2)], [pay(5), pay(2)]);
  await group.books();
});

test("a slot is evicted only from its holder", async () => {
  await group.certifyUpTo(2);
  const evict = (slot: number, provider: number, of: Order = group.order) =>
    evictAnswer(of, slot, provider, 3);
  assert.deepEqual(await evict(1, 2), ["", 1, 3]);
  assert.deepEqual(await evict(3, 4), ["", 1, 3]);
  assert.deepEqual(await evict(1, 3), ["NOT_HOLDER", 0, 0]);
  assert.deepEqual(await evict(1, 0), ["NOT_HOLDER", 0, 0]);
  assert.deepEqual(await evict(1, 2, { ...group.order, salt: keccak256("0x01") }), ["ORDER_NOT_OPEN", 0, 0]);
  await group.evict(3, 1);
  assert.deepEqual(await evict(1, 2), ["NOT_HOLDER", 0, 0], "it was");
  assert.deepEqual(await evict(1, 0), ["NOT_HOLDER", 0, 0], "a vacant slot has none");
});

test("keepers evict nobody before its first epoch is finished; a direct challenge does", async () => {
  const evict = (epoch: number) => evictAnswer(group.order, 1, 2, epoch);
  assert.deepEqual(await evict(1), ["HOLDER_NEW", 0, 0]);
  assert.deepEqual(await evict(0), ["", 1, 1], "an empty interval");
  await group.certifyUpTo(1);
  assert.deepEqual(await evict(2), ["", 1, 2]);
});

test("the order's end is the end of the interval; a closed order knows direct challenges only", async () => {
  const { order, id } = await group.shortOrder(4);
  await group.certifyUpTo(6);
  const evict = (epoch: number) => evictAnswer(order, 1, 2, epoch);
  assert.deepEqual(await evict(7), ["", 1, 4]);
  await group.settle(4, order);
  assert.deepEqual(await evict(7), ["ORDER_NOT_OPEN", 0, 0]);
  assert.deepEqual(await evict(0), ["", 1, 4]);
  await group.onOrders("releaseCollateral", [order]);
  assert.deepEqual(await evict(0), ["ORDER_NOT_OPEN", 0, 0], id);
});

test("an epoch's lost leaves evict up to the cap of all shards", async () => {
  await group.certifyUpTo(1);
  // Eight shards are active, half of them may go: two slots of two.
  const lost = [1, 2, 3].map((provider) => group.lost(provider, [group.entry(provider - 1)]));
  const receipt = await group.epoch(2, ...lost);
  assert.deepEqual(
    repairEvents(receipt).map(({ args }) => args.slot),
    [0, 1],
  );
  const dropped = disputeEvents(receipt).filter(({ name }) => name === "LostEntryDropped");
  assert.deepEqual(
    dropped.map(({ args }) => [args.providerId, trimmed(args.reason as Hex)]),
    [[3, "CAP_REACHED"]],
  );
  const next = await group.epoch(3, group.lost(3, [group.entry(2)]));
  assert.equal(repairEvents(next)[0]!.args.slot, 2, "each epoch has its own");
  await group.books();
});

test("one slot may always be evicted, however large", async () => {
  const tight = await createRepairGroup({ parameters: { evictionCap: 1 } });
  await tight.epoch(1);
  const lost = [1, 2].map((provider) => tight.lost(provider, [tight.entry(provider - 1)]));
  assert.equal(repairEvents(await tight.epoch(2, ...lost)).length, 1);
  await tight.chain.close();
});

test("a slot that changes hands twice is settled in between", async () => {
  await group.certifyUpTo(2);
  await group.evict(3, 1);
  await group.epoch(4, group.offer(5, 1, 7));
  await group.accept(1, 5);
  assert.equal((await group.slotOf(1)).since, 5);
  await group.certifyUpTo(5, 5);
  await assert.rejects(
    group.evict(6, 1, 5),
    (error: Error) => error.message.includes("SlotNotSettled"),
    "the word holds one former interval",
  );
  await group.settle(2);
  await assert.rejects(group.apply(6, [group.lost(5, [group.entry(1)])]), /SlotNotSettled/);
  await group.settle(3);
  await group.apply(6, [group.lost(5, [group.entry(1)])]);
  assert.deepEqual(await group.slotOf(1), {
    ...{ holder: 0, since: 0, former: 5, formerSince: 5, until: 6 },
    ...{ assignee: 0, deadline: 0, expiries: 0, vacant: true, voided: false },
  });
  await group.certifyUpTo(8, 7);
  await group.settle(9);
  assert.deepEqual([await group.credit(2), await group.credit(5)], [pay(2), pay(1)]);
  await group.books();
});

// ---------------------------------------------------------------------------------------------------------- offers

test("an offer is for a vacant slot, in time, to somebody", async () => {
  await group.certifyUpTo(2);
  await group.evict(3, 1);
  const offer = (slot: number, assignee: number, deadline: number, of: Order = group.order) =>
    group.offerAnswer(3, group.offer(assignee, slot, deadline, of));
  // offerEpochs is 3: the leaf of epoch 3 may name 4 to 7.
  for (const [deadline, reason] of [
    [3, "DEADLINE_WRONG"],
    [4, ""],
    [7, ""],
    [8, "DEADLINE_WRONG"],
  ] as const) {
    assert.equal(await offer(1, 5, deadline), reason, `${deadline}`);
  }
  assert.equal(await offer(0, 5, 7), "SLOT_HELD");
  assert.equal(await offer(4, 5, 7), "SLOT_UNKNOWN");
  assert.equal(await offer(1, 0, 7), "PROVIDER_UNKNOWN");
  assert.equal(await offer(1, 7, 7), "");
  assert.equal(await offer(1, 8, 7), "PROVIDER_UNKNOWN");
  assert.equal(await offer(1, 5, 7, { ...group.order, salt: keccak256("0x01") }), "ORDER_NOT_OPEN");
  await group.toEpoch(5);
  assert.equal(await offer(1, 5, 5), "");
  assert.equal(await offer(1, 5, 4), "DEADLINE_OVER", "nobody could accept any more");
});

test("what an offer leaf stands for has to be shown", async () => {
  await group.certifyUpTo(2);
  await group.evict(3, 1);
  const leaf = group.offer(5, 1, 7);
  for (const other of [group.offer(5, 1, 6), group.offer(5, 2, 7)]) {
    await assert.rejects(group.offerAnswer(3, { ...leaf, detail: other.detail! }), /OfferDetailInvalid/);
  }
  for (const detail of ["0x", `0x${"ff".repeat(64)}`, leaf.detail!.slice(0, 66)] as Hex[]) {
    await assert.rejects(group.offerAnswer(3, { ...leaf, detail }), "nothing to read");
  }
});

test("no offer is made for an order that ends before anybody could be challenged", async () => {
  const { order } = await group.shortOrder(6);
  await group.certifyUpTo(2);
  await group.evict(3, 1, 2, order);
  const offer = () => group.offerAnswer(3, group.offer(5, 1, 7, order));
  await group.toEpoch(4);
  assert.equal(await offer(), "", "since 5, before 6");
  await group.toEpoch(5);
  assert.equal(await offer(), "ORDER_ENDS");
});

test("an offer is exclusive until its deadline; then it passes on and counts", async () => {
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 4));
  assert.equal(await group.offerAnswer(4, group.offer(6, 1, 7)), "OFFER_LIVE");
  await group.toEpoch(4);
  assert.equal(await group.offerAnswer(4, group.offer(6, 1, 7)), "OFFER_LIVE");
  await group.epoch(4);
  const receipt = await group.epoch(5, group.offer(6, 1, 8));
  assert.deepEqual(repairEvents(receipt), [
    { name: "RepairOfferExpired", args: { orderId: group.id, providerId: 5, slot: 1, expiries: 1 } },
    { name: "RepairOffered", args: { orderId: group.id, providerId: 6, slot: 1, epoch: 5, deadline: 8 } },
  ]);
  const { assignee, deadline, expiries } = await group.slotOf(1);
  assert.deepEqual([assignee, deadline, expiries], [6, 8, 1]);
  await rejectsWith(group.accept(1, 5), "OfferMissing", [group.id, 1, 5]);
});

test("a leaf that nobody can apply is skipped by its reason", async () => {
  await group.certifyUpTo(2);
  const receipt = await group.epoch(3, group.offer(5, 0, 6));
  const logs = parseEventLogs({
    abi: challengeSettlementAbi,
    eventName: "ExceptionSkipped",
    logs: receipt.logs,
  });
  assert.deepEqual(
    logs.map(({ args }) => [args.kind, args.provider, trimmed(args.reason)]),
    [[3, 5, "SLOT_HELD"]],
  );
});
