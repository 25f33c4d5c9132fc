import assert from "node:assert/strict";
import { test } from "node:test";
import { concatHex, type Hex, keccak256, numberToHex, padHex } from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { FIELD_MODULUS } from "../../protocol/constants.ts";
import { appealDraw, appealPoint, drawnShards } from "../../protocol/disputes/draw.ts";
import { orderId } from "../../protocol/order.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import {
  createDisputeGroup,
  type DisputeGroup,
  disputeEvents,
  type Recorded,
} from "../support/contracts/disputes.ts";
import { exceptionTree } from "../support/contracts/exceptions.ts";

const OPERATOR_OF = (provider: number) => testAccount(2 + provider);
const WINDOW_SECONDS = 120n;
const WINDOW_BLOCKS = 12n;

/** Provider 1 has lost slot 0 of `orders` orders in epoch 2, having been paid for epoch 1. */
async function withRecord(orders = 1, stripe = 0, options: Parameters<typeof createDisputeGroup>[0] = {}) {
  const group = await createDisputeGroup({
    ...options,
    parameters: { evictionCap: 10_000, ...options.parameters },
  });
  const ids: Hex[] = [group.id];
  for (let index = 1; index < orders; index++) {
    const order = await group.openOrder({ salt: numberToHex(index, { size: 32 }) });
    ids.push(orderId(order));
  }
  await group.epoch(1);
  const entries = [...ids].sort().map((id) => group.entry(0, stripe, id));
  const receipt = await group.epoch(2, group.lost(1, entries));
  return { group, record: group.recorded(receipt), receipt };
}

const statusOf = async (group: DisputeGroup, record: Recorded) =>
  (
    await group.read.disputes<{ status: number }>("lostRecord", [
      record.providerId,
      record.epoch,
      record.part,
    ])
  ).status;
const [OPEN, PROTECTED, APPEALED, CLOSED] = [1, 2, 3, 4];

test("an appeal opens the drawn shards, and nothing of the record is slashed", async () => {
  const { group, record, receipt } = await withRecord();
  assert.equal(await statusOf(group, record), OPEN);
  const { timestamp } = await group.chain.publicClient.getBlock({ blockNumber: receipt.blockNumber });
  assert.equal(record.deadline, timestamp + WINDOW_SECONDS);
  assert.equal(record.deadlineBlock, receipt.blockNumber + WINDOW_BLOCKS);
  assert.deepEqual(record.entries, [{ ...group.entry(0), since: 1, until: 2, stripes: 2 }]);

  const appealed = await group.appeal(record);
  const now = await group.read.settlement<number>("epochNow");
  assert.deepEqual(disputeEvents(appealed), [
    {
      name: "AppealAccepted",
      args: { epoch: 2, providerId: 1, part: 0, protectedTo: now + group.parameters.protectionEpochs },
    },
  ]);
  assert.equal(await statusOf(group, record), APPEALED);
  assert.equal(await group.read.disputes("protectedTo", [1]), now + group.parameters.protectionEpochs);
  await rejectsWith(group.appeal(record), "RecordNotOpen", [1, 2, 0, APPEALED]);
  await group.chain.close();
});

test("of many entries four are drawn, each once; the answers come in drawing order", async () => {
  const { group, record } = await withRecord(7);
  const epochDraw = await group.read.disputes<Hex>("drawOf", [2]);
  assert.equal(record.draw, appealDraw(epochDraw, 1, 0));
  const shards = drawnShards(record.draw, record.entries);
  assert.deepEqual(await group.read.disputes("drawnShards", [1, 2, 0, record.entries]), shards);
  const drawn = shards.map(({ index }) => index);
  assert.equal(new Set(drawn).size, 4);
  const answers = await group.answers(record);
  await rejectsWith(group.appeal(record, answers.slice(1)), "AnswersCount", [3n, 4n]);
  await rejectsWith(group.appeal(record, [...answers, answers[0]!]), "AnswersCount", [5n, 4n]);
  const [first, second, third, fourth] = answers;
  const swapped = [second!, first!, third!, fourth!];
  await rejectsWith(group.appeal(record, swapped), "ShardWrong", [
    0n,
    record.entries[drawn[0]!]!.orderId,
    0,
    0,
  ]);
  await rejectsWith(group.appeal(record, [first!, first!, third!, fourth!]), "ShardWrong");
  const last = record.entries[drawn[3]!]!;
  await rejectsWith(
    group.appeal(record, [first!, second!, third!, { ...fourth!, stripe: 1 }]),
    "ShardWrong",
    [3n, last.orderId, last.slot, last.stripe],
  );
  await group.appeal(record, answers);
  await group.chain.close();
});

