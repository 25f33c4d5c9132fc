import assert from "node:assert/strict";
import { test } from "node:test";
import { zeroHash } from "viem";
import type { HDAccount } from "viem/accounts";
import { rejectsWith, testAccount } from "../../support/contracts/chain.ts";
import { TOKENS } from "../../support/contracts/group.ts";
import { createRepairGroup, type RepairGroup } from "../../support/contracts/repairs.ts";
import { signOrderAll } from "../../support/contracts/signing.ts";

/* Who can call what for whom, and what it costs them. */

const stranger = testAccount(55);

test("what is somebody's own is refused to everybody else", async () => {
  const group = await createRepairGroup();
  await group.epoch(1);
  await group.evict(2, 0);
  await group.epoch(3, group.offer(5, 0, 6));
  const staking = (name: string, args: readonly unknown[]) => group.onStaking(name, args, stranger);
  const refusals: readonly (readonly [string, Promise<unknown>, string])[] = [
    ["unbond", staking("requestUnbonding", [0, 1, 1n]), "NotOwner"],
    ["unbond a keeper", staking("requestUnbonding", [1, 1, 1n]), "NotOwner"],
    ["set a key", staking("setOperator", [0, 1, stranger.address]), "NotOwner"],
    ["give away", staking("transferOwnership", [0, 1, stranger.address]), "NotOwner"],
    ["take over", staking("acceptOwnership", [0, 1]), "NotPendingOwner"],
    ["move", staking("updateProvider", [1, "/evil", zeroHash, 1n, true]), "NotOwnerOrOperator"],
    ["move a keeper", staking("updateKeeper", [1, "/evil"]), "NotOwnerOrOperator"],
    ["seat", staking("takeSeat", [1]), "NotOwnerOrOperator"],
    ["make leave", staking("setExiting", [1, true]), "NotOwnerOrOperator"],
    ["end", group.onOrders("end", [group.order], stranger), "NotOwnerOrPayer"],
    ["cancel", group.onOrders("cancel", [group.order], stranger), "NotOwnerOrPayer"],
    ["withdraw", group.onOrders("withdraw", [], stranger), "NothingRequested"],
    ["accept", group.onRepairs("acceptRepair", [group.order, 0], stranger), "OfferMissing"],
  ];
  for (const [name, call, error] of refusals) await assert.doesNotReject(rejectsWith(call, error), name);
  await group.chain.close();
});

/** What payer, owner (income and stake of all members) and treasury have or are owed. */
async function wealth(group: RepairGroup) {
  const tokens = async (of: HDAccount) => await group.read.token<bigint>("balanceOf", [of.address]);
  let owner = await tokens(group.owner);
  for (const { id } of group.providers) {
    const it = await group.read.staking<{ stake: bigint; unbonding: bigint }>("provider", [id]);
    owner += it.stake + it.unbonding + (await group.credit(id));
  }
  const payer = (await tokens(group.user)) + (await group.balance());
  return { owner, payer, treasury: await tokens(group.deployer) };
}

test("what anybody may do for others costs nobody but the caller anything", async () => {
  const group = await createRepairGroup({ order: { endEpoch: 6 }, parameters: { termLength: 6 } });
  const first = await group.openOrder({ salt: `0x${"01".repeat(32)}`, startEpoch: 1, endEpoch: 3 });
  await group.onStaking("requestUnbonding", [0, 7, TOKENS]);
  for (const epoch of [1, 2, 3]) await group.epoch(epoch);
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay);
  await group.onToken("transfer", [stranger.address, 10n * TOKENS]);
  for (const spender of [group.staking, group.place.orders]) {
    await group.onToken("approve", [spender, 10n * TOKENS], stranger);
  }
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["settle", () => group.onOrders("settle", [group.order, 2], stranger)],
    ["settle and close", () => group.onOrders("settle", [first, 9], stranger)],
    ["release", () => group.onOrders("releaseCollateral", [first], stranger)],
    ["withdraw income", () => group.onOrders("withdrawCredit", [1], stranger)],
    ["withdraw stake", () => group.onStaking("withdrawStake", [0, 7], stranger)],
    ["give stake", () => group.onStaking("addStake", [0, 1, 1n], stranger)],
    ["give a keeper stake", () => group.onStaking("addStake", [1, 1, 1n], stranger)],
    ["deposit for somebody", () => group.onOrders("depositFor", [group.user.address, 1n], stranger)],
  ];
  for (const [name, call] of calls) {
    const before = await wealth(group);
    await call();
    const after = await wealth(group);
    for (const who of ["owner", "payer", "treasury"] as const) {
      assert.ok(after[who] >= before[who], `${name}: ${who} lost ${before[who] - after[who]}`);
    }
  }
  await group.books();
  await group.chain.close();
});

test("gifts put nothing off: neither a payer's withdrawal nor stake on its way out", async () => {
  const group = await createRepairGroup();
  await group.onToken("transfer", [stranger.address, 10n * TOKENS]);
  for (const spender of [group.staking, group.place.orders]) {
    await group.onToken("approve", [spender, 10n * TOKENS], stranger);
  }
  await group.onOrders("requestWithdrawal", [TOKENS]);
  await group.onStaking("requestUnbonding", [0, 7, 1000n * TOKENS]);
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay - 10);
  await group.onOrders("depositFor", [group.user.address, 1n], stranger);
  await group.onStaking("addStake", [0, 7, 1n], stranger);
  await group.chain.helpers.time.increase(10);
  await group.onOrders("withdraw", []);
  await group.onStaking("withdrawStake", [0, 7]);
  // A gift below the minimum can be taken out, too.
  await group.onStaking("requestUnbonding", [0, 7, 1n]);
  await group.books();
  await group.chain.close();
});

test("who registers with somebody else's operator key locks stake and gets nothing that the key does not sign", async () => {
  const group = await createRepairGroup();
  const victim = testAccount(56);
  await group.onToken("transfer", [stranger.address, 1000n * TOKENS]);
  await group.onToken("approve", [group.staking, 1000n * TOKENS], stranger);
  const args = [victim.address, "/p", zeroHash, 1n, true, 100n * TOKENS];
  await group.onStaking("registerProvider", args, stranger);
  await rejectsWith(group.onStaking("registerProvider", args), "OperatorTaken", [victim.address, 8]);
  const order = { ...group.order, providers: [8, 2, 3, 4], startEpoch: 2, openBy: BigInt(group.startOf(2)) };
  const forged = await signOrderAll(group.place, order, [stranger, ...[4, 5, 6].map(testAccount)]);
  await rejectsWith(group.open(order, { providers: forged }), "ProviderSignatureInvalid");
  // The owner of the name takes another key, and the stake waits as any.
  await group.onStaking("registerProvider", [testAccount(57).address, ...args.slice(1)]);
  await group.onStaking("requestUnbonding", [0, 8, 100n * TOKENS], stranger);
  await rejectsWith(group.onStaking("withdrawStake", [0, 8], stranger), "UnbondingNotOver");
  await group.chain.close();
});
