import assert from "node:assert/strict";
import { test } from "node:test";
import { toFunctionSelector, zeroHash } from "viem";
import { rejectsWith, testAccount } from "../../support/contracts/chain.ts";
import { TOKENS } from "../../support/contracts/group.ts";
import { createRepairGroup } from "../../support/contracts/repairs.ts";
import { weirdToken } from "../../support/contracts/weirdToken.ts";

/* A token may refuse transfers to an account. Whoever is paid pulls; so that account waits, and nobody else does. */

const token = "WeirdToken";
/** The token's own error, which the contracts pass on. */
const BLOCKED = toFunctionSelector("Blocked(address)");
const STRANGER = testAccount(55);

test("a payer that the token blocks keeps its refunds; the order settles, closes and pays everybody else", async () => {
  const group = await createRepairGroup({ token, order: { endEpoch: 4 } });
  const weird = await weirdToken(group);
  await weird.setBlocked(group.user.address, true);
  await group.epoch(1);
  const record = await group.evict(2, 0);
  await group.epoch(4);
  await group.settle(4);
  assert.equal((await group.state()).status, 2);
  // Collateral that is the payer's by right arrives as a credit, too.
  const before = await group.balance();
  await group.close(record);
  assert.ok((await group.balance()) > before);
  await group.onOrders("withdrawCredit", [2]);
  await group.onOrders("withdrawTreasury", [0]);
  await group.onOrders("requestWithdrawal", [TOKENS]);
  await group.chain.helpers.time.increase(group.parameters.payerDelay);
  await rejectsWith(group.onOrders("withdraw", []), BLOCKED);
  await weird.setBlocked(group.user.address, false);
  await group.onOrders("withdraw", []);
  await group.books();
  await group.chain.close();
});

test("an owner that the token blocks waits for stake and income; its provider is settled and slashed as ever", async () => {
  const group = await createRepairGroup({ token });
  const weird = await weirdToken(group);
  const args = [testAccount(20).address, "/p", zeroHash, 1n, true, 1000n * TOKENS];
  await group.onToken("transfer", [STRANGER.address, 2000n * TOKENS]);
  await group.onToken("approve", [group.staking, 2000n * TOKENS], STRANGER);
  await group.onStaking("registerProvider", args, STRANGER);
  await group.onStaking("requestUnbonding", [0, 8, TOKENS], STRANGER);
  await group.onStaking("requestUnbonding", [0, 7, TOKENS]);
  await weird.setBlocked(STRANGER.address, true);
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay);
  await rejectsWith(group.onStaking("withdrawStake", [0, 8]), BLOCKED);
  await group.onStaking("withdrawStake", [0, 7]);
  await weird.setBlocked(group.owner.address, true);
  const now = await group.read.settlement<number>("epochNow");
  for (const epoch of [now, now + 1]) await group.epoch(epoch);
  const record = await group.evict(now + 2, 0);
  await group.settle(now + 3);
  await rejectsWith(group.onOrders("withdrawCredit", [1]), BLOCKED);
  await group.close(record);
  assert.equal((await group.stakeOf(1)).locked, 0n);
  await group.books();
  await group.chain.close();
});

test("a treasury that the token blocks holds up nobody's pay, slashing or closing", async () => {
  const group = await createRepairGroup({ token, order: { endEpoch: 4 } });
  const weird = await weirdToken(group);
  await weird.setBlocked(group.deployer.address, true);
  await group.epoch(1);
  const record = await group.evict(2, 0);
  await group.epoch(4);
  await group.settle(4);
  await group.close(record);
  await rejectsWith(group.onOrders("withdrawTreasury", [0]), BLOCKED);
  for (const id of [1, 2, 3, 4]) await group.onOrders("withdrawCredit", [id]);
  await group.onOrders("releaseCollateral", [group.order]);
  await group.books();
  await group.chain.close();
});

test("a challenger that the token blocks does not keep a slot's collateral locked", async () => {
  const group = await createRepairGroup({ token });
  const weird = await weirdToken(group);
  await group.epoch(1);
  await group.epoch(2);
  await weird.setBlocked(STRANGER.address, true);
  const { ticket } = await group.challenge(0, 0, STRANGER);
  await group.passWindow(ticket);
  await group.onDisputes("closeChallenge", [ticket, group.order]);
  assert.ok((await group.balance(STRANGER.address)) > 0n, "its reward waits for it");
  assert.equal((await group.stakeOf(1)).locked, 0n);
  await group.books();
  await group.chain.close();
});
