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
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { groupFactoryAbi } from "../../protocol/abi/generated/GroupFactory.ts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { createTestChain, rejectsWith, type TestChain, testAccount } from "../support/contracts/chain.ts";
import { exceptionTree, missedLeaf } from "../support/contracts/exceptions.ts";
import { createFactory } from "../support/contracts/factory.ts";
import { createGroup, PARAMETERS, TOKENS } from "../support/contracts/group.ts";

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

test("every parameter has hard limits", async () => {
  const genesis = defaults.genesis as number;
  const cases: [Record<string, unknown>, string][] = [
    [{ genesis: genesis - 31 * 86_400 }, "genesis"],
    [{ genesis: genesis + 31 * 86_400 }, "genesis"],
    [{ epochLength: 9 }, "epochLength"],
    [{ epochLength: 7 * 86_400 + 1 }, "epochLength"],
    [{ seedDelay: 3 }, "seedDelay"],
    [{ answerWindow: 3 }, "answerWindow"],
    [{ seedDelay: 30, answerWindow: 31 }, "answerWindow"],
    [{ seedDelay: 61 }, "seedDelay"],
    [{ applyWindow: 59 }, "applyWindow"],
    [{ applyWindowBlocks: 4 }, "applyWindowBlocks"],
    [{ payerDelay: 59 }, "payerDelay"],
    [{ unbondingDelay: 959 }, "unbondingDelay"],
    [{ confirmations: 0 }, "confirmations"],
    [{ maxGap: 0 }, "maxGap"],
    [{ maxGap: 65 }, "maxGap"],
    [{ samples: 0 }, "samples"],
    [{ termLength: 1 }, "termLength"],
    [{ termLength: 65_536 }, "termLength"],
    [{ minKeeperStake: 0n }, "minKeeperStake"],
    [{ minProviderStake: 10n ** 27n + 1n }, "minProviderStake"],
    [{ collateralPerShard: 0n }, "collateralPerShard"],
    [{ minPrice: (100n << 32n) - 1n }, "minPrice"],
  ];
  for (const [overrides, name] of cases) {
    await assert.rejects(create(overrides), (error: Error) => {
      assert.match(error.message, /ParameterOutOfRange/);
      assert.match(error.message, new RegExp(`\\(${name}, `), `${name} in ${error.message}`);
      return true;
    });
  }
  await rejectsWith(create({ token: testAccount(9).address }), "TokenNotContract");
  await rejectsWith(create({ treasury: zeroAddress }), "TreasuryMissing");
});

test("groups are numbered, lie where predicted, know each other and keep their parameters", async () => {
  const abi = groupFactoryAbi as Abi;
  const salt = keccak256(stringToHex("salt"));
  const predicted = await chain.read<Address[]>(factory, abi, "predictGroup", [testAccount(0).address, salt]);
  const receipt = await create({}, salt);
  const [created] = parseEventLogs({ abi: groupFactoryAbi, eventName: "GroupCreated", logs: receipt.logs });
  const { groupId, staking, orders, settlement, parameters } = created!.args;
  assert.deepEqual([staking, orders, settlement], predicted);
  assert.equal(await chain.read(factory, abi, "groupCount"), groupId);
  for (const address of predicted) {
    assert.deepEqual(await chain.read(address, stakingAbi as Abi, "groupContracts"), predicted);
    assert.deepEqual(await chain.read(address, stakingAbi as Abi, "parameters"), parameters);
    assert.equal(await chain.read(address, stakingAbi as Abi, "groupId"), groupId);
    assert.equal(await chain.read(address, stakingAbi as Abi, "version"), "1");
  }
  await assert.rejects(create({}, salt), "a salt is used once");
  const domain = await chain.read<unknown[]>(orders, storageOrdersAbi as unknown as Abi, "eip712Domain");
  assert.deepEqual(domain.slice(1, 5), ["memo StorageOrders", "1", BigInt(chain.chainId), orders]);
  const logic = await chain.read<Address[]>(factory, abi, "implementations");
  await assert.rejects(chain.deploy("GroupFactory", [logic[0], logic[1], testAccount(1).address]));
});

