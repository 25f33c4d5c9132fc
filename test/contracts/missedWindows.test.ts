import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exceptionTree, missedLeaf } from "../support/contracts/exceptions.ts";
import { createGroup, type Group } from "../support/contracts/group.ts";

/*
 * Whose bitmaps settling has to read is noted for the last 256 epochs in which anybody missed one. Epochs 250 to 260
 * cross from the first 256 to the next; maxGap is 4.
 */
let group: Group;
before(async () => {
  group = await createGroup({ providers: 3, parameters: { termLength: 300 } });
  await finish(250);
});
after(() => group.chain.close());

/** Certifies an epoch with missed leaves and applies so many of them. */
async function finish(epoch: number, missed: readonly number[] = [], applied = missed.length) {
  const tree = exceptionTree(missed.map(missedLeaf));
  await group.toEpoch(epoch);
  await group.certify(group.certificate(epoch, missed.length === 0 ? {} : tree.certificate));
  if (applied > 0) await group.onSettlement("applyExceptions", [epoch, ...tree.chunk(0, applied)]);
  return tree;
}
/** Missed epochs of providers 1 to 3 within a page and before it; nothing where nobody missed any. */
async function tally(from: number, to: number, start = from) {
  const { missed } = await group.read.settlement<{ missed: bigint[] }>("tally", [
    ...[[1, 2, 3], start, from, to, start !== from],
  ]);
  const counts = [0, 32].map((shift) => {
    const all = [0, 0, 0];
    for (const it of missed) all[Number(it >> 64n)] = Number(BigInt.asUintN(32, it >> BigInt(shift)));
    return all.some((count) => count !== 0) ? all : [];
  });
  return counts;
}

test("missed epochs count on both sides of a boundary of 256 epochs, in every state of applying", async () => {
  assert.deepEqual(await tally(250, 251), [[], []], "nobody missed anything yet");
  await finish(254, [1]);
  assert.deepEqual(await tally(251, 300), [[4, 0, 0], []], "with the gap before it");
  await finish(255);
  const tree = await finish(256, [2, 3], 1);
  assert.deepEqual(await tally(251, 300), [[4, 0, 0], []], "while the next one is applied in parts");
  assert.deepEqual(await tally(255, 300, 251), [[], [4, 0, 0]]);
  await group.onSettlement("applyExceptions", [256, ...tree.chunk(1, 1)]);
  assert.deepEqual(await tally(251, 300), [[4, 1, 1], []]);
  assert.deepEqual(await tally(256, 300, 251), [
    [0, 1, 1],
    [4, 0, 0],
  ]);
  await finish(257);
  assert.deepEqual(await tally(257, 300), [[], []]);
  await finish(260, [2]);
  assert.deepEqual(await tally(257, 300, 251), [
    [0, 3, 0],
    [4, 1, 1],
  ]);
});

test("a gap that begins before the boundary marks both sides", async () => {
  await finish(511);
  await finish(514, [3]);
  assert.deepEqual(await tally(511, 512), [[], []]);
  assert.deepEqual(await tally(512, 600, 511), [[0, 0, 3], []]);
  await finish(766);
  await finish(770, [1]);
  assert.deepEqual(await tally(767, 768), [[1, 0, 0], []]);
  assert.deepEqual(await tally(768, 900, 767), [
    [3, 0, 0],
    [1, 0, 0],
  ]);
});
