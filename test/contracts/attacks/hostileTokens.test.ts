import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, encodeFunctionData, type Hex, keccak256, stringToHex, zeroHash } from "viem";
import { assertBooks } from "../../support/contracts/books.ts";
import { rejectsWith, testAccount } from "../../support/contracts/chain.ts";
import { artifactAbi } from "../../support/contracts/factory.ts";
import { createGroup, type Group, TOKENS } from "../../support/contracts/group.ts";
import { createRepairGroup } from "../../support/contracts/repairs.ts";
import { signCommit } from "../../support/contracts/signing.ts";
import { type Manner, weirdToken } from "../../support/contracts/weirdToken.ts";

/* Who makes a group chooses its token. These tests say what a token that turns hostile can and cannot do. */

const token = "WeirdToken";
const OPERATOR = testAccount(55).address;

/** Every way in for tokens. */
const ENTRIES: readonly (readonly [string, (group: Group) => Promise<unknown>])[] = [
  ["deposit", (group) => group.onOrders("deposit", [TOKENS])],
  ["depositFor", (group) => group.onOrders("depositFor", [group.owner.address, TOKENS])],
  [
    "registerProvider",
    (group) => group.onStaking("registerProvider", [OPERATOR, "/p", zeroHash, 1n, true, 1000n * TOKENS]),
  ],
  ["registerKeeper", (group) => group.onStaking("registerKeeper", [OPERATOR, "/k", 1000n * TOKENS])],
  ["addStake of a provider", (group) => group.onStaking("addStake", [0, 1, TOKENS])],
  ["addStake of a keeper", (group) => group.onStaking("addStake", [1, 1, TOKENS])],
];

test("a token that takes a fee, returns false, moves nothing or hides balances is refused wherever tokens come in", async () => {
  const group = await createGroup({ providers: 1, token });
  const weird = await weirdToken(group);
  const refusals: readonly (readonly [Manner, string])[] = [
    ["takeFee", "TokenAmountMismatch"],
    ["returnFalse", "SafeERC20FailedOperation"],
    ["keep", "TokenAmountMismatch"],
    ["hideBalances", "TokenAmountMismatch"],
  ];
  for (const [manner, error] of refusals) {
    await weird.behave(manner);
    for (const [name, enter] of ENTRIES) {
      await assert.doesNotReject(rejectsWith(enter(group), error), `${manner}: ${name}`);
    }
  }
  await weird.behave("move");
  for (const [, enter] of ENTRIES) await enter(group);
  await assertBooks(group);
  await group.chain.close();
});

test("a token that returns nothing at all is moved like any other, in and out", async () => {
  const group = await createGroup({ providers: 1, token });
  const weird = await weirdToken(group);
  await weird.behave("returnNothing");
  for (const [, enter] of ENTRIES) await enter(group);
  await group.onOrders("requestWithdrawal", [TOKENS]);
  await group.chain.helpers.time.increase(group.parameters.payerDelay);
  await group.onOrders("withdraw", []);
  assert.equal(await group.read.orders("balanceOf", [group.user.address]), 0n);
  await assertBooks(group);
  await group.chain.close();
});

test("what leaves as false is not taken for paid: the claim stays", async () => {
  const group = await createRepairGroup({ token });
  const weird = await weirdToken(group);
  await group.epoch(1);
  await group.settle(2);
  const credit = await group.credit(1);
  assert.ok(credit > 0n);
  await weird.behave("returnFalse");
  await rejectsWith(group.onOrders("withdrawCredit", [1]), "SafeERC20FailedOperation");
  assert.equal(await group.credit(1), credit);
  await weird.behave("move");
  await group.onOrders("withdrawCredit", [1]);
  await group.books();
  await group.chain.close();
});

/** A group in which every kind of payment is due: one that the token can enter again while it moves. */
async function everythingDue() {
  const group = await createRepairGroup({ token, parameters: { termLength: 6, evictionCap: 10_000 } });
  await group.epoch(1);
  const record = await group.evict(2, 0);
  for (let epoch = 3; epoch <= 6; epoch++) await group.epoch(epoch);
  await group.settle(6);
  await group.onStaking("requestUnbonding", [0, 7, TOKENS]);
  await group.onOrders("requestWithdrawal", [TOKENS]);
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay);
  await group.passWindow(record);
  return { group, record };
}
type Due = Awaited<ReturnType<typeof everythingDue>>;
type Call = { readonly name: string; readonly to: Address; readonly data: Hex };

