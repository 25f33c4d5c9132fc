import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Abi,
  encodeFunctionData,
  getAddress,
  type Hex,
  keccak256,
  stringToHex,
  zeroAddress,
} from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import type { Ticket } from "../../protocol/chain/disputeTypes.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import {
  CHALLENGER,
  createDisputeGroup,
  type DisputeGroup,
  disputeEvents,
} from "../support/contracts/disputes.ts";
import { offerLeaf } from "../support/contracts/exceptions.ts";
import { artifactAbi } from "../support/contracts/factory.ts";

const BASE = 10n ** 15n;
const operatorOf = (provider: number) => testAccount(2 + provider);
const somebody = testAccount(51);
type Provider = { readonly stake: bigint; readonly locked: bigint };
const providerOf = async (group: DisputeGroup, id: number) =>
  await group.read.staking<Provider>("provider", [id]);
const coinOf = async (group: DisputeGroup, address: Hex) =>
  await group.chain.publicClient.getBalance({ address });
const openOf = async (group: DisputeGroup, slot: number) =>
  Number(await group.read.disputes<bigint>("challengesOpen", [group.id, slot]));

test("who has the bytes answers; its gas is paid out of the bond, the rest is burnt", async () => {
  const group = await createDisputeGroup();
  const { ticket, receipt: opened } = await group.challenge(0, 1);
  const { timestamp } = await group.chain.publicClient.getBlock({ blockNumber: opened.blockNumber });
  assert.deepEqual(
    { ...ticket, draw: undefined },
    {
      ...{ id: (1n << 32n) + 1n, orderId: group.id, slot: 0, stripe: 1, providerId: 1, since: 1, until: 0 },
      ...{
        challenger: testAccount(CHALLENGER).address,
        bond: BASE,
        ownerLane: false,
        asBlob: false,
        draw: undefined,
      },
      ...{ deadline: timestamp + 120n, deadlineBlock: opened.blockNumber + 12n },
    },
  );
  assert.equal(await openOf(group, 0), 1);
  const answer = await group.answer(ticket.draw, ticket);
  const responder = operatorOf(1);
  const [mine, burnt] = [await coinOf(group, responder.address), await coinOf(group, zeroAddress)];
  await group.chain.helpers.setNextBlockBaseFeePerGas(10n ** 9n);
  const receipt = await group.onDisputes("respond", [ticket, answer], responder);
  const cost = receipt.gasUsed * receipt.effectiveGasPrice;
  const reimbursed = (await coinOf(group, responder.address)) - mine + cost;
  assert.equal((await coinOf(group, zeroAddress)) - burnt, BASE - reimbursed);
  assert.deepEqual(disputeEvents(receipt), [
    { name: "ChallengeAnswered", args: { id: ticket.id, providerId: 1, by: responder.address, reimbursed } },
  ]);
  // At the base fee, with a fifth to spare; what clearing storage gives back is the responder's.
  const fair = receipt.gasUsed * 10n ** 9n;
  assert.ok(reimbursed >= fair && reimbursed <= (fair * 5n) / 4n, `${reimbursed} for ${fair}`);
  assert.equal(await openOf(group, 0), 0);
  await rejectsWith(group.onDisputes("respond", [ticket, answer]), "TicketUnknown", [group.id, 0, 1]);
  await group.chain.close();
});

test("what a response gives back is capped by 1.2 times the base fee and by the bond", async () => {
  const group = await createDisputeGroup();
  const respondAt = async (stripe: number, maxPriorityFeePerGas: bigint, baseFee: bigint) => {
    const { ticket } = await group.challenge(0, stripe);
    const args = [ticket, await group.answer(ticket.draw, ticket)] as const;
    await group.chain.helpers.setNextBlockBaseFeePerGas(baseFee);
    const hash = await group.chain.wallet.writeContract({
      ...{ address: group.disputes, abi: disputesAbi, functionName: "respond", args, chain: null },
      ...{ account: operatorOf(1).address, gas: 1_000_000n },
      ...{ maxPriorityFeePerGas, maxFeePerGas: 2n * baseFee + maxPriorityFeePerGas },
    } as never);
    const receipt = await group.chain.publicClient.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, "success");
    return { receipt, reimbursed: disputeEvents(receipt)[0]!.args.reimbursed as bigint };
  };
  const gwei = 10n ** 9n;
  const modest = await respondAt(0, gwei, gwei);
  assert.ok(modest.reimbursed < (modest.receipt.gasUsed * gwei * 3n) / 2n, "more than 1.2 base fees");
  const dear = await respondAt(1, 0n, 100n * gwei);
  assert.equal(dear.reimbursed, BASE);
  await group.chain.close();
});

