import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Abi,
  bytesToHex,
  encodeFunctionData,
  type Hex,
  hexToBytes,
  keccak256,
  type TransactionReceipt,
} from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import type { Ticket } from "../../protocol/chain/disputeTypes.ts";
import { MAX_SLOTS } from "../../protocol/constants.ts";
import type { ShardAnswer } from "../../protocol/disputes/answer.ts";
import { keccak } from "../../protocol/merkle/keccak.ts";
import { leafHash, nodeHash, TAG, treeDepth } from "../../protocol/merkle/tree.ts";
import { sendWithBlobs } from "../support/contracts/blobs.ts";
import { createTestChain, rejectsWith, testAccount } from "../support/contracts/chain.ts";
import {
  CHALLENGER,
  createDisputeGroup,
  type DisputeGroup,
  disputeEvents,
} from "../support/contracts/disputes.ts";
import { artifactAbi } from "../support/contracts/factory.ts";
import { traceOf } from "../support/contracts/tracing.ts";

/*
 * The contracts hold figures that follow what the EVM takes for a call. Here they are held against what it does take:
 * when a fork changes its prices, or the code what it does, one of these fails. They hold for what is deployed, which
 * is compiled through the IR.
 */

const GWEI = 10n ** 9n;
const operator = testAccount(3);
/** Calldata of an empty transaction, and of a byte, in gas; and the least that a byte takes (EIP-7623). */
const [TRANSACTION, ZERO_BYTE, BYTE, ZERO_BYTE_LEAST, BYTE_LEAST] = [21_000, 4, 16, 10, 40];
/** Gas that a call with coin gives to its receiver beyond the caller's limit. */
const STIPEND = 2300;

const zerosOf = (data: Hex) => hexToBytes(data).filter((byte) => byte === 0).length;
const callOf = (functionName: string, args: readonly unknown[]) =>
  encodeFunctionData({ abi: disputesAbi as Abi, functionName, args });

/** A response whose base fee is one gwei, and what it was paid, in gas. */
async function respond(
  group: DisputeGroup,
  args: readonly [Ticket, ShardAnswer],
  tip = 0n,
): Promise<{ receipt: TransactionReceipt; paid: bigint }> {
  await group.chain.helpers.setNextBlockBaseFeePerGas(GWEI);
  const receipt = await group.chain.send({
    ...{ address: group.disputes, abi: disputesAbi as Abi, functionName: "respond", args },
    ...{ account: operator.address, gas: 1_000_000n },
    ...{ maxFeePerGas: GWEI + tip, maxPriorityFeePerGas: tip },
  });
  return { receipt, paid: disputeEvents(receipt)[0]!.args.reimbursed as bigint };
}

/** What a response was paid beside what it took. Words that it clears are refunded by the chain, on top. */
async function sides(group: DisputeGroup, args: readonly [Ticket, ShardAnswer]) {
  const { receipt, paid } = await respond(group, args);
  assert.equal(receipt.effectiveGasPrice, GWEI);
  const { sums } = await traceOf(receipt);
  const { input } = await group.chain.publicClient.getTransaction({ hash: receipt.transactionHash });
  return { input, sums, paid: Number(paid) / Number(GWEI), cost: sums.used + sums.refunded };
}

/** An order as large as there may be: 32 slots, 2^31 stripes; what is known of its trees is the way to one shard. */
async function deepest() {
  const stripes = 2 ** 31;
  const group = await createDisputeGroup({
    ...{ slots: MAX_SLOTS, providers: MAX_SLOTS, stripes: 1 },
    parameters: { collateralPerShard: 1n, repairBonusPerShard: 0n },
  });
  const siblings = (levels: number) => Array.from({ length: levels }, (_, i) => keccak(Uint8Array.of(i)));
  const [stripePath, slotPath] = [siblings(treeDepth(stripes)), siblings(treeDepth(MAX_SLOTS))];
  const commitment = await group.kzg.commit(group.bytesOf(0, 0));
  const slotRoot = stripePath.reduce(nodeHash, leafHash(TAG.shard, 0, commitment));
  const shardRoot = bytesToHex(slotPath.reduce(nodeHash, leafHash(TAG.slot, 0, slotRoot)));
  const order = await group.openOrder({
    ...{ stripes, shardRoot, price: 1000n << 32n, salt: keccak256("0x01") },
  });
  const challenged = async () => {
    const { ticket } = await group.challenge(0, 0, testAccount(CHALLENGER), order);
    const answer = await group.answer(ticket.draw, ticket);
    const paths = {
      stripePath: stripePath.map((it) => bytesToHex(it)),
      slotPath: slotPath.map((it) => bytesToHex(it)),
    };
    return [ticket, { ...answer, ...paths }] as const;
  };
  return { group, challenged };
}

