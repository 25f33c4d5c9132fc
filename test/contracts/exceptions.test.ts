import assert from "node:assert/strict";
import { test } from "node:test";
import { hexToString, numberToHex, parseEventLogs, trim } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import type { Order } from "../../protocol/order.ts";
import { rejectsWith } from "../support/contracts/chain.ts";
import {
  exceptionTree,
  lostLeaf,
  missedLeaf,
  offerLeaf,
  type TestLeaf,
} from "../support/contracts/exceptions.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

const certifyWith = async (group: Group, epoch: number, leaves: readonly TestLeaf[]) => {
  await group.toEpoch(epoch);
  const tree = exceptionTree(leaves);
  await group.certify(group.certificate(epoch, tree.certificate));
  return {
    apply: async (from: number, length: number) =>
      await group.onSettlement("applyExceptions", [epoch, ...tree.chunk(from, length)]),
    tree,
  };
};
const lastFinished = async (group: Group) => await group.read.settlement<number>("lastFinished");
const missed = async (group: Group, epoch: number) => {
  const found: number[] = [];
  for (const { id } of group.providers) {
    if (await group.read.settlement<boolean>("missed", [id, epoch])) found.push(id);
  }
  return found;
};

test("leaves are applied in order, in chunks with one range proof each; then the epoch is finished", async () => {
  const group = await createGroup({ providers: 7 });
  const { apply } = await certifyWith(group, 1, [1, 2, 4, 5, 7].map(missedLeaf));
  assert.equal(await lastFinished(group), 0);
  await rejectsWith(apply(2, 2), "RangeProofInvalid");
  await apply(0, 2);
  await rejectsWith(apply(0, 2), "RangeProofInvalid");
  await rejectsWith(apply(3, 2), "RangeProofLength");
  assert.deepEqual(await missed(group, 1), [1, 2]);
  assert.equal(await lastFinished(group), 0);
  const receipt = await apply(2, 3);
  assert.deepEqual(await missed(group, 1), [1, 2, 4, 5, 7]);
  assert.equal(await lastFinished(group), 1);
  const names = parseEventLogs({ abi: challengeSettlementAbi, logs: receipt.logs }).map(
    (log) => log.eventName,
  );
  const miss = "ProviderMissed";
  assert.deepEqual(names, [miss, miss, miss, "ExceptionsApplied", "EpochFinished"]);
  await rejectsWith(apply(4, 1), "NothingPending");
  await group.chain.close();
});

test("empty, surplus, changed and unproven leaves are refused", async () => {
  const group = await createGroup({ providers: 5 });
  const { tree } = await certifyWith(group, 1, [1, 2, 3].map(missedLeaf));
  const apply = async (...args: unknown[]) => await group.onSettlement("applyExceptions", [1, ...args, []]);
  const [leaves, proof] = tree.chunk(0, 2);
  await rejectsWith(apply([], proof), "LeavesInvalid");
  await rejectsWith(apply([...leaves, ...leaves], proof), "LeavesInvalid", [4n, 3n]);
  await rejectsWith(apply([leaves[0], missedLeaf(5)], proof), "RangeProofInvalid");
  await rejectsWith(apply([leaves[1], leaves[0]], proof), "RangeProofInvalid");
  await rejectsWith(apply([leaves[0], { ...leaves[1], kind: 2 }], proof), "RangeProofInvalid");
  await rejectsWith(apply(leaves, []), "RangeProofLength", [0n, 1n]);
  await rejectsWith(apply(leaves, [...proof, proof[0]]), "RangeProofLength", [2n, 1n]);
  await rejectsWith(apply(leaves, [`0x${"11".repeat(32)}`]), "RangeProofInvalid");
  await rejectsWith(group.onSettlement("applyExceptions", [2, leaves, proof, []]), "EpochNotNext", [2, 1]);
  assert.deepEqual(await missed(group, 1), []);
  await group.chain.close();
});

test("a leaf whose precondition fails counts as applied, does nothing and says why", async () => {
  const group = await createGroup({ providers: 3 });
  const data = `0x${"00".repeat(31)}01` as const;
  const leaves = [missedLeaf(0), missedLeaf(1), missedLeaf(1), missedLeaf(4), { ...missedLeaf(2), data }];
  const others = [0, 4, 9].map((kind) => ({ ...missedLeaf(2), kind }));
  const { apply } = await certifyWith(group, 1, [...leaves, ...others]);
  const receipt = await apply(0, 8);
  const skipped = parseEventLogs({
    abi: challengeSettlementAbi,
    eventName: "ExceptionSkipped",
    logs: receipt.logs,
  });
  const reasons = skipped.map(({ args }) => [args.index, hexToString(trim(args.reason, { dir: "right" }))]);
  assert.deepEqual(reasons, [
    [0, "PROVIDER_UNKNOWN"],
    [2, "ALREADY_MISSED"],
    [3, "PROVIDER_UNKNOWN"],
    [4, "DATA_NOT_ZERO"],
    [5, "KIND_UNSUPPORTED"],
    [6, "KIND_UNSUPPORTED"],
    [7, "KIND_UNSUPPORTED"],
  ]);
  assert.deepEqual(await missed(group, 1), [1]);
  assert.equal(await lastFinished(group), 1);
  await group.chain.close();
});

