import assert from "node:assert/strict";
import { test } from "node:test";
import { concatHex, keccak256, numberToHex, stringToHex, zeroHash } from "viem";
import type { Ticket } from "../../../protocol/chain/disputeTypes.ts";
import { orderId } from "../../../protocol/order.ts";
import { rejectsWith, testAccount } from "../../support/contracts/chain.ts";
import { createDisputeGroup } from "../../support/contracts/disputes.ts";
import { exceptionTree, missedLeaf } from "../../support/contracts/exceptions.ts";
import { createGroup, TOKENS } from "../../support/contracts/group.ts";
import { secondGroup } from "../../support/contracts/secondGroup.ts";
import { signCommit, signOrder, signOrderAll } from "../../support/contracts/signing.ts";

/* What was signed or shown once counts there, once. Chains and rounds: certificates.test.ts, ordersOpening.test.ts. */

const named = (name: string) => keccak256(stringToHex(name));

test("an order that was signed for one group opens in no other, though members, keys and ids are the same", async () => {
  const group = await createGroup();
  const other = await secondGroup(group);
  await group.onOrders("deposit", [10_000n * TOKENS]);
  const order = await group.order();
  const signers = order.providers.map((id) => testAccount(2 + id));
  const signatures = [
    await signOrder(group.place, order, group.user),
    await signOrderAll(group.place, order, signers),
  ];
  await rejectsWith(other.onOrders("open", [order, ...signatures]), "OrderOfOtherGroup", [
    ...[group.settlement, other.settlement],
  ]);
  const renamed = { ...order, group: other.settlement };
  await rejectsWith(other.onOrders("open", [renamed, ...signatures]), "ProviderSignatureInvalid");
  // Nor do the right struct's signatures for the wrong contract count.
  const elsewhere = [
    await signOrder(group.place, renamed, group.user),
    await signOrderAll(other.place, renamed, signers),
  ];
  await rejectsWith(other.onOrders("open", [renamed, ...elsewhere]), "PayerSignatureInvalid");
  await group.onOrders("open", [order, ...signatures]);
  await group.chain.close();
});

test("a vote of one group certifies nothing in another, and is no second vote there", async () => {
  const group = await createGroup({ providers: 1 });
  const other = await secondGroup(group);
  await group.toEpoch(1);
  const it = group.certificate(1);
  const [bits, votes] = await group.signatures(it, [0, 1, 2]);
  await rejectsWith(other.onSettlement("certify", [it, bits, votes]), "SignatureInvalid");
  // An honest keeper signs different results of the same epoch and round in its two groups.
  const there = { ...it, resultsRoot: named("there") };
  const account = group.keepers[1]!.account;
  const evidence = [
    await signCommit(group.place, it, account),
    await signCommit(other.place, there, account),
  ];
  for (const report of [group.onSettlement, other.onSettlement]) {
    await rejectsWith(report("reportEquivocation", [it, there, 1, ...evidence]), "SignatureNotOfMember");
  }
  await group.chain.close();
});

test("what an epoch's certificate says is not applied to another epoch, nor twice", async () => {
  const group = await createGroup({ providers: 3 });
  const [first, second] = [exceptionTree([missedLeaf(1)]), exceptionTree([missedLeaf(2), missedLeaf(3)])];
  await group.toEpoch(2);
  await group.certify(group.certificate(1, first.certificate));
  await group.certify(group.certificate(2, second.certificate));
  const apply = (epoch: number, tree: typeof first, from: number, length: number) =>
    group.onSettlement("applyExceptions", [epoch, ...tree.chunk(from, length)]);
  await rejectsWith(apply(2, second, 0, 2), "EpochNotNext", [2, 1]);
  await rejectsWith(apply(1, second, 0, 1), "RangeProofLength");
  await apply(1, first, 0, 1);
  await rejectsWith(apply(1, first, 0, 1), "EpochNotNext", [1, 2]);
  await rejectsWith(apply(2, first, 0, 1), "RangeProofLength");
  await apply(2, second, 0, 1);
  // The same leaf once more, in the place of the one that is next.
  await rejectsWith(
    group.onSettlement("applyExceptions", [2, [missedLeaf(2)], second.chunk(1, 1)[1], []]),
    "RangeProofInvalid",
  );
  await apply(2, second, 1, 1);
  await rejectsWith(apply(2, second, 1, 1), "NothingPending");
  await group.chain.close();
});

