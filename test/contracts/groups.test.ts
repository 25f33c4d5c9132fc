import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Abi,
  type Address,
  concatHex,
  type Hex,
  keccak256,
  parseEventLogs,
  stringToHex,
  zeroAddress,
  zeroHash,
} from "viem";
import { allowancesAbi } from "../../protocol/abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../../protocol/abi/generated/GroupFactory.ts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { orderId } from "../../protocol/order.ts";
import {
  createTestChain,
  errorNameOf,
  rejectsWith,
  type TestChain,
  testAccount,
} from "../support/contracts/chain.ts";
import { missedLeaf } from "../support/contracts/exceptions.ts";
import { CHAIN_FACTS, createFactory } from "../support/contracts/factory.ts";
import { asContract, createGroup, PARAMETERS, TOKENS } from "../support/contracts/group.ts";
import { createRepairGroup } from "../support/contracts/repairs.ts";

let chain: TestChain;
let factory: Address;
let token: Address;
let defaults: Record<string, unknown>;
const create = async (overrides: Record<string, unknown> = {}, salt: Hex = zeroHash) =>
  await chain.send({
    address: factory,
    abi: groupFactoryAbi as Abi,
    functionName: "createGroup",
    args: [{ ...defaults, ...overrides }, salt],
  });

before(async () => {
  chain = await createTestChain();
  ({ factory, token } = await createFactory(chain));
  defaults = { ...PARAMETERS, token, treasury: testAccount(7).address, genesis: await chain.time() };
});
after(() => chain.close());

test("groups are numbered, lie where predicted, know each other and keep their parameters", async () => {
  const abi = groupFactoryAbi as Abi;
  const salt = keccak256(stringToHex("salt"));
  const predicted = await chain.read<Record<string, Address>>(factory, abi, "predictGroup", [
    testAccount(0).address,
    salt,
  ]);
  const receipt = await create({}, salt);
  const [created] = parseEventLogs({ abi: groupFactoryAbi, eventName: "GroupCreated", logs: receipt.logs });
  const { groupId, staking, orders, settlement, disputes, repairs, allowances, parameters } = created!.args;
  assert.deepEqual({ staking, orders, settlement, disputes, repairs, allowances }, predicted);
  assert.equal(await chain.read(factory, abi, "groupCount"), groupId);
  assert.equal(await chain.read(factory, abi, "version"), "1");
  for (const address of Object.values(predicted)) {
    assert.deepEqual(await chain.read(address, stakingAbi as Abi, "groupContracts"), predicted);
    assert.deepEqual(await chain.read(address, stakingAbi as Abi, "parameters"), parameters);
    assert.equal(await chain.read(address, stakingAbi as Abi, "groupId"), groupId);
    assert.equal(await chain.read(address, stakingAbi as Abi, "version"), "1");
  }
  await assert.rejects(create({}, salt), "a salt is used once");
  const domain = await chain.read<unknown[]>(orders, storageOrdersAbi as unknown as Abi, "eip712Domain");
  assert.deepEqual(domain.slice(1, 5), ["memo StorageOrders", "1", BigInt(chain.chainId), orders]);
  const logic = await chain.read<Record<string, Address>>(factory, abi, "implementations");
  for (const name of Object.keys(predicted)) {
    const without = { ...logic, [name]: testAccount(1).address };
    await assert.rejects(chain.deploy("GroupFactory", [without, CHAIN_FACTS]), name);
  }
});

