import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, keccak256, stringToHex } from "viem";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import {
  CHALLENGER,
  createDisputeGroup,
  type DisputeGroup,
  disputeEvents,
} from "../support/contracts/disputes.ts";
import { offerLeaf } from "../support/contracts/exceptions.ts";
import { asContract } from "../support/contracts/group.ts";

const BASE = 10n ** 15n;
const operatorOf = (provider: number) => testAccount(2 + provider);
const somebody = testAccount(51);
type Provider = { readonly stake: bigint; readonly locked: bigint };
const providerOf = async (group: DisputeGroup, id: number) =>
  await group.read.staking<Provider>("provider", [id]);
const coinOf = async (group: DisputeGroup, address: Hex) =>
  await group.chain.publicClient.getBalance({ address });
const freeOf = async (group: DisputeGroup, address: Hex) =>
  await group.read.orders<bigint>("balanceOf", [address]);
const openOf = async (group: DisputeGroup, slot: number) =>
  Number(await group.read.disputes<bigint>("challengesOpen", [group.id, slot]));

test("silence costs the slot and its collateral; the challenger has its bond back and a reward", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const { ticket } = await group.challenge(0, 1);
  const answer = await group.answer(ticket.draw, ticket);
  const challenger = testAccount(CHALLENGER).address;
  await rejectsWith(group.onDisputes("closeChallenge", [ticket, group.order]), "WindowOpen");
  const { helpers } = group.chain;
  await helpers.mine(20);
  await helpers.time.increaseTo(ticket.deadline);
  await rejectsWith(group.onDisputes("closeChallenge", [ticket, group.order]), "WindowOpen");
  await helpers.time.increaseTo(ticket.deadline + 1n);
  await rejectsWith(group.onDisputes("respond", [ticket, answer]), "WindowOver");
  const other = { ...group.order, salt: keccak256("0x") };
  await rejectsWith(group.onDisputes("closeChallenge", [ticket, other]), "OrderUnknown");

  const [coin, free] = [await coinOf(group, challenger), await freeOf(group, challenger)];
  const [payer, before] = [await freeOf(group, group.user.address), await providerOf(group, 1)];
  const receipt = await group.onDisputes("closeChallenge", [ticket, group.order], somebody);
  // Two stripes at 10^15; a tenth of a shard's collateral is an epoch's price.
  const collateral = 2n * 10n ** 15n;
  const [treasury, paid] = [collateral / 5n, 2n * 10n ** 14n];
  const pot = 2n * group.parameters.repairBonusPerShard;
  const reward = treasury / 2n;
  assert.deepEqual(disputeEvents(receipt), [
    {
      name: "CollateralSlashed",
      args: {
        ...{ providerId: 1, orderId: group.id, slot: 0, until: 2, toPayer: paid, toPot: pot },
        ...{ toTreasury: collateral - paid - pot - reward, toChallenger: reward },
      },
    },
    { name: "ChallengeUnanswered", args: { id: ticket.id, providerId: 1, reward, evicted: true } },
  ]);
  const after = await providerOf(group, 1);
  assert.equal(before.stake - after.stake, collateral);
  assert.equal(before.locked - after.locked, collateral);
  assert.equal((await coinOf(group, challenger)) - coin, BASE);
  assert.equal((await freeOf(group, challenger)) - free, reward);
  assert.equal((await freeOf(group, group.user.address)) - payer, paid);
  const slot = await group.read.repairs<{ vacant: boolean; former: number }>("slotOf", [group.order, 0]);
  assert.deepEqual([slot.vacant, slot.former], [true, 1]);
  await rejectsWith(group.onDisputes("closeChallenge", [ticket, group.order]), "TicketUnknown");
  // Its dispute is settled: nobody has to answer for the slot until somebody repairs it.
  const again = group.onDisputes("challenge", [group.order, 0, 0], testAccount(CHALLENGER), BASE);
  await rejectsWith(again, "ChallengeTooLate", [group.id, 0]);
  await group.chain.close();
});