test("only the orders contract of the group locks and releases collateral", async () => {
  const group = await createGroup({ providers: 1 });
  const args = [[1], 1n, zeroHash];
  await rejectsWith(group.onStaking("lockCollateral", args), "CallerNotAllowed", [group.owner.address]);
  await rejectsWith(group.onStaking("releaseCollateral", args), "CallerNotAllowed");
  await group.chain.close();
});

test("the rolling hash is what the logs of each contract give, in order, from nothing", async () => {
  const group = await createGroup({ providers: 3 });
  await group.onOrders("deposit", [100n * TOKENS]);
  const order = await group.order({ policy: (1 << 16) | (2 << 8) | 1, startEpoch: 1, endEpoch: 3 });
  await group.open(order);
  const tree = exceptionTree([missedLeaf(2), { ...missedLeaf(2), kind: 3 }]);
  for (const epoch of [1, 2]) {
    await group.toEpoch(epoch);
    await group.certify(group.certificate(epoch, epoch === 2 ? tree.certificate : {}));
  }
  await group.onSettlement("applyExceptions", [2, ...tree.chunk(0, 2)]);
  await group.onOrders("settle", [order, 3]);
  await group.onOrders("releaseCollateral", [order]);
  await group.onOrders("requestWithdrawal", [TOKENS]);
  await group.onStaking("updateProvider", [1, "/new", zeroHash, 5n, false]);
  await group.onStaking("updateKeeper", [1, "/new"], group.keepers[0]!.account);
  await group.onStaking("requestUnbonding", [1, 4, 1000n * TOKENS]);
  for (const address of [group.factory, group.staking, group.orders, group.settlement]) {
    const logs = await group.chain.publicClient.getLogs({ address, fromBlock: 0n });
    assert.ok(logs.length > 0);
    const expected = logs.reduce<Hex>(
      (head, { topics, data }) => keccak256(concatHex([head, keccak256(concatHex([...topics, data]))])),
      zeroHash,
    );
    assert.equal(await group.chain.read(address, stakingAbi as Abi, "rollingHash"), expected);
    const abi = [...groupFactoryAbi, ...stakingAbi, ...storageOrdersAbi, ...challengeSettlementAbi];
    assert.equal(
      parseEventLogs({ abi, logs, strict: true }).length,
      logs.length,
      "every log decodes by the ABI",
    );
  }
  await group.chain.close();
});

test("tokens that take a fee or return false are refused", async () => {
  for (const [takesFee, returnsFalse, error] of [
    [true, false, "TokenAmountMismatch"],
    [false, true, "SafeERC20FailedOperation"],
  ] as const) {
    const weird = await chain.deploy("WeirdToken", [takesFee, returnsFalse]);
    const receipt = await create({ token: weird }, keccak256(stringToHex(error)));
    const { staking, orders } = parseEventLogs({ abi: groupFactoryAbi, logs: receipt.logs })[0]!.args as {
      staking: Address;
      orders: Address;
    };
    for (const spender of [staking, orders]) {
      const args = [spender, 2n ** 200n];
      await chain.send({ address: weird, abi: memoTokenAbi as Abi, functionName: "approve", args });
    }
    const deposit = { address: orders, abi: storageOrdersAbi as unknown as Abi, functionName: "deposit" };
    await rejectsWith(chain.send({ ...deposit, args: [TOKENS] }), error);
    const register = [testAccount(5).address, "/p", zeroHash, 1n, true, 1000n * TOKENS];
    await rejectsWith(
      chain.send({
        address: staking,
        abi: stakingAbi as Abi,
        functionName: "registerProvider",
        args: register,
      }),
      error,
    );
  }
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
