import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Hex, hexToString, keccak256, parseEventLogs, stringToHex, zeroHash } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { disputeEvents } from "../support/contracts/disputes.ts";
import { exceptionTree, type TestLeaf } from "../support/contracts/exceptions.ts";
import { TOKENS } from "../support/contracts/group.ts";
import { createRepairGroup, pay, type RepairGroup, repairEvents } from "../support/contracts/repairs.ts";

/* Providers 1 to 4 hold the slots 0 to 3 of an order rs(2,2) from epoch 1 to 40; 5 to 7 hold nothing. */
const COLLATERAL = 2n * (TOKENS / 1000n);
const BONUS = 2n * (TOKENS / 5000n);

let group: RepairGroup;
let pristine: Awaited<ReturnType<RepairGroup["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createRepairGroup();
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const text = (reason: Hex) => hexToString(reason).replaceAll("\0", "");

/** What a contract of the group gets for an answer when it calls; nothing is changed. */
async function answerTo(caller: Hex, functionName: "evict" | "applyOffer", args: readonly unknown[]) {
  const { result } = await group.chain.publicClient.simulateContract({
    ...{ address: group.repairs, abi: repairsAbi, functionName, args, account: caller },
  } as never);
  return result as unknown;
}
/** What eviction from `provider` in `epoch` would come to; 0 for a direct challenge. */
const evictAnswer = async (of: Order, slot: number, provider: number, epoch: number) => {
  const opened = {
    ...{ orderId: orderId(of), slot, holder: of.providers[slot], since: of.startEpoch, stripes: of.stripes },
  };
  const args = [opened, provider, epoch, await group.read.settlement<number>("lastFinished")];
  const [reason, since, until] = (await answerTo(group.disputes, "evict", args)) as [Hex, number, number];
  return [text(reason), since, until];
};
const offerAnswer = async (epoch: number, leaf: TestLeaf) =>
  text(
    (await answerTo(group.settlement, "applyOffer", [epoch, leaf.provider, leaf.data, leaf.detail])) as Hex,
  );
const certifyUpTo = async (epoch: number, from = 1) => {
  for (let each = from; each <= epoch; each++) await group.epoch(each);
};

// ------------------------------------------------------------------------------------------------------- evictions

test("a lost slot is vacant at once, and its holder paid through the last finished epoch", async () => {
  await certifyUpTo(2);
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
  await certifyUpTo(5, 4);
  await group.settle(6);
  assert.deepEqual([await group.credit(1), await group.credit(2)], [pay(5), pay(2)]);
  await group.books();
});

test("a slot is evicted only from its holder", async () => {
  await certifyUpTo(2);
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
  await certifyUpTo(1);
  assert.deepEqual(await evict(2), ["", 1, 2]);
});

test("the order's end is the end of the interval; a closed order knows direct challenges only", async () => {
  const { order, id } = await shortOrder(4);
  await certifyUpTo(6);
  const evict = (epoch: number) => evictAnswer(order, 1, 2, epoch);
  assert.deepEqual(await evict(7), ["", 1, 4]);
  await group.settle(4, order);
  assert.deepEqual(await evict(7), ["ORDER_NOT_OPEN", 0, 0]);
  assert.deepEqual(await evict(0), ["", 1, 4]);
  await group.onOrders("releaseCollateral", [order]);
  assert.deepEqual(await evict(0), ["ORDER_NOT_OPEN", 0, 0], id);
});

test("an epoch's lost leaves evict up to the cap of all shards", async () => {
  await certifyUpTo(1);
  // Eight shards are active, half of them may go: two slots of two.
  const lost = [1, 2, 3].map((provider) => group.lost(provider, [group.entry(provider - 1)]));
  const receipt = await group.epoch(2, ...lost);
  assert.deepEqual(
    repairEvents(receipt).map(({ args }) => args.slot),
    [0, 1],
  );
  const dropped = disputeEvents(receipt).filter(({ name }) => name === "LostEntryDropped");
  assert.deepEqual(
    dropped.map(({ args }) => [args.providerId, text(args.reason as Hex)]),
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
  await certifyUpTo(2);
  await group.evict(3, 1);
  await group.epoch(4, group.offer(5, 1, 7));
  await group.accept(1, 5);
  assert.equal((await group.slotOf(1)).since, 5);
  await certifyUpTo(5, 5);
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
  await certifyUpTo(8, 7);
  await group.settle(9);
  assert.deepEqual([await group.credit(2), await group.credit(5)], [pay(2), pay(1)]);
  await group.books();
});

// ---------------------------------------------------------------------------------------------------------- offers

test("an offer is for a vacant slot, in time, to somebody", async () => {
  await certifyUpTo(2);
  await group.evict(3, 1);
  const offer = (slot: number, assignee: number, deadline: number, of: Order = group.order) =>
    offerAnswer(3, group.offer(assignee, slot, deadline, of));
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
  await certifyUpTo(2);
  await group.evict(3, 1);
  const leaf = group.offer(5, 1, 7);
  for (const other of [group.offer(5, 1, 6), group.offer(5, 2, 7)]) {
    await assert.rejects(offerAnswer(3, { ...leaf, detail: other.detail! }), /OfferDetailInvalid/);
  }
  for (const detail of ["0x", `0x${"ff".repeat(64)}`, leaf.detail!.slice(0, 66)] as Hex[]) {
    await assert.rejects(offerAnswer(3, { ...leaf, detail }), "nothing to read");
  }
});

test("no offer is made for an order that ends before anybody could be challenged", async () => {
  const { order } = await shortOrder(6);
  await certifyUpTo(2);
  await group.evict(3, 1, 2, order);
  const offer = () => offerAnswer(3, group.offer(5, 1, 7, order));
  await group.toEpoch(4);
  assert.equal(await offer(), "", "since 5, before 6");
  await group.toEpoch(5);
  assert.equal(await offer(), "ORDER_ENDS");
});

test("an offer is exclusive until its deadline; then it passes on and counts", async () => {
  await certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 4));
  assert.equal(await offerAnswer(4, group.offer(6, 1, 7)), "OFFER_LIVE");
  await group.toEpoch(4);
  assert.equal(await offerAnswer(4, group.offer(6, 1, 7)), "OFFER_LIVE");
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
  await certifyUpTo(2);
  const receipt = await group.epoch(3, group.offer(5, 0, 6));
  const logs = parseEventLogs({
    abi: challengeSettlementAbi,
    eventName: "ExceptionSkipped",
    logs: receipt.logs,
  });
  assert.deepEqual(
    logs.map(({ args }) => [args.kind, args.provider, text(args.reason)]),
    [[3, 5, "SLOT_HELD"]],
  );
});

