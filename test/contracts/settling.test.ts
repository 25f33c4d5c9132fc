import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak256, stringToHex } from "viem";
import { type Order, orderId } from "../../protocol/order.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { exceptionTree, missedLeaf } from "../support/contracts/exceptions.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/* Three providers, rs(2,1), one epoch of one slot is worth 3 · 10^15 + 3 wei, an odd number. */
const RATE = (10n ** 15n + 1n) * 3n;
const PRICE = (10n ** 15n + 1n) << 32n;
const FEE = (slots: bigint, epochs: bigint) => (slots * RATE * epochs) / 100n;

async function setUp(parameters: Record<string, number> = {}, overrides: Partial<Order> = {}) {
  const group = await createGroup({ providers: 3, parameters });
  await group.onOrders("deposit", [100n * TOKENS]);
  const policy = (1 << 16) | (2 << 8) | 1;
  const order = await group.order({ policy, price: PRICE, startEpoch: 1, endEpoch: 11, ...overrides });
  await group.open(order);
  const certify = async (epoch: number, missing: readonly number[] = [], absent = 0) => {
    await group.toEpoch(epoch);
    const tree = exceptionTree(missing.map(missedLeaf));
    await group.certify(
      group.certificate(epoch, { absent, ...(missing.length > 0 ? tree.certificate : {}) }),
    );
    if (missing.length === 0) return;
    await group.onSettlement("applyExceptions", [epoch, ...tree.chunk(0, missing.length)]);
  };
  const state = async () =>
    await group.read.orders<{ status: number; settledTo: number; endEpoch: number; escrow: bigint }>(
      "orderState",
      [orderId(order)],
    );
  const settle = async (to: number) => await group.onOrders("settle", [order, to], group.deployer);
  return { group, order, certify, state, settle };
}

const credits = async (group: Group) =>
  await Promise.all(group.providers.map(({ id }) => group.read.orders<bigint>("credit", [id])));
async function pool(group: Group, term = 0): Promise<[bigint, bigint]> {
  const { keepers, treasury } = await group.read.orders<Record<string, bigint>>("pool", [term]);
  return [keepers!, treasury!];
}

/** Everything the contract owes, by what its views say, against the tokens it has. */
async function assertConserved(group: Group, orders: readonly Order[], claimedBy: readonly number[] = []) {
  let owed = await group.read.orders<bigint>("balanceOf", [group.user.address]);
  owed += (await group.read.orders<{ amount: bigint }>("withdrawalOf", [group.user.address])).amount;
  for (const order of orders)
    owed += (await group.read.orders<{ escrow: bigint }>("orderState", [orderId(order)])).escrow;
  for (const credit of await credits(group)) owed += credit;
  for (let term = 0; term < 6; term++) {
    const [keepers, treasury] = await pool(group, term);
    owed += keepers + treasury - (await group.read.orders<bigint>("treasuryClaimed", [term]));
    for (const id of claimedBy) owed -= await group.read.orders<bigint>("claimed", [term, id]);
  }
  assert.equal(owed, await group.read.token("balanceOf", [group.orders]));
}

test("who passed is paid, who missed is not, and the payer gets the difference back", async () => {
  const { group, order, certify, settle, state } = await setUp();
  await certify(1);
  await certify(2, [2]);
  await certify(3, [2, 3]);
  const before = await group.read.orders<bigint>("balanceOf", [order.payer]);
  await settle(99);
  assert.deepEqual(await credits(group), [3n * RATE, RATE, 2n * RATE]);
  assert.equal((await state()).settledTo, 4);
  assert.equal((await group.read.orders<bigint>("balanceOf", [order.payer])) - before, 3n * RATE);
  assert.deepEqual(await pool(group), [(3n * RATE * 3n * 4n) / 100n, FEE(3n, 3n)], "whatever the verdicts");
  await rejectsWith(settle(99), "NothingToSettle", [orderId(order), 4]);
  await assertConserved(group, [order]);
  await group.chain.close();
});