test("what a transaction takes before it runs is what the contracts count", async () => {
  const chain = await createTestChain();
  const address = await chain.deploy("LibraryHarness");
  const abi = await artifactAbi("LibraryHarness");
  for (const data of [
    "0x",
    "0x00",
    "0x01",
    `0x${"00".repeat(500)}`,
    `0x${"ff".repeat(500)}`,
    `0x00${"a0".repeat(77)}`,
  ]) {
    const call = { address, abi, functionName: "intrinsicGas", args: [data] };
    const { sums } = await traceOf(await chain.send({ ...call, gas: 1_000_000n }));
    assert.equal(Number(await chain.read(address, abi, "intrinsicGas", [data])), sums.intrinsic);
  }
  await chain.close();
});

test("a response is paid what it took, and never more", async () => {
  const group = await createDisputeGroup({ slots: 9, providers: 10, stripes: 4 });
  const challenged = async (stripe: number) => {
    const { ticket } = await group.challenge(0, stripe);
    return [ticket, await group.answer(ticket.draw, ticket)] as const;
  };
  const first = await sides(group, await challenged(0));
  const later = await sides(group, await challenged(1));
  // Nobody had burnt a coin before the first one: that makes an account, which is not paid for.
  const NEW_ACCOUNT = 25_000;
  assert.ok(Math.abs(first.cost - later.cost - NEW_ACCOUNT) < 100, `${first.cost}, then ${later.cost}`);
  assert.ok(Math.abs(first.paid - later.paid) < 100, `${first.paid}, then ${later.paid}`);
  const large = await deepest();
  await respond(large.group, await large.challenged());
  const largest = await sides(large.group, await large.challenged());
  for (const { paid, cost, sums } of [later, largest]) {
    assert.ok(paid <= cost, `paid ${paid} for ${cost}`);
    assert.ok(paid >= 0.99 * cost, `paid ${paid} for ${cost}`);
    // The word of the ticket.
    assert.equal(sums.refunded, 4800);
  }
  await group.chain.close();
  await large.group.chain.close();
});

test("the least that calldata costs is less than what a response takes, whatever its bytes are", async () => {
  const { group, challenged } = await deepest();
  const { input, sums, cost } = await sides(group, await challenged());
  const [zeros, bytes] = [zerosOf(input), hexToBytes(input).length];
  assert.equal(sums.floor, 0);
  assert.equal(sums.intrinsic, TRANSACTION + zeros * ZERO_BYTE + (bytes - zeros) * BYTE);
  assert.ok(TRANSACTION + zeros * ZERO_BYTE_LEAST + (bytes - zeros) * BYTE_LEAST < sums.used);
  const executed = cost - sums.intrinsic;
  assert.ok(TRANSACTION + bytes * BYTE_LEAST < TRANSACTION + bytes * BYTE + executed - sums.refunded);
  await group.chain.close();
});

test("a response is paid at its price, up to 1.2 times the base fee", async () => {
  const group = await createDisputeGroup({ slots: 2, stripes: 1 });
  const { ticket } = await group.challenge(0, 0);
  const args = [ticket, await group.answer(ticket.draw, ticket)] as const;
  const opened = await group.chain.helpers.takeSnapshot();
  const paidWith = async (tip: bigint) => {
    await opened.restore();
    return (await respond(group, args, tip)).paid;
  };
  const gas = (await paidWith(0n)) / GWEI;
  for (const [tip, price] of [
    [GWEI / 5n - 1n, (GWEI * 6n) / 5n - 1n],
    [GWEI / 5n, (GWEI * 6n) / 5n],
    [GWEI / 5n + 1n, (GWEI * 6n) / 5n],
    [2n * GWEI, (GWEI * 6n) / 5n],
  ] as const) {
    assert.equal(await paidWith(tip), gas * price, `tip ${tip}`);
  }
  await group.chain.close();
});