test("a challenge wants the exact bond, a known order and shard, and none that is open already", async () => {
  const group = await createDisputeGroup();
  const challenger = testAccount(CHALLENGER);
  const open = async (value: bigint, slot = 0, stripe = 0, order = group.order) =>
    await group.onDisputes("challenge", [order, slot, stripe], challenger, value);
  await rejectsWith(open(BASE - 1n), "BondWrong", [BASE - 1n, BASE]);
  await rejectsWith(open(BASE + 1n), "BondWrong", [BASE + 1n, BASE]);
  await rejectsWith(open(BASE, 4), "ShardUnknown", [group.id, 4, 0]);
  await rejectsWith(open(BASE, 0, 2), "ShardUnknown", [group.id, 0, 2]);
  const other = await group.draft({ salt: keccak256(stringToHex("nobody opened it")) });
  await rejectsWith(open(BASE, 0, 0, other), "OrderUnknown");
  await open(BASE, 3, 1);
  await rejectsWith(open(2n * BASE, 3, 1), "ChallengeAlreadyOpen", [group.id, 3, 1]);
  await group.chain.close();
});

test("the last epoch of an order can be challenged, the epoch after it cannot", async () => {
  const group = await createDisputeGroup({ order: { endEpoch: 4, minEpochs: 1 } });
  await group.chain.helpers.time.increaseTo(group.startOf(4) - 2);
  await group.challenge(0, 0);
  await group.chain.helpers.time.increaseTo(group.startOf(4));
  const late = group.onDisputes("challenge", [group.order, 1, 0], testAccount(CHALLENGER), BASE);
  await rejectsWith(late, "ChallengeTooLate", [group.id, 1]);
  await group.chain.close();
});

test("bonds double with the open challenges against a provider, whatever the order", async () => {
  const group = await createDisputeGroup();
  const other = await group.openOrder({ salt: keccak256(stringToHex("another")) });
  const bondOf = async (slot: number, order = group.order) =>
    await group.read.disputes<bigint>("bondOf", [order, slot, somebody.address]);
  const { ticket } = await group.challenge(0, 0);
  assert.equal(await bondOf(0), 2n * BASE);
  assert.equal(await bondOf(0, other), 2n * BASE);
  assert.equal(await bondOf(1), BASE);
  await group.challenge(0, 1, somebody, other);
  assert.equal(await bondOf(0), 4n * BASE);
  await group.onDisputes("respond", [ticket, await group.answer(ticket.draw, ticket)]);
  assert.equal(await bondOf(0), 2n * BASE);
  await group.chain.close();
});

test("the owner's lane is capped and does not raise the bond of others", async () => {
  const group = await createDisputeGroup();
  const large = await group.openOrder({ stripes: 20, shardRoot: keccak256(stringToHex("many")) });
  const bonds: bigint[] = [];
  for (let stripe = 0; stripe < 18; stripe++) {
    const { ticket } = await group.challenge(0, stripe, group.user, large);
    bonds.push(ticket.bond / BASE);
    assert.equal(ticket.ownerLane, stripe < 16);
  }
  // Sixteen in its own lane; then it pays like everybody.
  assert.deepEqual(bonds, [1n, 2n, 4n, ...new Array<bigint>(13).fill(8n), 1n, 2n]);
  assert.equal(await group.read.disputes("bondOf", [large, 0, somebody.address]), 4n * BASE);
  assert.equal(await group.read.disputes("bondOf", [large, 1, somebody.address]), BASE);
  await group.chain.close();
});

test("an answer must be for the challenged shard, and the ticket the one that was opened", async () => {
  const group = await createDisputeGroup();
  const { ticket } = await group.challenge(0, 1);
  const right = await group.answer(ticket.draw, ticket);
  const refuse = async (error: string, change: object, altered: object = {}) =>
    await rejectsWith(
      group.onDisputes("respond", [
        { ...ticket, ...altered },
        { ...right, ...change },
      ]),
      error,
    );
  await refuse("ShardWrong", { stripe: 0 });
  await refuse("ShardWrong", { slot: 1 });
  const other = await group.answer(ticket.draw, { ...ticket, stripe: 0 });
  await refuse("CommitmentWrong", { ...other, stripe: 1 });
  await refuse("ProofWrong", { y: other.y, proof: other.proof });
  const stale = await group.answer(keccak256("0x"), ticket);
  await refuse("ProofWrong", { y: stale.y, proof: stale.proof });
  for (const altered of [
    { bond: ticket.bond + 1n },
    { draw: keccak256("0x") },
    { challenger: somebody.address },
  ]) {
    await refuse("TicketUnknown", {}, altered);
  }
  await refuse("TicketUnknown", {}, { deadline: ticket.deadline + 1n });
  await refuse("TicketUnknown", {}, { stripe: 0 });
  await group.onDisputes("respond", [ticket, right], somebody);
  await group.chain.close();
});