test("epochs finish in order: later ones wait, those without exceptions follow by themselves", async () => {
  const group = await createGroup({ providers: 3 });
  const first = await certifyWith(group, 1, [missedLeaf(1)]);
  await certifyWith(group, 2, [missedLeaf(2)]).then(({ apply }) =>
    rejectsWith(apply(0, 1), "EpochNotNext", [2, 1]),
  );
  await group.toEpoch(3);
  await group.certify(group.certificate(3));
  assert.equal(await group.read.settlement("pendingCount"), 3n);
  assert.equal((await group.read.settlement<{ epoch: number }>("pendingAt", [2])).epoch, 3);
  await rejectsWith(group.read.settlement("pendingAt", [3]), "NothingPending");
  await first.apply(0, 1);
  assert.equal(await lastFinished(group), 1);
  await rejectsWith(group.onSettlement("finish", []), "NothingPending");
  await group.onSettlement("applyExceptions", [2, ...exceptionTree([missedLeaf(2)]).chunk(0, 1)]);
  assert.equal(await lastFinished(group), 3);
  assert.equal(await group.read.settlement("pendingCount"), 0n);
  await group.chain.close();
});

test("an epoch lapses only after applyWindow in seconds and in blocks; what was applied stays", async () => {
  const group = await createGroup({ providers: 3 });
  const { apply } = await certifyWith(group, 1, [missedLeaf(1), missedLeaf(2)]);
  await apply(0, 1);
  await group.chain.helpers.time.increase(700);
  await rejectsWith(group.onSettlement("lapse", [1]), "ApplyWindowOpen");
  await group.chain.helpers.mine(30);
  await rejectsWith(group.onSettlement("lapse", [2]), "EpochNotNext", [2, 1]);
  const receipt = await group.onSettlement("lapse", [1]);
  const [finished] = parseEventLogs({
    abi: challengeSettlementAbi,
    eventName: "EpochFinished",
    logs: receipt.logs,
  });
  assert.deepEqual(finished!.args, { epoch: 1, lapsed: true, gap: 0, dead: 0 });
  assert.deepEqual(await missed(group, 1), [1]);
  assert.deepEqual(await group.read.settlement("unpaid", [1, 2]), { dead: 0, feeless: 1 });
  await rejectsWith(apply(1, 1), "NothingPending");
  await group.chain.close();
});

test("blocks alone do not make an epoch lapse", async () => {
  const group = await createGroup({
    providers: 1,
    parameters: { applyWindow: 15_000, unbondingDelay: 100_000 },
  });
  await certifyWith(group, 1, [missedLeaf(1)]);
  await group.chain.helpers.mine(30);
  await rejectsWith(group.onSettlement("lapse", [1]), "ApplyWindowOpen");
  await group.chain.close();
});

test("a missed leaf also marks the counted epochs of the gap before it; the rest of the gap is dead", async () => {
  const group = await createGroup({ providers: 2 });
  await group.toEpoch(250);
  await group.certify(group.certificate(250, { term: 2 }));
  const { apply } = await certifyWith(group, 260, [missedLeaf(1)]);
  const receipt = await apply(0, 1);
  const logs = parseEventLogs({ abi: challengeSettlementAbi, logs: receipt.logs });
  assert.deepEqual(logs[0]!.args, { epoch: 260, providerId: 1, fromEpoch: 251 });
  assert.deepEqual(logs.at(-1)!.args, { epoch: 260, lapsed: false, gap: 9, dead: 5 });
  const marked = [];
  for (let epoch = 249; epoch <= 261; epoch++)
    if ((await missed(group, epoch)).includes(1)) marked.push(epoch);
  assert.deepEqual(marked, [251, 252, 253, 254, 260]);
  assert.deepEqual(await group.read.settlement("unpaid", [251, 261]), { dead: 5, feeless: 9 });
  assert.deepEqual(await group.read.settlement("unpaid", [254, 258]), { dead: 3, feeless: 4 });
  assert.deepEqual(await group.read.settlement("unpaid", [1, 251]), { dead: 245, feeless: 249 });
  assert.deepEqual(await missed(group, 252), [1]);
  await group.chain.close();
});

test("more than 500 exceptions of all kinds are applied over many transactions, by whoever comes", async () => {
  const group = await createGroup({
    providers: 10,
    parameters: { evictionCap: 10_000, epochLength: 600, applyWindow: 6000, unbondingDelay: 50_000 },
  });
  await group.onOrders("deposit", [100_000n * TOKENS]);
  const nine = group.providers.slice(0, 9).map(({ id }) => id);
  const orders: Order[] = [];
  for (let index = 0; index < 7; index++) {
    const order = await group.order({
      providers: nine,
      policy: 0x10603,
      salt: numberToHex(index, { size: 32 }),
    });
    await group.open(order);
    orders.push(order);
  }
  await group.toEpoch(1);
  await group.certify(group.certificate(1));
  const unknown = Array.from({ length: 440 }, (_, index) => missedLeaf(1000 + index));
  const lost = nine.flatMap((id) =>
    orders.map((order, part) => lostLeaf(id, [{ order, slot: id - 1 }], part)),
  );
  const offers = orders.map((order) => offerLeaf(10, order, 0, 5));
  const leaves = [...nine.map(missedLeaf), ...unknown, ...lost, ...offers];
  assert.ok(leaves.length > 500);
  const { apply } = await certifyWith(group, 2, leaves);
  await group.chain.helpers.mine(2);
  for (let from = 0; from < leaves.length; from += 50) {
    assert.equal(await lastFinished(group), 1);
    const receipt = await apply(from, Math.min(50, leaves.length - from));
    assert.ok(receipt.gasUsed < 10_000_000n, `${receipt.gasUsed}`);
  }
  assert.equal(await lastFinished(group), 2);
  assert.deepEqual(await missed(group, 2), nine);
  for (const order of orders) {
    assert.deepEqual(await group.read.repairs("holdersOf", [order]), new Array(9).fill(0));
    const slot = await group.read.repairs<{ assignee: number }>("slotOf", [order, 0]);
    assert.equal(slot.assignee, 10);
  }
  await group.chain.close();
});
