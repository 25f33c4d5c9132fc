import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Hex, hexToString, keccak256, stringToHex } from "viem";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { orderId } from "../../protocol/order.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import type { TestLeaf } from "../support/contracts/exceptions.ts";
import { TOKENS } from "../support/contracts/group.ts";
import { createRepairGroup, pay, type RepairGroup, repairEvents } from "../support/contracts/repairs.ts";

/* Providers 1 to 4 hold the slots 0 to 3 of an order rs(2,2) from epoch 1 to 40; provider 2 wants to leave. */
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

const setExiting = async (exiting: boolean, from = testAccount(4)) =>
  await group.onStaking("setExiting", [2, exiting], from);
const certifyUpTo = async (epoch: number, from = 1) => {
  for (let each = from; each <= epoch; each++) await group.epoch(each);
};
async function offerAnswer(epoch: number, leaf: TestLeaf): Promise<string> {
  const args = [epoch, leaf.provider, leaf.data, leaf.detail];
  const { result } = await group.chain.publicClient.simulateContract({
    ...{
      address: group.repairs,
      abi: repairsAbi,
      functionName: "applyOffer",
      args,
      account: group.settlement,
    },
  } as never);
  return hexToString(result as unknown as Hex).replaceAll("\0", "");
}
/** Slot 1 is offered to provider 5, who may take it up to and in epoch 7. */
async function offered() {
  await setExiting(true);
  await certifyUpTo(2);
  await group.epoch(3, group.offer(5, 1, 7));
}

test("owner or operator say that a provider leaves, or that it stays", async () => {
  await rejectsWith(setExiting(true, group.user), "NotOwnerOrOperator", [group.user.address]);
  await rejectsWith(setExiting(false), "ExitUnchanged", [2, false]);
  await setExiting(true);
  assert.equal((await group.stakeOf(2)).exiting, true);
  await rejectsWith(setExiting(true), "ExitUnchanged", [2, true]);
  await setExiting(false, group.owner);
  assert.equal((await group.stakeOf(2)).exiting, false);
  await rejectsWith(group.onStaking("setExiting", [9, true]), "ProviderUnknown", [9]);
});

test("a held slot is offered only while its holder leaves", async () => {
  await certifyUpTo(2);
  await group.toEpoch(3);
  const leaf = group.offer(5, 1, 7);
  assert.equal(await offerAnswer(3, leaf), "SLOT_HELD");
  await setExiting(true);
  assert.equal(await offerAnswer(3, leaf), "");
  assert.equal(await offerAnswer(3, group.offer(5, 0, 7)), "SLOT_HELD", "that of another");
  await setExiting(false);
  assert.equal(await offerAnswer(3, leaf), "SLOT_HELD");
});

test("nothing changes until somebody takes the slot; who leaves is paid until then and pays the bonus", async () => {
  await offered();
  await certifyUpTo(4, 4);
  assert.equal((await group.slotOf(1)).holder, 2);
  const [{ escrow }, { stake }] = [await group.state(), await group.stakeOf(2)];
  const receipt = await group.accept(1, 5);
  assert.deepEqual(repairEvents(receipt), [
    {
      name: "RepairAccepted",
      args: { orderId: group.id, providerId: 5, slot: 1, since: 5, former: 2, until: 5, vacancyPay: 0n },
    },
    { name: "VacancyClosed", args: { orderId: group.id, slot: 1, until: 5, pot: BONUS, slashed: true } },
  ]);
  const state = await group.state();
  assert.deepEqual([state.evicted, state.changed, state.escrow], [0, true, escrow]);
  const left = await group.stakeOf(2);
  assert.deepEqual([left.locked, stake - left.stake], [0n, BONUS]);
  assert.equal((await group.stakeOf(5)).locked, COLLATERAL);
  await group.books();
  await certifyUpTo(5, 5);
  await group.settle(6);
  assert.deepEqual([await group.credit(2), await group.credit(5)], [pay(4), pay(1)]);
  await group.claim(1, 5, 5);
  assert.equal(await group.credit(5), pay(1) + BONUS);
  await rejectsWith(group.claim(1, 5, 5), "NothingToClaim");
  await group.onStaking("requestUnbonding", [0, 2, left.stake]);
  await group.books();
});