test("of few entries more shards of their slots are drawn, each once, until there are four", async () => {
  const { group, record } = await withRecord(2, 5, { stripes: 6 });
  const drawn = drawnShards(record.draw, record.entries);
  assert.equal(new Set(drawn.map(({ index, stripe }) => `${index}/${stripe}`)).size, 4);
  // The named shard of each entry comes first.
  assert.deepEqual(
    drawn
      .slice(0, 2)
      .map(({ index }) => index)
      .sort(),
    [0, 1],
  );
  assert.deepEqual(
    drawn.slice(0, 2).map(({ stripe }) => stripe),
    [5, 5],
  );
  assert.deepEqual(await group.read.disputes("drawnShards", [1, 2, 0, record.entries]), drawn);
  const answers = await group.answers(record);
  await rejectsWith(group.appeal(record, answers.slice(0, 2)), "AnswersCount", [2n, 4n]);
  const third = { ...record.entries[drawn[2]!.index]!, stripe: drawn[2]!.stripe };
  const named = answers.map((answer, place) => (place === 2 ? answers[0]! : answer));
  await rejectsWith(group.appeal(record, named), "ShardWrong", [
    ...[2n, third.orderId, third.slot, third.stripe],
  ]);
  await group.appeal(record, answers);
  assert.equal(await statusOf(group, record), APPEALED);
  await group.chain.close();
});

test("of slots with three shards in all an appeal answers all three", async () => {
  const { group, record } = await withRecord(1, 0, { stripes: 3 });
  const drawn = drawnShards(record.draw, record.entries);
  assert.deepEqual(drawn.map(({ stripe }) => stripe).sort(), [0, 1, 2]);
  const answers = await group.answers(record);
  await rejectsWith(group.appeal(record, answers.slice(0, 2)), "AnswersCount", [2n, 3n]);
  await group.appeal(record, answers);
  await group.chain.close();
});

const hashOf = async (group: DisputeGroup, blockNumber: bigint) =>
  (await group.chain.publicClient.getBlock({ blockNumber })).hash as Hex;

test("what is drawn hangs on the certificate's block and the next one, and on the exceptions", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const leaves = [group.lost(1, [group.entry(0)])];
  const { exceptionsRoot } = exceptionTree(leaves).certificate;
  const { blockNumber: block } = await group.certifyWith(2, leaves);
  await rejectsWith(group.apply(2, leaves), "DrawNotReady", [block, block + 2n]);
  await group.chain.helpers.mine();
  await rejectsWith(group.apply(2, leaves), "DrawNotReady", [block + 1n, block + 2n]);
  await group.chain.helpers.mine();
  await group.apply(2, leaves);
  const hashes = [await hashOf(group, block), await hashOf(group, block + 1n)];
  assert.equal(await group.read.disputes("drawOf", [2]), keccak256(concatHex([...hashes, exceptionsRoot])));
  await group.chain.close();
});

test("when those blocks are out of reach, it hangs on the two before the application", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const leaves = [group.lost(1, [group.entry(0)])];
  const { exceptionsRoot } = exceptionTree(leaves).certificate;
  const { blockNumber: certified } = await group.certifyWith(2, leaves);
  await group.chain.helpers.mine(256);
  const receipt = await group.apply(2, leaves);
  const at = receipt.blockNumber;
  assert.equal(at, certified + 257n);
  const hashes = [await hashOf(group, at - 2n), await hashOf(group, at - 1n)];
  assert.equal(await group.read.disputes("drawOf", [2]), keccak256(concatHex([...hashes, exceptionsRoot])));
  await group.appeal(group.recorded(receipt));
  await group.chain.close();
});