// ------------------------------------------------------------------------------------------------------ acceptance

test("the assignee takes the slot by its own transaction, from the next epoch on", async () => {
  await certifyUpTo(2);
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
  await certifyUpTo(2);
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
  await certifyUpTo(2);
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
    const { order, id } = await shortOrder(end);
    await certifyUpTo(2);
    await group.epoch(3, group.lost(2, [group.entry(1, 0, id)]), group.offer(5, 1, 7, order));
    await group.toEpoch(5);
    if (isTaken) await group.accept(1, 5, order);
    else await rejectsWith(group.accept(1, 5, order), "OrderEndsTooSoon", [id, 6, 6]);
  }
});

test("an early end counts as the end", async () => {
  await certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 7));
  await group.onOrders("end", [group.order]);
  assert.equal((await group.state()).endEpoch, 4);
  await rejectsWith(group.accept(1, 5), "OrderEndsTooSoon", [group.id, 4, 4]);
});

test("one provider holds one slot of an order", async () => {
  await certifyUpTo(2);
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
  await certifyUpTo(2);
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
  await certifyUpTo(2);
  await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 4));
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 0, 1]);
  await certifyUpTo(4, 4);
  await group.epoch(5, group.offer(6, 1, 6));
  await certifyUpTo(6, 6);
  await group.epoch(7, group.offer(7, 1, 8));
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 2, 1]);
  await group.toEpoch(8);
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 2, 1]);
  await certifyUpTo(8, 8);
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
  assert.equal(await offerAnswer(9, group.offer(5, 1, 11)), "SLOT_VOID");
  await group.epoch(9);
  await group.settle(10);
  // Kept for the vacancy were the epochs from 3 to 40.
  const paid = escrow - (await group.state()).escrow - ((await group.balance()) - before);
  assert.equal((await group.balance()) - before >= pay(37), true);
  assert.ok(paid >= 3n * (pay(9) - pay(8)), "three slots and the fees go on");
  await group.books();
});