test("an offer stays good for who rebuilt the slot, though the holder would stay after all", async () => {
  await offered();
  await setExiting(false);
  await group.accept(1, 5);
  assert.equal((await group.slotOf(1)).holder, 5);
});

test("who leaves cannot slip away from a direct challenge", async () => {
  await offered();
  const { ticket } = await group.challenge(1);
  await rejectsWith(group.accept(1, 5), "ChallengeStillOpen", [group.id, 1]);
  const answer = await group.answer(ticket.draw, group.entry(1));
  await group.onDisputes("respond", [ticket, answer], testAccount(4));
  await group.accept(1, 5);
});

test("a leaving holder that is found wanting loses the slot; the offer for it goes on", async () => {
  await offered();
  await group.epoch(4, group.lost(2, [group.entry(1)]));
  const { vacant, assignee, deadline, expiries } = await group.slotOf(1);
  assert.deepEqual([vacant, assignee, deadline, expiries], [true, 5, 7, 0]);
  await group.accept(1, 5);
  assert.equal((await group.bonusOf(1, 4)).reserved, pay(1));
  assert.equal((await group.stakeOf(2)).locked, COLLATERAL, "in dispute");
  await group.books();
});

test("an offer that lapsed before the slot became vacant is not counted against its repair", async () => {
  await offered();
  await certifyUpTo(7, 4);
  const receipt = await group.epoch(8, group.lost(2, [group.entry(1)]));
  assert.deepEqual(
    repairEvents(receipt).map(({ name }) => name),
    ["RepairOfferExpired", "SlotEvicted"],
  );
  const { assignee, expiries } = await group.slotOf(1);
  assert.deepEqual([assignee, expiries], [0, 0]);
});

test("a slot that was taken can be handed on only after an epoch, and once its past is settled", async () => {
  await offered();
  await group.onStaking("setExiting", [5, true], testAccount(7));
  await group.toEpoch(4);
  await group.accept(1, 5);
  // Provider 5 holds it from 5 on; an offer can be applied late, in the same epoch.
  await group.epoch(4, group.offer(6, 1, 8));
  await rejectsWith(group.accept(1, 6), "HolderTooNew", [group.id, 1, 5]);
  await group.epoch(5);
  await rejectsWith(group.accept(1, 6), "SlotNotSettled", [group.id, 1, 1, 5]);
  await group.settle(5);
  await group.accept(1, 6);
  assert.deepEqual(await group.slotOf(1), {
    ...{ holder: 6, since: 6, former: 5, formerSince: 5, until: 6 },
    ...{ assignee: 0, deadline: 0, expiries: 0, vacant: false, voided: false },
  });
  await certifyUpTo(6, 6);
  await group.settle(7);
  assert.deepEqual(
    [await group.credit(2), await group.credit(5), await group.credit(6)],
    [pay(4), pay(1), pay(1)],
  );
  await group.books();
});

test("an order's early end before the hand-over takes effect pays neither twice", async () => {
  await offered();
  await group.accept(1, 5);
  await group.onOrders("end", [group.order]);
  assert.equal((await group.state()).endEpoch, 4);
  await group.settle(4);
  assert.deepEqual(
    [(await group.state()).status, await group.credit(2), await group.credit(5)],
    [2, pay(3), 0n],
  );
  // Provider 5 never was challenged here: what provider 2 paid is the treasury's.
  const treasury = (await group.pool())[1];
  await group.claim(1, 4, 3);
  assert.equal((await group.pool())[1] - treasury, BONUS);
  await group.onOrders("releaseCollateral", [group.order]);
  assert.equal((await group.stakeOf(5)).locked, 0n);
  await group.books();
});

test("a provider leaves all its slots one by one", async () => {
  const second = await group.openOrder({ endEpoch: 40, salt: keccak256(stringToHex("second")) });
  await setExiting(true);
  await certifyUpTo(2);
  await group.epoch(3, group.offer(5, 1, 7), group.offer(6, 1, 7, second));
  await group.accept(1, 5);
  assert.equal((await group.stakeOf(2)).locked, COLLATERAL);
  await group.accept(1, 6, second);
  assert.equal((await group.stakeOf(2)).locked, 0n);
  assert.equal((await group.slotOf(1, second)).holder, 6, orderId(second));
  await group.books();
});