test("a certificate counts once; so does one of an epoch that was skipped", async () => {
  const group = await createGroup({ providers: 1 });
  await group.toEpoch(3);
  const [one, two] = [group.certificate(1), group.certificate(2)];
  await group.certify(two);
  await rejectsWith(group.certify(two), "EpochNotRising", [2, 2]);
  await rejectsWith(group.certify(one), "EpochNotRising", [1, 2]);
  await group.chain.close();
});

test("an answer to one challenge is none to the next, and a closed ticket is worth nothing", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const answering = testAccount(3);
  const { ticket: first } = await group.challenge(0, 1);
  const answer = await group.answer(first.draw, first);
  await group.onDisputes("respond", [first, answer], answering);
  const again = (ticket: Ticket) => group.onDisputes("respond", [ticket, answer], answering);
  await rejectsWith(again(first), "TicketUnknown");
  await rejectsWith(group.onDisputes("closeChallenge", [first, group.order]), "TicketUnknown");
  const { ticket: second } = await group.challenge(0, 1);
  assert.notEqual(second.draw, first.draw);
  await rejectsWith(again(first), "TicketUnknown");
  await rejectsWith(again({ ...first, id: second.id }), "TicketUnknown");
  await rejectsWith(again(second), "ProofWrong");
  await group.onDisputes("respond", [second, await group.answer(second.draw, second)], answering);
  await group.chain.close();
});

test("an appeal is accepted once, answers that record's draw, and a closed record stays closed", async () => {
  const group = await createDisputeGroup({ parameters: { evictionCap: 10_000 } });
  const twin = await group.openOrder({ salt: named("twin"), startEpoch: 1 });
  await group.epoch(1);
  const lose = async (epoch: number, of: typeof twin) =>
    group.recorded(await group.epoch(epoch, group.lost(1, [group.entry(0, 0, orderId(of))])));
  const [first, second] = [await lose(2, group.order), await lose(3, twin)];
  const answers = await group.answers(first);
  await group.appeal(first, answers);
  await rejectsWith(group.appeal(first, answers), "RecordNotOpen");
  await rejectsWith(group.appeal(second, answers), "ShardWrong");
  // The twin's shard is the same bytes: but it is opened at another point.
  const moved = answers.map((it) => ({ ...it, order: twin }));
  await rejectsWith(group.appeal(second, moved), "ProofWrong");
  await group.appeal(second);
  await group.passWindow(second);
  await group.closeRecord(first);
  await rejectsWith(group.closeRecord(first), "RecordNotOpen");
  await group.chain.close();
});

test("the same content under another salt is another order, and its signatures are its own", async () => {
  const group = await createGroup();
  await group.onOrders("deposit", [10_000n * TOKENS]);
  const order = await group.order();
  const signers = order.providers.map((id) => testAccount(2 + id));
  const payer = await signOrder(group.place, order, group.user);
  const providers = await signOrderAll(group.place, order, signers);
  await group.open(order);
  const salted = { ...order, salt: numberToHex(1, { size: 32 }) };
  await rejectsWith(group.open(order, { payer, providers }), "OrderAlreadyOpened", [orderId(order)]);
  await rejectsWith(group.open(salted, { payer }), "PayerSignatureInvalid");
  await rejectsWith(group.open(salted, { providers }), "ProviderSignatureInvalid");
  await rejectsWith(
    group.open(salted, { providers: concatHex([providers, zeroHash, zeroHash]) }),
    "ProviderSignaturesLength",
  );
  await group.open(salted);
  await group.chain.close();
});
