import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { zeroHash } from "viem";
import { orderId } from "../../protocol/order.ts";
import { rejectsWith } from "../support/contracts/chain.ts";
import { exceptionTree } from "../support/contracts/exceptions.ts";
import { asContract, TOKENS } from "../support/contracts/group.ts";
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

// ----------------------------------------------------------------------------------------------------------- bonus

/** Slot 1 goes from provider 2 to provider 5, who holds it from epoch 5 on. */
async function repaired() {
  await group.certifyUpTo(2);
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
  await group.certifyUpTo(5, 5);
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
  await group.certifyUpTo(5, 5);
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
  await group.certifyUpTo(2);
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
  const { order, id } = await group.shortOrder(6);
  await group.certifyUpTo(2);
  const record = await group.evict(3, 1, 2, order);
  await group.close(record);
  const now = await group.read.settlement<number>("epochNow");
  await rejectsWith(group.claim(1, 3, 3, order), "BonusNotDue", [id, 1, 3]);
  await group.certifyUpTo(Math.max(now, 5), 4);
  await group.settle(6, order);
  const treasury = (await group.pool())[1];
  await group.claim(1, 3, 3, order);
  assert.equal((await group.pool())[1] - treasury, BONUS);
  await group.books();
});

test("a closed order pays the bonus to who earned there, whatever epoch is named", async () => {
  const { order, id } = await group.shortOrder(7);
  await group.certifyUpTo(2);
  const record = group.recorded(
    await group.epoch(3, group.lost(2, [group.entry(1, 0, id)]), group.offer(5, 1, 7, order)),
  );
  await group.accept(1, 5, order);
  await group.certifyUpTo(6, 4);
  await group.close(record);
  await group.settle(7, order);
  const before = await group.credit(5);
  await group.claim(1, 3, 99, order);
  assert.equal((await group.credit(5)) - before, BONUS);
  await group.books();
});

test("a closed order pays no bonus to who missed all its epochs", async () => {
  const { order, id } = await group.shortOrder(6);
  await group.certifyUpTo(2);
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
  const { order } = await group.shortOrder(7, "release");
  const locked = async () =>
    await Promise.all([1, 2, 3, 4, 5].map(async (id) => (await group.stakeOf(id)).locked));
  const before = await locked();
  await group.certifyUpTo(2);
  await group.epoch(
    3,
    group.lost(1, [group.entry(0, 0, orderId(order))]),
    group.lost(2, [group.entry(1, 0, orderId(order))]),
    group.offer(5, 1, 7, order),
  );
  await group.accept(1, 5, order);
  await group.certifyUpTo(6, 4);
  await group.settle(7, order);
  const shards = await group.read.orders<bigint>("activeShards");
  await group.onOrders("releaseCollateral", [order]);
  assert.equal(shards - (await group.read.orders<bigint>("activeShards")), 8n);
  const freed = (await locked()).map((now, index) => before[index]! - now);
  // Providers 1 and 2 are in dispute; 5 had locked after `before`.
  assert.deepEqual(freed, [0n, 0n, COLLATERAL, COLLATERAL, 0n]);
  await group.books();
});

test("a vacancy is closed once", async () => {
  await group.certifyUpTo(2);
  const record = await group.evict(3, 1);
  const { until } = record.entries[0]!;
  await rejectsWith(group.claim(1, until, 3), "VacancyNotClosed", [group.id, 1, until]);
  await group.close(record);
  assert.equal((await group.bonusOf(1, until)).closed, true);
  const disputes = await asContract(group, group.disputes);
  const again = group.onRepairs("closeVacancy", [group.id, 1, until, 1n, true], disputes);
  await rejectsWith(again, "VacancyAlreadyClosed", [group.id, 1, until]);
});