test("a held slot is not given up", async () => {
  await certifyUpTo(2);
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 1]), "SlotNotVoidable", [group.id, 1, 0, 0]);
  await rejectsWith(group.onRepairs("voidSlot", [group.order, 4]), "SlotUnknown", [group.id, 4]);
});

test("with more vacant slots than parities every one of them can be given up at once", async () => {
  await certifyUpTo(2);
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
  await certifyUpTo(5, 5);
  await group.settle(6);
  assert.ok((await group.balance()) - before > 3n * pay(35), "all that the three could have cost");
  await group.onOrders("end", [group.order]);
  await certifyUpTo(6, 6);
  await group.settle(40);
  assert.equal((await group.state()).escrow, 0n);
  await group.books();
});

// ----------------------------------------------------------------------------------------------------------- bonus

/** Slot 1 goes from provider 2 to provider 5, who holds it from epoch 5 on. */
async function repaired() {
  await certifyUpTo(2);
  const record = group.recorded(await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 7)));
  await group.epoch(4);
  await group.accept(1, 5);
  return record;
}

test("who repaired a slashed slot gets the bonus once it has proven all of it; the reserve returns", async () => {
  const record = await repaired();
  assert.deepEqual(await group.bonusOf(1, 3), { pot: 0n, reserved: pay(2), closed: false, slashed: false });
  await rejectsWith(group.claim(1, 3, 5), "VacancyNotClosed", [group.id, 1, 3]);
  const treasury = (await group.pool())[1];
  const receipt = await group.close(record);
  assert.deepEqual(repairEvents(receipt), [
    { name: "VacancyClosed", args: { orderId: group.id, slot: 1, until: 3, pot: BONUS, slashed: true } },
  ]);
  assert.deepEqual(await group.bonusOf(1, 3), {
    ...{ pot: BONUS, reserved: pay(2), closed: true, slashed: true },
  });
  // A fifth and what neither payer nor repairer takes.
  assert.equal((await group.pool())[1] - treasury, COLLATERAL - pay(2) - BONUS);
  await group.books();
  await certifyUpTo(5, 5);
  await rejectsWith(group.claim(1, 3, 4), "BonusNotDue", [group.id, 1, 4]);
  await rejectsWith(group.claim(1, 3, 6), "BonusNotDue", [group.id, 1, 6]);
  const [credit, balance] = [await group.credit(5), await group.balance()];
  const paid = await group.claim(1, 3, 5);
  assert.deepEqual(repairEvents(paid), [
    {
      name: "BonusPaid",
      args: { orderId: group.id, providerId: 5, slot: 1, until: 3, amount: BONUS, refunded: pay(2) },
    },
  ]);
  assert.deepEqual([(await group.credit(5)) - credit, (await group.balance()) - balance], [BONUS, pay(2)]);
  await rejectsWith(group.claim(1, 3, 5), "NothingToClaim", [group.id, 1, 3]);
  await group.books();
});