test("of several unanswered challenges to a slot the first slashes; the others only get their bond back", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const [first, second] = [
    (await group.challenge(0, 0)).ticket,
    (await group.challenge(0, 1, somebody)).ticket,
  ];
  await group.passWindow(second);
  await group.onDisputes("closeChallenge", [first, group.order]);
  assert.equal(await openOf(group, 0), 1);
  const [coin, before] = [await coinOf(group, somebody.address), await providerOf(group, 1)];
  const receipt = await group.onDisputes("closeChallenge", [second, group.order]);
  assert.deepEqual(disputeEvents(receipt), [
    { name: "ChallengeUnanswered", args: { id: second.id, providerId: 1, reward: 0n, evicted: false } },
  ]);
  assert.equal((await coinOf(group, somebody.address)) - coin, second.bond);
  assert.deepEqual(await providerOf(group, 1), before);
  assert.equal(await openOf(group, 0), 0);
  await group.chain.close();
});

test("a challenge goes on against a holder that is evicted meanwhile", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const { ticket } = await group.challenge(0, 0);
  const { ticket: other } = await group.challenge(0, 1, somebody);
  const record = group.recorded(await group.epoch(2, group.lost(1, [group.entry(0)])));
  await group.appeal(record);
  await group.onDisputes("respond", [other, await group.answer(other.draw, other)]);
  await group.epoch(3, offerLeaf(5, group.order, 0, 6));
  await group.onRepairs("acceptRepair", [group.order, 0], operatorOf(5));
  await group.passWindow(record);
  await rejectsWith(group.closeRecord(record), "ChallengeStillOpen", [group.id, 0]);
  // A challenge to the new holder does not hold up what becomes of the old one.
  const { ticket: newer } = await group.challenge(0, 1, somebody);
  assert.deepEqual([newer.providerId, newer.until], [5, 0]);
  const receipt = await group.onDisputes("closeChallenge", [ticket, group.order]);
  const events = disputeEvents(receipt);
  assert.deepEqual([events[0]!.args.providerId, events[0]!.args.until], [1, 2]);
  assert.equal(events[1]!.args.evicted, false);
  const slot = await group.read.repairs<{ holder: number }>("slotOf", [group.order, 0]);
  assert.equal(slot.holder, 5);
  const closed = disputeEvents(await group.closeRecord(record));
  assert.deepEqual(
    closed.map(({ name }) => name),
    ["RecordClosed"],
  );
  assert.equal(await openOf(group, 0), 1);
  await group.chain.close();
});

test("who is to be slashed cannot put it off by having itself challenged", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const record = group.recorded(await group.epoch(2, group.lost(1, [group.entry(0)])));
  const { ticket } = await group.challenge(0, 1, operatorOf(1));
  await group.passWindow(ticket);
  const [slashed] = disputeEvents(await group.closeRecord(record));
  assert.deepEqual([slashed!.name, slashed!.args.toChallenger], ["CollateralSlashed", 0n]);
  const closed = disputeEvents(await group.onDisputes("closeChallenge", [ticket, group.order]));
  assert.deepEqual(closed, [
    { name: "ChallengeUnanswered", args: { id: ticket.id, providerId: 1, reward: 0n, evicted: false } },
  ]);
  await group.chain.close();
});

test("who lost a slot can be challenged until its dispute is closed; a won appeal does not help it then", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const record = group.recorded(await group.epoch(2, group.lost(1, [group.entry(0)])));
  await group.appeal(record);
  const { ticket } = await group.challenge(0, 1);
  assert.deepEqual([ticket.providerId, ticket.since, ticket.until], [1, 1, 2]);
  await group.passWindow(ticket);
  await rejectsWith(group.closeRecord(record), "ChallengeStillOpen");
  const before = await providerOf(group, 1);
  const slashed = disputeEvents(await group.onDisputes("closeChallenge", [ticket, group.order]));
  // It earned epoch 1.
  assert.equal(slashed[0]!.args.toPayer, 2n * 10n ** 14n);
  assert.equal(before.stake - (await providerOf(group, 1)).stake, 2n * 10n ** 15n);
  const closed = disputeEvents(await group.closeRecord(record));
  assert.deepEqual(closed, [
    { name: "RecordClosed", args: { epoch: 2, providerId: 1, part: 0, slashed: false } },
  ]);
  assert.deepEqual((await providerOf(group, 1)).locked, 0n);
  await group.chain.close();
});