/** Calls in the middle of a payment, each of which would gain if the payment's effects came late. */
async function callsBack({ group, record }: Due): Promise<readonly Call[]> {
  const { orders } = group.place;
  const call = async (contract: string, to: Address, name: string, args: readonly unknown[] = []) => {
    const abi = await artifactAbi(contract);
    return { name, to, data: encodeFunctionData({ abi, functionName: name, args }) };
  };
  const { disputes, staking, repairs, settlement } = group;
  const its = [record.providerId, record.epoch, record.part, record.entries];
  const register = [OPERATOR, "/p", zeroHash, 1n, true, 1000n * TOKENS];
  return await Promise.all([
    call("StorageOrders", orders, "withdrawCredit", [2]),
    call("StorageOrders", orders, "withdrawTreasury", [0]),
    call("StorageOrders", orders, "claimKeeperFee", [0, 1]),
    call("StorageOrders", orders, "withdraw"),
    call("StorageOrders", orders, "depositFor", [group.user.address, 1n]),
    call("StorageOrders", orders, "settle", [group.order, 7]),
    call("StorageOrders", orders, "requestWithdrawal", [0n]),
    call("Staking", staking, "withdrawStake", [0, 7]),
    call("Staking", staking, "addStake", [0, 7, 1n]),
    call("Staking", staking, "registerProvider", register),
    call("Disputes", disputes, "closeRecord", [...its, [group.order]]),
    call("Disputes", disputes, "appeal", [...its, []]),
    call("Repairs", repairs, "claimBonus", [group.order, 0, record.entries[0]!.until, 6]),
    call("Repairs", repairs, "voidSlot", [group.order, 0]),
    call("ChallengeSettlement", settlement, "finish"),
    call("ChallengeSettlement", settlement, "rotate"),
  ]);
}

const PAYMENTS: readonly (readonly [string, string, (due: Due) => Promise<unknown>])[] = [
  ["withdrawCredit", "orders", ({ group }) => group.onOrders("withdrawCredit", [2])],
  ["withdraw", "orders", ({ group }) => group.onOrders("withdraw", [])],
  ["withdrawTreasury", "orders", ({ group }) => group.onOrders("withdrawTreasury", [0])],
  ["claimKeeperFee", "orders", ({ group }) => group.onOrders("claimKeeperFee", [0, 1])],
  ["deposit", "orders", ({ group }) => group.onOrders("deposit", [TOKENS])],
  ["withdrawStake", "staking", ({ group }) => group.onStaking("withdrawStake", [0, 7])],
  ["addStake", "staking", ({ group }) => group.onStaking("addStake", [0, 7, TOKENS])],
  ["closeRecord", "staking", ({ group, record }) => group.closeRecord(record)],
];

/** Calls that only the lock stops; each is refused while its own contract pays. */
const LOCKED: Readonly<Record<string, readonly string[]>> = {
  orders: ["withdrawCredit", "withdrawTreasury", "claimKeeperFee", "withdraw", "depositFor"],
  staking: ["withdrawStake", "addStake", "registerProvider"],
};

test("whatever a token calls while it is moved, every token stays accounted for and nothing is paid twice", async () => {
  const due = await everythingDue();
  const { group } = due;
  const weird = await weirdToken(group);
  const calls = await callsBack(due);
  for (const [payment, contract, pay] of PAYMENTS) {
    for (const { name, to, data } of calls) {
      const snapshot = await group.chain.helpers.takeSnapshot();
      await weird.callBack(to, data);
      // What is slashed arrives in the middle of a deposit: then more has come than was asked for.
      const spoilt = payment === "deposit" && name === "closeRecord";
      if (spoilt) await rejectsWith(pay(due), "TokenAmountMismatch");
      else await pay(due);
      const outcome = await weird.outcome();
      const label = `${name} inside ${payment}: ${outcome}`;
      assert.equal(outcome === "none", spoilt, label);
      if (LOCKED[contract]!.includes(name)) assert.equal(outcome, "ReentrancyGuardReentrantCall", label);
      await assert.doesNotReject(group.books(), label);
      await snapshot.restore();
    }
  }
  await group.chain.close();
});

test("a reporter that enters again while it is rewarded gets its part of each stake once", async () => {
  const group = await createGroup({ keepers: 7, providers: 1, token });
  const weird = await weirdToken(group);
  const account = group.keepers[2]!.account;
  const a = group.certificate(1);
  const b = { ...a, resultsRoot: keccak256(stringToHex("another")) };
  const args = [
    ...[a, b, 2],
    ...[await signCommit(group.place, a, account), await signCommit(group.place, b, account)],
  ];
  const abi = await artifactAbi("ChallengeSettlement");
  await weird.callBack(
    group.settlement,
    encodeFunctionData({ abi, functionName: "reportEquivocation", args }),
  );
  await group.onSettlement("reportEquivocation", args, testAccount(55));
  assert.equal(await weird.outcome(), "KeeperAlreadySlashed");
  assert.equal(await group.read.token("balanceOf", [OPERATOR]), 50n * TOKENS);
  await assertBooks(group);
  await group.chain.close();
});