test("how often somebody settles changes nothing", async () => {
  const results = [];
  for (const pages of [[11], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [4, 11]]) {
    const { group, order, certify, settle, state } = await setUp();
    for (let epoch = 1; epoch <= 10; epoch++)
      await certify(epoch, epoch % 3 === 0 ? [1] : epoch === 5 ? [1, 3] : []);
    for (const page of pages) await settle(page);
    assert.deepEqual(
      { ...(await state()), evicted: 0 },
      {
        ...{ status: 2, settledTo: 11, endEpoch: 11, escrow: 0n },
        evicted: 0,
        uneven: true,
        changed: false,
        announced: false,
      },
    );
    results.push([
      await credits(group),
      await pool(group),
      await group.read.orders("balanceOf", [order.payer]),
    ]);
    await assertConserved(group, [order]);
    await group.chain.close();
  }
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

test("a closed order is final; its collateral is released once", async () => {
  const { group, order, certify, settle } = await setUp();
  await rejectsWith(group.onOrders("releaseCollateral", [order]), "OrderNotClosed");
  for (let epoch = 1; epoch <= 10; epoch++) await certify(epoch);
  await settle(11);
  await rejectsWith(settle(11), "OrderNotOpen");
  await rejectsWith(group.onOrders("end", [order]), "OrderNotOpen");
  assert.equal((await group.read.staking<{ locked: bigint }>("provider", [1])).locked, 3n * (TOKENS / 1000n));
  await group.onOrders("releaseCollateral", [order]);
  assert.equal((await group.read.staking<{ locked: bigint }>("provider", [1])).locked, 0n);
  await rejectsWith(group.onOrders("releaseCollateral", [order]), "OrderNotClosed");
  await group.chain.close();
});

test("settlement stops at the last finished epoch and at pending exceptions", async () => {
  const { group, certify, settle, state } = await setUp();
  await rejectsWith(settle(5), "NothingToSettle");
  await certify(1);
  await group.toEpoch(2);
  await group.certify(group.certificate(2, exceptionTree([missedLeaf(1)]).certificate));
  await certify(3).catch(() => undefined);
  await settle(11);
  assert.equal((await state()).settledTo, 2);
  await group.chain.close();
});

test("counted gap epochs are paid like the next certified one, dead ones to nobody; neither brings keepers a fee", async () => {
  const { group, order, certify, settle } = await setUp();
  await certify(1);
  await certify(9, [3]);
  const before = await group.read.orders<bigint>("balanceOf", [order.payer]);
  await settle(10);
  // 1 and 9 are certified, 2 to 5 count (maxGap 4), 6 to 8 are dead.
  assert.deepEqual(await credits(group), [6n * RATE, 6n * RATE, RATE]);
  assert.deepEqual(await pool(group), [(3n * RATE * 2n * 4n) / 100n, FEE(3n, 6n)]);
  const scheduled = (epochs: bigint) =>
    3n * RATE * epochs + (3n * RATE * epochs * 4n) / 100n + FEE(3n, epochs);
  const paid = 13n * RATE + (3n * RATE * 2n * 4n) / 100n + FEE(3n, 6n);
  const refund = (await group.read.orders<bigint>("balanceOf", [order.payer])) - before;
  const restricted = (await group.read.orders<{ escrow: bigint }>("orderState", [orderId(order)])).escrow;
  assert.equal(refund + paid + restricted, scheduled(10n));
  assert.ok(restricted >= scheduled(1n) && restricted <= scheduled(1n) + 2n, "the last epoch stays covered");
  await assertConserved(group, [order]);
  await group.chain.close();
});

test("a lapsed epoch pays providers and not the keepers", async () => {
  const { group, certify, settle } = await setUp();
  await certify(1);
  await group.toEpoch(2);
  await group.certify(group.certificate(2, exceptionTree([missedLeaf(1)]).certificate));
  await group.chain.helpers.time.increase(601);
  await group.chain.helpers.mine(30);
  await group.onSettlement("lapse", [2]);
  await settle(3);
  assert.deepEqual(await credits(group), [2n * RATE, 2n * RATE, 2n * RATE]);
  assert.deepEqual(await pool(group), [(3n * RATE * 4n) / 100n, FEE(3n, 2n)]);
  await group.chain.close();
});

test("owner or payer end early, not before minEpochs; nobody else does", async () => {
  const { group, order, certify, settle, state } = await setUp({}, { minEpochs: 4 });
  await certify(1);
  await rejectsWith(group.onOrders("end", [order], testAccount(9)), "NotOwnerOrPayer");
  await group.onOrders("end", [order]);
  assert.equal((await state()).endEpoch, 5);
  await rejectsWith(group.onOrders("end", [order]), "EndNotEarlier", [5]);
  for (let epoch = 2; epoch <= 4; epoch++) await certify(epoch);
  await settle(11);
  assert.deepEqual(await credits(group), [4n * RATE, 4n * RATE, 4n * RATE]);
  assert.deepEqual([(await state()).status, (await state()).escrow], [2, 0n]);
  await assertConserved(group, [order]);
  await group.chain.close();
});

test("an order that ends before it starts closes without pay", async () => {
  const { group, order, settle, state } = await setUp({}, { startEpoch: 3, endEpoch: 9, minEpochs: 0 });
  await group.onOrders("end", [order]);
  assert.equal((await state()).endEpoch, 3);
  await settle(3);
  assert.deepEqual([(await state()).status, await credits(group)], [2, [0n, 0n, 0n]]);
  assert.equal(await group.read.orders("balanceOf", [order.payer]), 100n * TOKENS);
  await rejectsWith(group.open(order), "OrderAlreadyOpened", [orderId(order)]);
  await group.chain.close();
});

test("when the group has been silent for more than maxGap epochs an order ends at once, without any keeper", async () => {
  const { group, order, certify, settle, state } = await setUp({}, { minEpochs: 10 });
  await certify(1);
  await group.toEpoch(5);
  await rejectsWith(group.onOrders("end", [order]), "EndNotEarlier");
  await group.toEpoch(6);
  await group.onOrders("end", [order]);
  assert.equal((await state()).endEpoch, 2);
  await settle(2);
  assert.equal((await state()).status, 2);
  assert.deepEqual(await credits(group), [RATE, RATE, RATE]);
  await group.onOrders("releaseCollateral", [order]);
  await group.chain.close();
});

test("fees accrue to the term of their epoch, and members claim by what they attended", async () => {
  const { group, order, certify, settle } = await setUp({ termLength: 4 });
  for (let epoch = 1; epoch <= 10; epoch++) await certify(epoch, [], epoch === 2 || epoch === 5 ? 0b0010 : 0);
  await rejectsWith(group.onOrders("claimKeeperFee", [2, 1]), "TermNotOver", [2]);
  await settle(6);
  const K = (epochs: bigint) => (3n * RATE * epochs * 4n) / 100n;
  assert.deepEqual(await pool(group, 0), [K(3n), FEE(3n, 3n)]);
  assert.deepEqual(await pool(group, 1), [K(5n) - K(3n), FEE(3n, 5n) - FEE(3n, 3n)]);
  const owner = async () => await group.read.token<bigint>("balanceOf", [group.owner.address]);
  const before = await owner();
  await group.onOrders("claimKeeperFee", [1, 2]);
  const pool1 = (await pool(group, 1))[0];
  assert.equal((await owner()) - before, (pool1 * 3n) / 16n, "absent in one of four epochs");
  await rejectsWith(group.onOrders("claimKeeperFee", [1, 2]), "NothingToWithdraw");
  await settle(11);
  await group.onOrders("claimKeeperFee", [1, 2]);
  const whole = (await pool(group, 1))[0];
  assert.equal(await group.read.orders("claimed", [1, 2]), (whole * 3n) / 16n, "the pool had grown");
  await rejectsWith(group.onOrders("claimKeeperFee", [1, 5]), "NotOnRoster", [1, 5]);
  for (const keeperId of [1, 3, 4]) await group.onOrders("claimKeeperFee", [1, keeperId]);
  await group.onOrders("withdrawTreasury", [1]);
  await rejectsWith(group.onOrders("withdrawTreasury", [1]), "NothingToWithdraw");
  const treasury = await group.read.orders<bigint>("treasuryClaimed", [1]);
  assert.equal(treasury, (await pool(group, 1))[1] + whole / 16n, "what nobody may claim");
  await assertConserved(group, [order], [1, 2, 3, 4]);
  await group.chain.close();
});

test("credits go to the provider's owner, whoever asks, once", async () => {
  const { group, certify, settle } = await setUp();
  await certify(1);
  await settle(2);
  const before = await group.read.token<bigint>("balanceOf", [group.owner.address]);
  await group.onOrders("withdrawCredit", [1], testAccount(50));
  assert.equal((await group.read.token<bigint>("balanceOf", [group.owner.address])) - before, RATE);
  await rejectsWith(group.onOrders("withdrawCredit", [1]), "NothingToWithdraw");
  await group.chain.close();
});

test("one settlement spans at most sixteen terms", async () => {
  const { group, certify, settle, state } = await setUp({ termLength: 2 }, { endEpoch: 41 });
  for (let epoch = 1; epoch <= 40; epoch += 3) await certify(epoch);
  await settle(41);
  assert.equal((await state()).settledTo, 32);
  await settle(41);
  assert.deepEqual([(await state()).settledTo, (await state()).status], [41, 2]);
  await group.chain.close();
});

test("a withdrawal is announced, waits payerDelay and pays what orders have left of it", async () => {
  const { group, order } = await setUp();
  const balance = await group.read.orders<bigint>("balanceOf", [order.payer]);
  await rejectsWith(group.onOrders("withdraw", []), "NothingRequested");
  await rejectsWith(group.onOrders("requestWithdrawal", [balance + 1n]), "BalanceTooLow");
  await group.onOrders("requestWithdrawal", [balance]);
  assert.equal(await group.read.orders("balanceOf", [order.payer]), 0n, "it stops to count at once");
  await rejectsWith(group.onOrders("withdraw", []), "WithdrawalNotReady");
  const next = await group.order({
    ...{ providers: order.providers, policy: order.policy, price: PRICE },
    salt: keccak256(stringToHex("second")),
  });
  await group.open(next);
  const cost = (await group.read.orders<{ total: bigint }>("cost", [next])).total;
  await group.chain.helpers.time.increase(group.parameters.payerDelay);
  const before = await group.read.token<bigint>("balanceOf", [group.user.address]);
  await group.onOrders("withdraw", []);
  assert.equal((await group.read.token<bigint>("balanceOf", [group.user.address])) - before, balance - cost);
  await rejectsWith(group.onOrders("withdraw", []), "NothingRequested");
  await assertConserved(group, [order, next]);
  await group.chain.close();
});