test("answered in time, the evicted holder's collateral comes back with its appeal", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const record = group.recorded(await group.epoch(2, group.lost(1, [group.entry(0)])));
  await group.appeal(record);
  const { ticket } = await group.challenge(0, 1);
  await group.onDisputes("respond", [ticket, await group.answer(ticket.draw, ticket)], operatorOf(1));
  await group.passWindow(record);
  await group.closeRecord(record);
  assert.equal((await providerOf(group, 1)).locked, 0n);
  const late = group.onDisputes("challenge", [group.order, 0, 0], testAccount(CHALLENGER), BASE);
  await rejectsWith(late, "ChallengeTooLate");
  await group.chain.close();
});

test("an order that closes meanwhile keeps its collateral until the challenge is over", async () => {
  const group = await createDisputeGroup({ order: { endEpoch: 3, minEpochs: 1 } });
  await group.epoch(1);
  await group.toEpoch(2);
  const { ticket } = await group.challenge(0, 0);
  await group.epoch(2);
  await group.onOrders("settle", [group.order, 3]);
  await rejectsWith(group.onOrders("releaseCollateral", [group.order]), "ChallengeStillOpen", [group.id, 0n]);
  await group.passWindow(ticket);
  const events = disputeEvents(await group.onDisputes("closeChallenge", [ticket, group.order]));
  // Nobody repairs a slot of an order that is over.
  assert.deepEqual([events[0]!.args.toPot, events[1]!.args.evicted], [0n, true]);
  await group.onOrders("releaseCollateral", [group.order]);
  for (const id of [1, 2, 3, 4]) assert.equal((await providerOf(group, id)).locked, 0n);
  assert.equal((await providerOf(group, 1)).stake, (await providerOf(group, 2)).stake - 2n * 10n ** 15n);
  await group.chain.close();
});

test("a holder whose first epoch is not finished is slashed like any other, and has earned nothing", async () => {
  const group = await createDisputeGroup();
  const { ticket } = await group.challenge(2, 0);
  await group.passWindow(ticket);
  const events = disputeEvents(await group.onDisputes("closeChallenge", [ticket, group.order]));
  assert.equal(events[0]!.args.toPayer, 0n);
  assert.equal(events[1]!.args.evicted, true);
  await group.chain.close();
});

test("a record of a slot under challenge can be closed by slashing only once; coin is conserved", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const { ticket } = await group.challenge(0, 0);
  await group.passWindow(ticket);
  await group.onDisputes("closeChallenge", [ticket, group.order]);
  assert.equal(await coinOf(group, group.disputes), 0n);
  // A lost leaf that names the slot afterwards finds nobody.
  const receipt = await group.epoch(5, group.lost(1, [group.entry(0)]));
  const [dropped] = disputeEvents(receipt);
  assert.equal(dropped!.name, "LostEntryDropped");
  await group.chain.close();
});

test("a slot that cannot be taken from who was challenged is not slashed", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const { ticket } = await group.challenge(0, 0);
  await group.passWindow(ticket);
  // Nothing in the group does this behind the back of `Disputes`.
  const { orderId, slot, providerId, since } = ticket;
  const opened = { orderId, slot, holder: providerId, since, stripes: group.order.stripes };
  await group.onRepairs("evict", [opened, providerId, 0, 1], await asContract(group, group.disputes));
  await rejectsWith(group.onDisputes("closeChallenge", [ticket, group.order]), "EvictionRefused", [
    ...[orderId, slot, stringToHex("NOT_HOLDER", { size: 32 })],
  ]);
  await group.chain.close();
});
