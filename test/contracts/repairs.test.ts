import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { keccak256, stringToHex } from "viem";
import { orderId } from "../../protocol/order.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { TOKENS } from "../support/contracts/group.ts";
import { createRepairGroup, pay, type RepairGroup, repairEvents } from "../support/contracts/repairs.ts";

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

// ------------------------------------------------------------------------------------------------------ acceptance

test("the assignee takes the slot by its own transaction, from the next epoch on", async () => {
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 7));
  const before = await group.state();
  await group.toEpoch(5);
  const receipt = await group.accept(1, 5);
  // Nobody held the slot from 3 to 6: three epochs, less than the bonus.
  assert.deepEqual(repairEvents(receipt), [
    {
      name: "RepairAccepted",
      args: { orderId: group.id, providerId: 5, slot: 1, since: 6, former: 2, until: 3, vacancyPay: pay(3) },
    },
  ]);
  assert.deepEqual(await group.slotOf(1), {
    ...{ holder: 5, since: 6, former: 2, formerSince: 1, until: 3 },
    ...{ assignee: 0, deadline: 0, expiries: 0, vacant: false, voided: false },
  });
  assert.deepEqual(await group.read.repairs("holdersOf", [group.order]), [1, 5, 3, 4]);
  const state = await group.state();
  assert.deepEqual([state.evicted, before.escrow - state.escrow], [0, pay(3)]);
  assert.equal((await group.stakeOf(5)).locked, COLLATERAL);
  await rejectsWith(group.accept(1, 5), "OfferMissing", [group.id, 1, 5]);
  await group.books();
});

test("an offer is taken by its assignee only, up to and in its last epoch", async () => {
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 5));
  await rejectsWith(group.accept(1, 6), "OfferMissing", [group.id, 1, 6]);
  await rejectsWith(group.onRepairs("acceptRepair", [group.order, 1], testAccount(60)), "OfferMissing", [
    ...[group.id, 1, 0],
  ]);
  await rejectsWith(group.accept(4, 5), "SlotUnknown", [group.id, 4]);
  const unknown = { ...group.order, salt: keccak256("0x01") };
  await rejectsWith(group.accept(1, 5, unknown), "OrderNotOpen", [orderId(unknown)]);
  await group.toEpoch(6);
  await rejectsWith(group.accept(1, 5), "OfferExpired", [group.id, 1, 5, 6]);
  await pristine.restore();
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 5));
  await group.toEpoch(5);
  await group.accept(1, 5);
});

test("nobody takes a slot of an order that ends before its first challenge", async () => {
  for (const [end, isTaken] of [
    [6, false],
    [7, true],
  ] as const) {
    await pristine.restore();
    const { order, id } = await group.shortOrder(end);
    await group.certifyUpTo(2);
    await group.epoch(3, group.lost(2, [group.entry(1, 0, id)]), group.offer(5, 1, 7, order));
    await group.toEpoch(5);
    if (isTaken) await group.accept(1, 5, order);
    else await rejectsWith(group.accept(1, 5, order), "OrderEndsTooSoon", [id, 6, 6]);
  }
});

test("an early end counts as the end", async () => {
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 7));
  await group.onOrders("end", [group.order]);
  assert.equal((await group.state()).endEpoch, 4);
  await rejectsWith(group.accept(1, 5), "OrderEndsTooSoon", [group.id, 4, 4]);
});

test("one provider holds one slot of an order", async () => {
  await group.certifyUpTo(2);
  await group.evict(3, 1);
  await group.epoch(4, group.offer(3, 1, 7), group.lost(1, [group.entry(0)]), group.offer(5, 0, 7));
  await rejectsWith(group.accept(1, 3), "HolderAlready", [group.id, 3, 2]);
  await group.accept(0, 5);
  await group.epoch(5);
  await group.toEpoch(8);
  await group.epoch(8, group.offer(5, 1, 9));
  await rejectsWith(group.accept(1, 5), "HolderAlready", [group.id, 5, 0]);
});

test("who lost a slot may repair another, or the same, and collateral it needs", async () => {
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(2, 1, 7));
  const { stake } = await group.stakeOf(2);
  // All but what one slot locks is spent elsewhere: what the accused slot locks is not free.
  const stripes = Number((stake - COLLATERAL) / (COLLATERAL / 2n));
  await group.openOrder({
    ...{ providers: [2], policy: (2 << 16) | (1 << 8), stripes, price: 100n << 32n, startEpoch: 5 },
    salt: keccak256(stringToHex("rest")),
  });
  await rejectsWith(group.accept(1, 2), "StakeNotFree", [2, 0n, COLLATERAL]);
  await group.onStaking("addStake", [0, 2, COLLATERAL]);
  await group.accept(1, 2);
  assert.equal((await group.slotOf(1)).former, 2);
});

// ------------------------------------------------------------------------------------------------------------ void

test("a slot that nobody took is given up after offerExpiries offers, and what it would cost returns", async () => {
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 4));
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 0, 1]);
  await group.certifyUpTo(4, 4);
  await group.epoch(5, group.offer(6, 1, 6));
  await group.certifyUpTo(6, 6);
  await group.epoch(7, group.offer(7, 1, 8));
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 2, 1]);
  await group.toEpoch(8);
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 2, 1]);
  await group.certifyUpTo(8, 8);
  await group.toEpoch(9);
  await group.settle(9);
  const [before, { escrow }] = [await group.balance(), await group.state()];
  const receipt = await group.onRepairs("voidSlot", [group.order, 1], testAccount(60));
  assert.deepEqual(
    repairEvents(receipt).map(({ name }) => name),
    ["RepairOfferExpired", "SlotVoided"],
  );
  assert.equal((await group.slotOf(1)).voided, true);
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable");
  assert.equal(await group.offerAnswer(9, group.offer(5, 1, 11)), "SLOT_VOID");
  await group.epoch(9);
  await group.settle(10);
  // Kept for the vacancy were the epochs from 3 to 40.
  const paid = escrow - (await group.state()).escrow - ((await group.balance()) - before);
  assert.equal((await group.balance()) - before >= pay(37), true);
  assert.ok(paid >= 3n * (pay(9) - pay(8)), "three slots and the fees go on");
  await group.books();
});

test("a held slot is not given up", async () => {
  await group.certifyUpTo(2);
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 0, 0]);
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 4]), "SlotUnknown", [group.id, 4]);
});

test("with more vacant slots than parities every one of them can be given up at once", async () => {
  await group.certifyUpTo(2);
  await group.epoch(3, group.lost(1, [group.entry(0)]), group.lost(2, [group.entry(1)]));
  for (const slot of [0, 1]) {
    await rejectsWith(group.onRepairs("voidSlot", [group.order, slot]), "SlotNotVoidable", [
      ...[group.id, slot, 0, 2],
    ]);
  }
  await group.epoch(4, group.lost(3, [group.entry(2)]), group.offer(5, 2, 7));
  for (const slot of [0, 1, 2]) await group.onRepairs("voidSlot", [group.order, slot]);
  await rejectsWith(group.accept(2, 5), "OfferMissing", [group.id, 2, 5]);
  const before = await group.balance();
  await group.certifyUpTo(5, 5);
  await group.settle(6);
  assert.ok((await group.balance()) - before > 3n * pay(35), "all that the three could have cost");
  await group.onOrders("end", [group.order]);
  await group.certifyUpTo(6, 6);
  await group.settle(40);
  assert.equal((await group.state()).escrow, 0n);
  await group.books();
});