test("a missed epoch is none that earns the bonus", async () => {
  const record = await repaired();
  const tree = exceptionTree([{ kind: 1, provider: 5, data: zeroHash }]);
  await group.toEpoch(5);
  await group.certify(group.certificate(5, tree.certificate));
  await group.onSettlement("applyExceptions", [5, ...tree.chunk(0, 1)]);
  await group.close(record);
  await rejectsWith(group.claim(1, 3, 5), "BonusNotDue", [group.id, 1, 5]);
  const next = (await group.read.settlement<number>("epochNow")) + 1;
  await group.epoch(next);
  await group.claim(1, 3, next);
  await group.books();
});

test("when the accused was right, the repairer is paid out of what nobody earned meanwhile", async () => {
  const record = await repaired();
  await group.appeal(record);
  const receipt = await group.close(record);
  assert.deepEqual(repairEvents(receipt)[0]!.args, {
    ...{ orderId: group.id, slot: 1, until: 3, pot: 0n, slashed: false },
  });
  assert.equal((await group.stakeOf(2)).locked, 0n);
  await certifyUpTo(5, 5);
  const [credit, balance] = [await group.credit(5), await group.balance()];
  await group.claim(1, 3, 5);
  assert.deepEqual([(await group.credit(5)) - credit, (await group.balance()) - balance], [pay(2), 0n]);
  await group.books();
});

test("a vacancy of many epochs reserves no more than the bonus", async () => {
  const rich = await createRepairGroup({ parameters: { repairBonusPerShard: pay(1) } });
  await rich.epoch(1);
  const record = rich.recorded(await rich.epoch(2, rich.lost(2, [rich.entry(1)]), rich.offer(5, 1, 6)));
  await rich.toEpoch(5);
  await rich.accept(1, 5);
  assert.equal((await rich.bonusOf(1, 2)).reserved, 2n * pay(1), "of four epochs");
  await rich.books();
  await rich.appeal(record);
  await rich.chain.close();
});

test("a slot repaired after its holder was slashed reserves nothing", async () => {
  await certifyUpTo(2);
  const record = await group.evict(3, 1);
  await group.close(record);
  assert.equal((await group.bonusOf(1, 3)).pot, BONUS);
  const now = (await group.read.settlement<number>("epochNow")) + 1;
  await group.epoch(now, group.offer(5, 1, now + 3));
  const { escrow } = await group.state();
  await group.accept(1, 5);
  assert.equal((await group.state()).escrow, escrow);
  await rejectsWith(group.claim(1, 3, now), "BonusNotDue");
  await group.epoch(now + 1);
  await group.claim(1, 3, now + 1);
  assert.equal(await group.credit(5), BONUS);
  await group.books();
});

test("a bonus that nobody can earn any more goes to the treasury, the reserve to the payer", async () => {
  const record = await repaired();
  await group.epoch(5);
  await group.settle(5);
  const next = await group.evict(6, 1, 5);
  await rejectsWith(group.claim(1, 3, 5), "VacancyNotClosed");
  await group.close(record);
  // Whoever holds the slot next has its own bonus: this pot was for provider 5, whom keepers found wanting.
  const treasury = (await group.pool())[1];
  assert.deepEqual((await group.bonusOf(1, 3)).pot, 0n, "nobody was there to earn it");
  const balance = await group.balance();
  const receipt = await group.claim(1, 3, 5);
  assert.equal(repairEvents(receipt)[0]!.name, "BonusForfeited");
  assert.deepEqual([(await group.pool())[1] - treasury, (await group.balance()) - balance], [0n, pay(2)]);
  await group.close(next);
  assert.equal((await group.bonusOf(1, 6)).pot, BONUS);
  await rejectsWith(group.claim(1, 6, 6), "BonusNotDue", [group.id, 1, 6]);
  await group.books();
});