test("256 blocks after the certificate its own block is still within reach", async () => {
  const group = await createDisputeGroup();
  await group.epoch(1);
  const leaves = [group.lost(1, [group.entry(0)])];
  const { exceptionsRoot } = exceptionTree(leaves).certificate;
  const { blockNumber: block } = await group.certifyWith(2, leaves);
  await group.chain.helpers.mine(255);
  const receipt = await group.apply(2, leaves);
  assert.equal(receipt.blockNumber, block + 256n);
  const hashes = [await hashOf(group, block), await hashOf(group, block + 1n)];
  assert.equal(await group.read.disputes("drawOf", [2]), keccak256(concatHex([...hashes, exceptionsRoot])));
  await group.chain.close();
});

test("only the accused provider's operator appeals, about the recorded entries", async () => {
  const { group, record } = await withRecord();
  const answers = await group.answers(record);
  for (const other of [OPERATOR_OF(2), group.owner, testAccount(60)]) {
    await rejectsWith(group.appeal(record, answers, other), "NotAccused", [other.address, 1]);
  }
  await rejectsWith(group.appeal({ ...record, epoch: 3 }, answers), "RecordUnknown", [1, 3, 0]);
  await rejectsWith(group.appeal({ ...record, part: 1 }, answers), "RecordUnknown", [1, 2, 1]);
  await rejectsWith(
    group.read.disputes("drawnShards", [1, 2, 1, record.entries]),
    "RecordUnknown",
    [1, 2, 1],
  );
  const entry = record.entries[0]!;
  for (const entries of [[], [entry, entry], [{ ...entry, stripe: 1 }], [{ ...entry, until: 3 }]]) {
    await rejectsWith(group.appeal({ ...record, entries }, answers), "EntriesWrong");
  }
  await group.appeal(record, answers);
  await group.chain.close();
});

test("an answer opens the shard's own commitment at the drawn point, and nothing else", async () => {
  const { group, record } = await withRecord(1, 1);
  const right = await group.answer(record.draw, record.entries[0]!);
  const refuse = async (change: object, error: string, args?: readonly unknown[]) =>
    await rejectsWith(group.appeal(record, [{ ...right, ...change }, otherStripe]), error, args);
  const [otherStripe, otherSlot] = [
    await group.answer(record.draw, { ...record.entries[0]!, stripe: 0 }),
    await group.answer(record.draw, { ...record.entries[0]!, slot: 1 }),
  ];
  const { commitment, y, proof } = otherStripe;
  const place = [group.id, 0, 1];

  await refuse({ stripe: 0 }, "ShardWrong", [0n, group.id, 0, 1]);
  await refuse({ slot: 1 }, "ShardWrong", [0n, group.id, 0, 1]);
  await refuse({ order: { ...group.order, salt: padHex("0x77") } }, "ShardWrong", [0n, group.id, 0, 1]);
  // Another shard in the place of the drawn one.
  await refuse({ commitment, y, proof }, "CommitmentWrong");
  await refuse({ stripePath: otherStripe.stripePath }, "CommitmentWrong");
  await refuse({ slotPath: otherSlot.slotPath }, "CommitmentWrong");
  await refuse({ stripePath: [] }, "CommitmentWrong", [padHex("0x"), group.order.shardRoot]);
  await refuse({ slotPath: [...right.slotPath, padHex("0x")] }, "CommitmentWrong", [
    padHex("0x"),
    group.order.shardRoot,
  ]);
  // Another opening, or one at another point.
  await refuse({ y, proof }, "ProofWrong", place);
  await refuse({ y }, "ProofWrong", place);
  await refuse({ proof }, "ProofWrong", place);
  await refuse({ y: numberToHex(BigInt(right.y) + FIELD_MODULUS, { size: 32 }) }, "ProofWrong", place);
  const stale = await group.answer(padHex("0x1234"), record.entries[0]!);
  await refuse({ y: stale.y, proof: stale.proof }, "ProofWrong", place);
  // The point at infinity is a proof of constant polynomials only.
  await refuse({ proof: `0xc0${"00".repeat(47)}` }, "ProofWrong", place);
  await refuse({ proof: right.proof.slice(0, -2) as Hex }, "AnswerLength", [48n, 47n]);
  await refuse({ proof: `${right.proof}00` }, "AnswerLength", [48n, 49n]);
  await refuse({ commitment: right.commitment.slice(0, -2) }, "AnswerLength", [47n, 48n]);
  await group.appeal(record, [right, otherStripe]);
  await group.chain.close();
});