test("a response that is let through has enough gas to pay, also when nobody ever burnt a coin", async () => {
  const group = await createDisputeGroup({ slots: 2, stripes: 1 });
  const { ticket } = await group.challenge(0, 0);
  const args = [ticket, await group.answer(ticket.draw, ticket)] as const;
  const { publicClient } = group.chain;
  const call = async (gas: bigint) =>
    await publicClient.simulateContract({
      ...{ address: group.disputes, abi: disputesAbi, functionName: "respond", args },
      ...{ account: operator.address, gas, maxFeePerGas: 10n * GWEI },
    });
  const accepts = async (gas: bigint) =>
    await call(gas).then(
      () => true,
      () => false,
    );
  let [refused, accepted] = [100_000n, 1_000_000n];
  while (accepted - refused > 1n) {
    const gas = (accepted + refused) / 2n;
    if (await accepts(gas)) accepted = gas;
    else refused = gas;
  }
  // It is the contract that refuses, not a payment that fails.
  await rejectsWith(call(refused), "GasTooLow");
  const { receipt } = await respond(group, args);
  const { sums } = await traceOf(receipt);
  const spare = Number(accepted) - sums.used - sums.refunded;
  assert.ok(spare > 10_000 && spare < 30_000, `${spare} gas to spare`);
  await group.chain.close();
});

test("a bond comes back to any usual wallet; one that burns gas burns so much and no more", async () => {
  const group = await createDisputeGroup({ slots: 2, stripes: 1 });
  await group.epoch(1);
  const { ticket } = await group.challenge(0, 0);
  await group.passWindow(ticket);
  const { helpers } = group.chain;
  // Whoever burns first pays for the account.
  await helpers.setBalance("0x0000000000000000000000000000000000000000", 1n);
  const over = await helpers.takeSnapshot();
  const closeFor = async (code: Hex) => {
    await over.restore();
    await helpers.setCode(ticket.challenger, code);
    const receipt = await group.onDisputes("closeChallenge", [ticket, group.order]);
    return { gas: Number(receipt.gasUsed), last: disputeEvents(receipt).at(-1)!.name };
  };
  // A proxy, whose code writes a word that was 0 and logs who sent how much.
  const home = `0x${"5afe".repeat(10)}` as const;
  const note = "0x425f55345f523360205fa100";
  await over.restore();
  await helpers.setCode(home, note);
  const withHome = await helpers.takeSnapshot();
  await helpers.setCode(
    ticket.challenger,
    `0x363d3d373d3d3d363d73${home.slice(2)}5af43d82803e903d91602b57fd5bf3`,
  );
  const wallet = disputeEvents(await group.onDisputes("closeChallenge", [ticket, group.order]));
  assert.equal(wallet.at(-1)!.name, "ChallengeUnanswered");
  await withHome.restore();

  const [refuses, burns] = ["0x5f5ffd", "0xfe"] as const;
  const refusing = await closeFor(refuses);
  const burning = await closeFor(burns);
  assert.deepEqual([refusing.last, burning.last], ["BondForfeited", "BondForfeited"]);
  const REFUSAL = 4;
  assert.equal(burning.gas - refusing.gas, 50_000 + STIPEND - REFUSAL);
  await group.chain.close();
});

test("a blob is paid for as the chain charges it", async () => {
  const group = await createDisputeGroup({ slots: 2, stripes: 1 });
  const bond = await group.read.disputes<bigint>("demandBondOf", [group.order, 0, group.user.address]);
  const opened = await group.onDisputes("demand", [group.order, 0, 0], group.user, 2n * bond);
  const ticket = disputeEvents(opened)[0]!.args.ticket as Ticket;
  await group.chain.helpers.setNextBlockBaseFeePerGas(0);
  const price = await group.chain.publicClient.getBlobBaseFee();
  const receipt = await sendWithBlobs(group.chain, {
    ...{ to: group.disputes, from: operator, blobs: [group.bytesOf(0, 0)] },
    data: callOf("respond", [ticket, await group.answer(ticket.draw, ticket)]),
  });
  const { blobGasUsed } = await group.chain.publicClient.getBlock({ blockNumber: receipt.blockNumber });
  assert.equal(disputeEvents(receipt)[0]!.args.reimbursed, blobGasUsed * price);
  await group.chain.close();
});