test("a pot that was there for a repairer who lost the slot unproven is the treasury's", async () => {
  const record = await repaired();
  await group.close(record);
  const now = Math.max(await group.read.settlement<number>("epochNow"), 5);
  const missed = { kind: 1, provider: 5, data: zeroHash };
  for (let epoch = 5; epoch <= now; epoch++) await group.epoch(epoch, missed);
  await group.settle(now);
  await group.epoch(now + 1, missed, group.lost(5, [group.entry(1)]));
  const [treasury, balance] = [(await group.pool())[1], await group.balance()];
  await group.claim(1, 3, 5);
  assert.deepEqual([(await group.pool())[1] - treasury, (await group.balance()) - balance], [BONUS, pay(2)]);
  assert.equal(await group.credit(5), 0n);
  await group.books();
});

test("the pot of a slot that is given up, or whose order closed without a repairer, is the treasury's", async () => {
  const { order, id } = await shortOrder(6);
  await certifyUpTo(2);
  const record = await group.evict(3, 1, 2, order);
  await group.close(record);
  const now = await group.read.settlement<number>("epochNow");
  await rejectsWith(group.claim(1, 3, 3, order), "BonusNotDue", [id, 1, 3]);
  await certifyUpTo(Math.max(now, 5), 4);
  await group.settle(6, order);
  const treasury = (await group.pool())[1];
  await group.claim(1, 3, 3, order);
  assert.equal((await group.pool())[1] - treasury, BONUS);
  await group.books();
});

test("a closed order pays the bonus to who earned there, whatever epoch is named", async () => {
  const { order, id } = await shortOrder(7);
  await certifyUpTo(2);
  const record = group.recorded(
    await group.epoch(3, group.lost(2, [group.entry(1, 0, id)]), group.offer(5, 1, 7, order)),
  );
  await group.accept(1, 5, order);
  await certifyUpTo(6, 4);
  await group.close(record);
  await group.settle(7, order);
  const before = await group.credit(5);
  await group.claim(1, 3, 99, order);
  assert.equal((await group.credit(5)) - before, BONUS);
  await group.books();
});

test("a closed order pays no bonus to who missed all its epochs", async () => {
  const { order, id } = await shortOrder(6);
  await certifyUpTo(2);
  const record = group.recorded(
    await group.epoch(3, group.lost(2, [group.entry(1, 0, id)]), group.offer(5, 1, 7, order)),
  );
  await group.epoch(4);
  await group.accept(1, 5, order);
  await group.epoch(5, { kind: 1, provider: 5, data: zeroHash });
  await group.close(record);
  await group.settle(6, order);
  const before = await group.credit(5);
  await group.claim(1, 3, 5, order);
  assert.equal(await group.credit(5), before);
  await group.books();
});

// ------------------------------------------------------------------------------------------------------ collateral

test("a closed order frees the collateral of who holds its slots then, and of nobody else", async () => {
  const { order } = await shortOrder(7, "release");
  const locked = async () =>
    await Promise.all([1, 2, 3, 4, 5].map(async (id) => (await group.stakeOf(id)).locked));
  const before = await locked();
  await certifyUpTo(2);
  await group.epoch(
    3,
    group.lost(1, [group.entry(0, 0, orderId(order))]),
    group.lost(2, [group.entry(1, 0, orderId(order))]),
    group.offer(5, 1, 7, order),
  );
  await group.accept(1, 5, order);
  await certifyUpTo(6, 4);
  await group.settle(7, order);
  const shards = await group.read.orders<bigint>("activeShards");
  await group.onOrders("releaseCollateral", [order]);
  assert.equal(shards - (await group.read.orders<bigint>("activeShards")), 8n);
  const freed = (await locked()).map((now, index) => before[index]! - now);
  // Providers 1 and 2 are in dispute; 5 had locked after `before`.
  assert.deepEqual(freed, [0n, 0n, COLLATERAL, COLLATERAL, 0n]);
  await group.books();
});

/** Another order of the first four providers from epoch 1 to `end`. */
async function shortOrder(end: number, salt = "short") {
  const order = await group.openOrder({ endEpoch: end, salt: keccak256(stringToHex(salt)) });
  return { order, id: orderId(order) };
}