test("what moves stake, slots and money is for contracts of the group", async () => {
  const group = await createGroup({ providers: 3 });
  const order = await group.order({ policy: (1 << 16) | (2 << 8) | 1 });
  const id = orderId(order);
  const stranger = group.owner.address;
  const calls: [typeof group.onStaking, string, unknown[]][] = [
    [group.onStaking, "lockCollateral", [[1], 1, id]],
    [group.onStaking, "releaseCollateral", [[1], 1, id]],
    [group.onStaking, "slashProvider", [1, 1, 1n, id]],
    [group.onStaking, "slashKeeper", [1, stranger]],
    [group.onOrders, "noteHandOver", [id, 1, 0n]],
    [group.onOrders, "creditPayer", [stranger, id, 1n]],
    [group.onOrders, "creditProvider", [1, id, 1n]],
    [group.onOrders, "creditTreasury", [id, 1n]],
    [group.onRepairs, "evict", [{ orderId: id, slot: 0, holder: 1, since: 1, stripes: 3 }, 1, 1, 1]],
    [group.onRepairs, "applyOffer", [1, 1, zeroHash, "0x"]],
    [group.onRepairs, "closeVacancy", [id, 0, 1, 1n, true]],
  ];
  for (const [on, name, args] of calls) {
    await rejectsWith(on(name, args, group.owner), "CallerNotAllowed", [stranger]);
  }
  // Each function has its callers; the other contracts of the group are strangers to it.
  const allowed: Record<string, Address[]> = {
    lockCollateral: [group.orders, group.repairs],
    releaseCollateral: [group.orders, group.disputes, group.repairs],
    slashProvider: [group.disputes, group.repairs],
    slashKeeper: [group.settlement],
    noteHandOver: [group.repairs],
    creditPayer: [group.disputes, group.repairs],
    creditProvider: [group.repairs],
    creditTreasury: [group.disputes, group.repairs],
    evict: [group.disputes],
    applyOffer: [group.settlement],
    closeVacancy: [group.disputes],
  };
  for (const [on, name, args] of calls) {
    for (const caller of [group.staking, group.orders, group.settlement, group.disputes, group.repairs]) {
      const refused = await on(name, args, await asContract(group, caller)).then(
        () => false,
        (error: unknown) => errorNameOf(error) === "CallerNotAllowed",
      );
      assert.equal(refused, !allowed[name]!.includes(caller), `${name} by ${caller}`);
    }
  }
  await group.chain.close();
});

test("the rolling hash is what the logs of each contract give, in order, from nothing", async () => {
  const group = await createRepairGroup({ order: { endEpoch: 8 } });
  await group.epoch(1);
  await group.epoch(2, missedLeaf(3), group.offer(5, 0, 4));
  const record = group.recorded(await group.epoch(3, group.lost(2, [group.entry(1)]), group.offer(5, 1, 6)));
  await group.accept(1, 5);
  const { ticket } = await group.challenge(0);
  await group.onDisputes("respond", [ticket, await group.answer(ticket.draw, group.entry(0))]);
  await group.onStaking("setExiting", [3, true]);
  for (const epoch of [4, 5]) await group.epoch(epoch);
  await group.epoch(6, group.lost(4, [group.entry(3)]), group.offer(6, 2, 8));
  await group.accept(2, 6);
  await group.close(record);
  await group.epoch(7);
  await group.claim(1, 3, 5);
  await group.settle(8);
  await group.onOrders("releaseCollateral", [group.order]);
  await group.onOrders("requestWithdrawal", [TOKENS]);
  await group.onStaking("updateProvider", [1, "/new", zeroHash, 5n, false]);
  await group.onStaking("updateKeeper", [1, "/new"], group.keepers[0]!.account);
  await group.onStaking("requestUnbonding", [1, 4, 1000n * TOKENS]);
  await group.onStaking("setOperator", [1, 4, testAccount(60).address]);
  await group.onStaking("transferOwnership", [0, 1, group.user.address]);
  await group.onStaking("acceptOwnership", [0, 1], group.user);
  await group.onAllowances("approveAgent", [testAccount(61).address, TOKENS, 2n ** 63n]);
  await group.onAllowances("setRenewal", [zeroHash, 1n, 1, 1]);
  await group.onAllowances("invalidateNonces", [0n, 1n]);
  await group.onDisputes("approveDemander", [testAccount(62).address, true]);
  const contracts = [
    ...[group.staking, group.place.orders, group.settlement, group.disputes, group.repairs],
    group.allowances,
  ];
  for (const address of [group.factory, ...contracts]) {
    const logs = await group.chain.publicClient.getLogs({ address, fromBlock: 0n });
    assert.ok(logs.length > 0);
    const expected = logs.reduce<Hex>(
      (head, { topics, data }) => keccak256(concatHex([head, keccak256(concatHex([...topics, data]))])),
      zeroHash,
    );
    assert.equal(await group.chain.read(address, stakingAbi as Abi, "rollingHash"), expected);
    const abi = [
      ...[...groupFactoryAbi, ...stakingAbi, ...storageOrdersAbi],
      ...[...challengeSettlementAbi, ...disputesAbi, ...repairsAbi, ...allowancesAbi],
    ];
    assert.equal(
      parseEventLogs({ abi, logs, strict: true }).length,
      logs.length,
      "every log decodes by the ABI",
    );
  }
  await group.books();
  await group.chain.close();
});