test("the drawn point names chain, contract, draw and shard", async () => {
  const { group, record } = await withRecord();
  const at = { draw: record.draw, orderId: group.id, slot: 3, stripe: 1 };
  const point = appealPoint({ chainId: group.chain.chainId, disputes: group.disputes, ...at });
  assert.equal(await group.read.disputes("pointOf", [at.draw, at.orderId, at.slot, at.stripe]), point);
  assert.ok(point < FIELD_MODULUS);
  await group.chain.close();
});

test("a window lasts until both its seconds and its blocks are over", async () => {
  const { group, record } = await withRecord();
  const answers = await group.answers(record);
  const { helpers, publicClient } = group.chain;
  const appealNow = async () =>
    await publicClient.simulateContract({
      address: group.disputes,
      abi: disputesAbi,
      functionName: "appeal",
      args: [1, 2, 0, record.entries, answers],
      account: OPERATOR_OF(1).address,
    });
  const blocksLeft = async () => Number(record.deadlineBlock) - (await helpers.time.latestBlock());

  // The last second, long after the last block.
  await helpers.mine((await blocksLeft()) + 5);
  await helpers.time.increaseTo(record.deadline);
  await appealNow();
  await rejectsWith(group.closeRecord(record), "WindowOpen");
  // One second later both are over.
  await helpers.time.increaseTo(record.deadline + 1n);
  await rejectsWith(appealNow(), "WindowOver");
  await rejectsWith(group.appeal(record, answers), "WindowOver");
  await group.closeRecord(record);
  assert.equal(await statusOf(group, record), CLOSED);
  await rejectsWith(group.closeRecord(record), "RecordNotOpen", [1, 2, 0, CLOSED]);
  await group.chain.close();
});

test("the last block of a window, long after its last second", async () => {
  const { group, record } = await withRecord();
  const answers = await group.answers(record);
  const { helpers } = group.chain;
  await helpers.time.increaseTo(record.deadline + 1000n);
  await helpers.mine(Number(record.deadlineBlock) - (await helpers.time.latestBlock()));
  assert.equal(BigInt(await helpers.time.latestBlock()), record.deadlineBlock);
  await rejectsWith(group.closeRecord(record), "WindowOpen", [
    BigInt(await group.chain.time()),
    record.deadline,
    record.deadlineBlock,
    record.deadlineBlock,
  ]);
  await helpers.mine();
  await rejectsWith(group.appeal(record, answers), "WindowOver");
  await group.closeRecord(record);
  await group.chain.close();
});

test("after a won appeal later records move slots and slash nothing, for protectionEpochs", async () => {
  const { group, record } = await withRecord(4, 0, { providers: 8 });
  await group.appeal(record);
  const protectedTo = await group.read.disputes<number>("protectedTo", [1]);
  const more: Hex[] = [];
  for (let index = 0; index < 2; index++) {
    const order = await group.openOrder({
      salt: numberToHex(100 + index, { size: 32 }),
      providers: [1, 6, 7, 8],
      startEpoch: protectedTo - 2,
      endEpoch: 90,
      openBy: BigInt(group.startOf(protectedTo - 2)),
    });
    more.push(orderId(order));
  }
  const lostIn = async (epoch: number, id: Hex) =>
    group.recorded(await group.epoch(epoch, group.lost(1, [group.entry(0, 0, id)])));
  await group.epoch(protectedTo - 1);
  const last = await lostIn(protectedTo, more[0]!);
  assert.equal(last.isProtected, true);
  assert.equal(await statusOf(group, last), PROTECTED);
  await rejectsWith(group.appeal(last), "RecordNotOpen", [1, protectedTo, 0, PROTECTED]);
  const after = await lostIn(protectedTo + 1, more[1]!);
  assert.equal(after.isProtected, false);

  const stake = async () =>
    (await group.read.staking<{ stake: bigint; locked: bigint }>("provider", [1])).stake;
  const before = await stake();
  await group.passWindow(after);
  const spared = disputeEvents(await group.closeRecord(last));
  assert.deepEqual(
    spared.map(({ name }) => name),
    ["CollateralSpared", "RecordClosed"],
  );
  assert.equal(spared[1]!.args.slashed, false);
  assert.equal(await stake(), before);
  await group.closeRecord(after);
  assert.equal(before - (await stake()), 2n * group.parameters.collateralPerShard);
  await group.chain.close();
});
