import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import {
  type Abi,
  decodeErrorResult,
  encodeFunctionData,
  type Hex,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import type { Ticket } from "../../protocol/chain/disputeTypes.ts";
import { sendWithBlobs } from "../support/contracts/blobs.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import {
  CHALLENGER,
  createDisputeGroup,
  type DisputeGroup,
  disputeEvents,
} from "../support/contracts/disputes.ts";

/* Shards that have to come as blobs: possession becomes delivery. Prices of blobs are in Demands.t.sol. */

const BASE = 10n ** 15n;
const GAS_PER_BLOB = 131_072n;
const stranger = testAccount(CHALLENGER);
const operator = testAccount(3);

let group: DisputeGroup;
let pristine: Awaited<ReturnType<DisputeGroup["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createDisputeGroup();
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const bondOf = async (slot: number, from = group.user) =>
  await group.read.disputes<bigint>("demandBondOf", [group.order, slot, from.address]);
function ticketOf(receipt: TransactionReceipt): Ticket {
  return parseEventLogs({ abi: disputesAbi, eventName: "ChallengeOpened", logs: receipt.logs })[0]!.args
    .ticket;
}
/** Twice what is needed: nobody knows the price of a blob before its block. */
const demand = async (slot = 0, stripe = 0, from = group.user) =>
  ticketOf(
    await group.onDisputes("demand", [group.order, slot, stripe], from, 2n * (await bondOf(slot, from))),
  );
const responseTo = async (ticket: Ticket): Promise<Hex> =>
  encodeFunctionData({
    ...{ abi: disputesAbi as Abi, functionName: "respond" },
    args: [ticket, await group.answer(ticket.draw, ticket)],
  });
const answerWith = async (ticket: Ticket, blobs: readonly Uint8Array[]) =>
  await sendWithBlobs(group.chain, {
    ...{ to: group.disputes, data: await responseTo(ticket), from: operator, blobs },
  });
/** Why a blob transaction was refused. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail("accepted"),
    (thrown: unknown) => thrown as Error & { walk?: (of: (cause: unknown) => boolean) => unknown },
  );
  const found = error.walk?.((cause) => typeof (cause as { data?: unknown }).data === "string");
  const data = (found as { data?: Hex } | null)?.data;
  return data === undefined ? error.message : decodeErrorResult({ abi: disputesAbi, data }).errorName;
}

test("a demand is answered by a transaction that carries the shard as a blob", async () => {
  const ticket = await demand(0, 1);
  assert.equal(ticket.asBlob, true);
  assert.equal(ticket.challenger, group.user.address);
  const receipt = await answerWith(ticket, [group.bytesOf(0, 1)]);
  assert.equal(receipt.status, "success");
  const [answered] = disputeEvents(receipt);
  assert.equal(answered!.name, "ChallengeAnswered");
  assert.equal(answered!.args.id, ticket.id);
  assert.equal(await group.read.disputes("challengesOpen", [group.id, 0]), 0n);
});

test("who answers has its blob paid out of the bond; the rest is burnt", async () => {
  const ticket = await demand(0, 1);
  const coinOf = async (address: Hex) => await group.chain.publicClient.getBalance({ address });
  const [price, burnt] = [await group.chain.publicClient.getBlobBaseFee(), await coinOf(zeroAddress)];
  // Gas is free here, so that only the blob is paid.
  await group.chain.helpers.setNextBlockBaseFeePerGas(0);
  const [answered] = disputeEvents(await answerWith(ticket, [group.bytesOf(0, 1)]));
  assert.equal(answered!.args.reimbursed, GAS_PER_BLOB * price);
  assert.equal((await coinOf(zeroAddress)) - burnt, ticket.bond - GAS_PER_BLOB * price);
  assert.equal(await coinOf(group.disputes), 0n);
});

test("the shard may be any of the transaction's blobs", async () => {
  const ticket = await demand(1, 0);
  const receipt = await answerWith(ticket, [group.bytesOf(2, 1), group.bytesOf(1, 0)]);
  assert.equal(receipt.status, "success");
});

test("an answer without the blob is none, nor is one with another blob", async () => {
  const ticket = await demand(0, 1);
  const answer = await group.answer(ticket.draw, ticket);
  await rejectsWith(group.onDisputes("respond", [ticket, answer], operator), "BlobMissing");
  for (const blobs of [[group.bytesOf(0, 0)], [group.bytesOf(1, 1), group.bytesOf(2, 1)]]) {
    assert.match(await refusal(answerWith(ticket, blobs)), /BlobMissing/);
  }
  assert.equal(await group.read.disputes("challengesOpen", [group.id, 0]), 1n);
});

test("a plain challenge needs no blob, and a ticket cannot be answered as one of the other kind", async () => {
  const { ticket } = await group.challenge(0, 1);
  assert.equal(ticket.asBlob, false);
  const demanded = await demand(0, 1);
  const answer = await group.answer(demanded.draw, demanded);
  await rejectsWith(
    group.onDisputes("respond", [{ ...demanded, asBlob: false }, answer], operator),
    "TicketUnknown",
    [group.id, 0, 1],
  );
  await group.onDisputes("respond", [ticket, await group.answer(ticket.draw, ticket)], operator);
});

test("one demand of a shard at a time; plain challenges do not take its place, nor it theirs", async () => {
  await group.challenge(0, 1);
  await demand(0, 1);
  const bond = await bondOf(0);
  await rejectsWith(
    group.onDisputes("demand", [group.order, 0, 1], group.user, bond),
    "ChallengeAlreadyOpen",
    [group.id, 0, 1],
  );
  await rejectsWith(group.challenge(0, 1), "ChallengeAlreadyOpen", [group.id, 0, 1]);
});

test("only the owner demands, and whom it approved as long as it does", async () => {
  const demandBy = async (from: typeof stranger) => await demand(0, 0, from);
  const refused = [stranger.address, group.user.address];
  await rejectsWith(demandBy(stranger), "NotDemander", refused);
  await rejectsWith(demandBy(operator), "NotDemander", [operator.address, group.user.address]);
  const approved = await group.onDisputes("approveDemander", [stranger.address, true], group.user);
  const args = { owner: group.user.address, demander: stranger.address };
  assert.deepEqual(disputeEvents(approved), [
    { name: "DemanderApproved", args: { ...args, approved: true } },
  ]);
  assert.equal(await group.read.disputes("isDemander", [args.owner, args.demander]), true);
  const again = group.onDisputes("approveDemander", [stranger.address, true], group.user);
  await rejectsWith(again, "ApprovalUnchanged", [stranger.address, true]);
  // Of others' orders it is still nobody.
  assert.equal(await group.read.disputes("isDemander", [operator.address, args.demander]), false);
  assert.equal((await demandBy(stranger)).challenger, stranger.address);
  await group.onDisputes("approveDemander", [stranger.address, false], group.user);
  await rejectsWith(demand(0, 1, stranger), "NotDemander", refused);
});

test("the owner demands in its own lane; whom it approved raises the bond like everybody", async () => {
  const blob = 2n * GAS_PER_BLOB * (await group.chain.publicClient.getBlobBaseFee());
  const bondAt = async (from: typeof stranger) =>
    await group.read.disputes<bigint>("bondOf", [group.order, 0, from.address]);
  await group.onDisputes("approveDemander", [stranger.address, true], group.user);
  assert.equal(await bondOf(0), BASE + blob);
  const own = await demand(0, 0);
  assert.equal(own.ownerLane, true);
  assert.deepEqual([await bondAt(group.user), await bondAt(stranger)], [2n * BASE, BASE]);
  const theirs = await demand(0, 1, stranger);
  assert.equal(theirs.ownerLane, false);
  assert.deepEqual([await bondAt(group.user), await bondAt(stranger)], [4n * BASE, 2n * BASE]);
});

test("silence on a demand costs the slot like silence on a challenge", async () => {
  const ticket = await demand(0, 0);
  await group.passWindow(ticket);
  const receipt = await group.onDisputes("closeChallenge", [ticket, group.order]);
  assert.deepEqual(
    disputeEvents(receipt).map(({ name }) => name),
    ["CollateralSlashed", "ChallengeUnanswered"],
  );
});

test("where nobody sends blobs there are no demands", async () => {
  const without = await createDisputeGroup({ parameters: { blobAnswers: false } });
  const { order, user } = without;
  await rejectsWith(without.onDisputes("demand", [order, 0, 0], user, BASE), "BlobsUnavailable");
  await rejectsWith(without.read.disputes("demandBondOf", [order, 0, user.address]), "BlobsUnavailable");
  await without.challenge(0, 0);
  await without.chain.close();
});