test("registration wants an operator of its own, an endpoint and the minimum stake", async () => {
  const group = await createGroup({ providers: 1 });
  const provider = async (operator: Address, endpoint: string, stake: bigint) =>
    await group.onStaking("registerProvider", [operator, endpoint, zeroHash, 1n, true, stake]);
  const fresh = testAccount(20).address;
  await rejectsWith(provider(zeroAddress, "/p", 100n * TOKENS), "OperatorMissing");
  await rejectsWith(provider(group.providers[0]!.account.address, "/p", 100n * TOKENS), "OperatorTaken");
  await rejectsWith(provider(fresh, "/p", 100n * TOKENS - 1n), "StakeTooLow");
  await rejectsWith(provider(fresh, "/p", 2n ** 96n), "StakeTooHigh");
  await rejectsWith(provider(fresh, "", 100n * TOKENS), "StringLengthInvalid", [0n, 256n]);
  await rejectsWith(provider(fresh, "/".repeat(257), 100n * TOKENS), "StringLengthInvalid");
  await rejectsWith(group.onStaking("registerKeeper", [fresh, "/k", 1000n * TOKENS - 1n]), "StakeTooLow");
  const kept = group.keepers[0]!.account.address;
  await rejectsWith(group.onStaking("registerKeeper", [kept, "/k", 1000n * TOKENS]), "OperatorTaken");
  await provider(kept, "/p", 100n * TOKENS);
  assert.deepEqual(
    [await group.read.staking("providerOf", [kept]), await group.read.staking("keeperOf", [kept])],
    [2, 1],
  );
  await rejectsWith(
    group.onStaking("updateProvider", [1, "/p", zeroHash, 1n, true], group.user),
    "NotOwnerOrOperator",
  );
  await rejectsWith(group.onStaking("updateKeeper", [1, "/k"], group.user), "NotOwnerOrOperator");
  await rejectsWith(group.read.staking("provider", [9]), "ProviderUnknown");
  await rejectsWith(group.read.staking("keeper", [9]), "KeeperUnknown");
  await group.chain.close();
});

test("stake leaves after the delay, by its owner's wish, down to nothing or the minimum", async () => {
  const group = await createGroup({ providers: 1 });
  const unbond = async (amount: bigint, from = group.owner) =>
    await group.onStaking("requestUnbonding", [0, 1, amount], from);
  await rejectsWith(unbond(TOKENS, group.providers[0]!.account), "NotOwner");
  await rejectsWith(unbond(0n), "AmountZero");
  await rejectsWith(unbond(901n * TOKENS), "StakeTooLow");
  await rejectsWith(unbond(1001n * TOKENS), "StakeNotFree");
  await unbond(400n * TOKENS);
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay - 100);
  await unbond(600n * TOKENS);
  await group.chain.helpers.time.increase(200);
  await rejectsWith(group.onStaking("withdrawStake", [0, 1]), "UnbondingNotOver");
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay);
  const before = await group.read.token<bigint>("balanceOf", [group.owner.address]);
  await group.onStaking("withdrawStake", [0, 1], group.user);
  assert.equal((await group.read.token<bigint>("balanceOf", [group.owner.address])) - before, 1000n * TOKENS);
  const order = await group.order({ providers: [1], policy: (2 << 16) | (1 << 8) });
  await group.onOrders("deposit", [100n * TOKENS]);
  await rejectsWith(group.open(order), "StakeTooLow");
  await group.onStaking("addStake", [0, 1, 100n * TOKENS], group.user);
  await group.open(order);
  await group.chain.close();
});

test("the token's supply is the deployer's and takes permits", async () => {
  const deployer = testAccount(0);
  const spender = testAccount(3).address;
  const deadline = 2n ** 64n;
  assert.equal(await chain.read(token, memoTokenAbi as Abi, "totalSupply"), 10n ** 27n);
  const signature = await deployer.signTypedData({
    domain: { name: "Memo", version: "1", chainId: chain.chainId, verifyingContract: token },
    types: {
      Permit: [
        { name: "owner", type: "address" },
        { name: "spender", type: "address" },
        { name: "value", type: "uint256" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
      ],
    },
    primaryType: "Permit",
    message: { owner: deployer.address, spender, value: 5n, nonce: 0n, deadline },
  });
  const [r, s, v] = [
    signature.slice(0, 66),
    `0x${signature.slice(66, 130)}`,
    Number(`0x${signature.slice(130)}`),
  ];
  const args = [deployer.address, spender, 5n, deadline, v, r, s];
  await chain.send({ address: token, abi: memoTokenAbi as Abi, functionName: "permit", args });
  assert.equal(await chain.read(token, memoTokenAbi as Abi, "allowance", [deployer.address, spender]), 5n);
});