async function withParty(bond = BASE) {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const party = await group.chain.deploy("DisputeParty", [group.disputes]);
  const abi = await artifactAbi("DisputeParty");
  const errors = disputesAbi.filter(({ type }) => type === "error");
  await group.chain.helpers.setBalance(party, 10n * bond);
  const play = async (functionName: string, args: readonly unknown[]) =>
    await group.chain.send({
      ...{ address: party, abi: [...abi, ...errors], functionName, args },
      // A response pays nothing out at a price of zero.
      ...{ gas: 2_000_000n, maxFeePerGas: 10n ** 10n },
    });
  const ask = async <T>(functionName: string) => await group.chain.read<T>(party, abi, functionName);
  return { group, party, play, ask };
}
const [REFUSE, BURN_GAS, CALL_BACK] = [1, 2, 3];
const REENTERED = keccak256(stringToHex("ReentrancyGuardReentrantCall()")).slice(0, 10);

test("a challenger that takes no coin, or burns all gas it gets, cannot keep its challenge open", async () => {
  for (const manner of [REFUSE, BURN_GAS]) {
    const { group, party, play } = await withParty();
    const receipt = await play("challenge", [group.order, 0, 0, BASE]);
    const ticket = disputeEvents(receipt)[0]!.args.ticket as Ticket;
    await play("behave", [manner, "0x"]);
    await group.passWindow(ticket);
    const [coin, burnt] = [await coinOf(group, party), await coinOf(group, zeroAddress)];
    const closed = await group.onDisputes("closeChallenge", [ticket, group.order]);
    assert.ok(closed.gasUsed < 700_000n, String(closed.gasUsed));
    assert.equal(await coinOf(group, party), coin);
    assert.equal((await coinOf(group, zeroAddress)) - burnt, BASE);
    assert.deepEqual(disputeEvents(closed).at(-1), {
      ...{ name: "BondForfeited", args: { id: ticket.id, challenger: getAddress(party), amount: BASE } },
    });
    assert.equal((await providerOf(group, 1)).locked, 0n);
    await group.chain.close();
  }
});

test("who closes a challenge cannot make its challenger lose the bond by giving little gas", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const { ticket } = await group.challenge(0, 0);
  await group.passWindow(ticket);
  const close = {
    address: group.disputes,
    abi: disputesAbi as unknown as Abi,
    functionName: "closeChallenge",
  };
  const args = [ticket, group.order];
  await rejectsWith(group.chain.send({ ...close, args, gas: 330_000n }), "GasTooLow");
  await group.chain.send({ ...close, args, gas: 600_000n });
  await group.chain.close();
});

test("nobody enters again while it is paid", async () => {
  const { group, play, ask } = await withParty();
  const receipt = await play("challenge", [group.order, 0, 0, BASE]);
  const first = disputeEvents(receipt)[0]!.args.ticket as Ticket;
  const closing = encodeFunctionData({
    abi: disputesAbi,
    functionName: "closeRecord",
    args: [0, 0, 0, [], []],
  });
  await play("behave", [CALL_BACK, closing]);
  await group.passWindow(first);
  await group.onDisputes("closeChallenge", [first, group.order]);
  assert.deepEqual([await ask("outcome"), await ask("refusal")], [2, REENTERED]);

  const { ticket } = await group.challenge(1, 0);
  const answer = await group.answer(ticket.draw, ticket);
  const again = encodeFunctionData({ abi: disputesAbi, functionName: "respond", args: [ticket, answer] });
  await play("behave", [CALL_BACK, again]);
  await play("respond", [ticket, answer]);
  assert.deepEqual([await ask("outcome"), await ask("refusal")], [2, REENTERED]);
  assert.equal(await coinOf(group, group.disputes), 0n);
  await group.chain.close();
});

test("a responder that takes no coin does not answer; others still can", async () => {
  const { group, play } = await withParty();
  const { ticket } = await group.challenge(1, 0);
  const answer = await group.answer(ticket.draw, ticket);
  await play("behave", [REFUSE, "0x"]);
  await assert.rejects(play("respond", [ticket, answer]), /TransferFailed/);
  await group.onDisputes("respond", [ticket, answer], somebody);
  await group.chain.close();
});

test("an exit waits while a challenge to the slot is open", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  await group.onStaking("setExiting", [1, true]);
  await group.epoch(2, offerLeaf(5, group.order, 0, 6));
  const { ticket } = await group.challenge(0, 0);
  const accept = async () => await group.onRepairs("acceptRepair", [group.order, 0], operatorOf(5));
  await rejectsWith(accept(), "ChallengeStillOpen");
  await group.onDisputes("respond", [ticket, await group.answer(ticket.draw, ticket)]);
  await accept();
  assert.equal((await providerOf(group, 1)).locked, 0n);
  await group.chain.close();
});
