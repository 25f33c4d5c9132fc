import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { keccak256, stringToHex, zeroHash } from "viem";
import { type Order, orderId } from "../../protocol/order.ts";
import { createRepairGroup, pay, type RepairGroup } from "../support/contracts/repairs.ts";

/*
 * Settling slots that changed hands. One history of an order from epoch 1 to 16, in which slots are lost, repaired,
 * lost again, handed over, given up and left vacant, while providers miss epochs, epochs are skipped and one lapses.
 */
const END = 16;
const MISSED: Readonly<Record<number, readonly number[]>> = { 3: [1], 6: [5], 9: [5, 3], 12: [6] };
/** 4 and 5 of a gap count; none is dead. */
const GAP = [4, 5];

let group: RepairGroup;
before(async () => {
  group = await createRepairGroup({ parameters: { evictionCap: 10_000 }, order: { endEpoch: END } });
});
after(() => group.chain.close());

const missed = (providers: readonly number[]) =>
  providers.map((provider) => ({ kind: 1, provider, data: zeroHash }));

/** Plays the history; `visit` is called after each epoch and may settle. */
async function play(order: Order, visit: (epoch: number) => Promise<void>): Promise<void> {
  const lost = (provider: number, slot: number) =>
    group.lost(provider, [group.entry(slot, 0, orderId(order))]);
  const offer = (assignee: number, slot: number, deadline: number) =>
    group.offer(assignee, slot, deadline, order);
  const happens: Readonly<Record<number, readonly ReturnType<typeof lost>[]>> = {
    3: [lost(2, 1), offer(5, 1, 7)],
    7: [lost(4, 3), offer(6, 3, 10)],
    // Provider 5 has held slot 1 since 7 and loses it; provider 2 takes it again from 11 on.
    10: [lost(5, 1), offer(2, 1, 13)],
    11: [lost(1, 0)],
    // Provider 3 hands slot 2 over to 7 from 14 on.
    12: [offer(7, 2, 15)],
  };
  for (let epoch = 1; epoch < END; epoch++) {
    if (GAP.includes(epoch)) continue;
    // A slot that changes hands again is settled first, however the rest is paged.
    if (epoch === 10 && (await group.state(order)).settledTo < 7) await group.settle(7, order);
    await group.epoch(epoch, ...missed(MISSED[epoch] ?? []), ...(happens[epoch] ?? []));
    if (epoch === 6) await group.accept(1, 5, order);
    if (epoch === 8) await group.accept(3, 6, order);
    if (epoch === 10) await group.accept(1, 2, order);
    if (epoch === 11) await group.onStaking("setExiting", [3, true]);
    if (epoch === 13) await group.accept(2, 7, order);
    await visit(epoch);
  }
}

/** Epochs of [from, to) that a provider is paid for: counted gap epochs are as the next certified one. */
function paidEpochs(provider: number, from: number, to: number): number {
  let count = 0;
  for (let epoch = from; epoch < to; epoch++) {
    const decisive = GAP.includes(epoch) ? 6 : epoch;
    if (!(MISSED[decisive] ?? []).includes(provider)) count += 1;
  }
  return count;
}

test("everybody who held a slot is paid for what it passed, whenever somebody settles", async () => {
  const tenures: readonly (readonly [number, number, number])[] = [
    [1, 1, 11],
    ...([
      [2, 1, 3],
      [5, 7, 10],
      [2, 11, END],
    ] as const),
    ...([
      [3, 1, 14],
      [7, 14, END],
    ] as const),
    ...([
      [4, 1, 7],
      [6, 9, END],
    ] as const),
  ];
  const expected = new Map<number, bigint>();
  for (const [provider, from, to] of tenures) {
    expected.set(provider, (expected.get(provider) ?? 0n) + pay(paidEpochs(provider, from, to)));
  }
  const pristine = await group.chain.helpers.takeSnapshot();
  const results: unknown[] = [];
  const settled = fc.uniqueArray(fc.integer({ min: 1, max: END - 1 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(settled, fc.integer({ min: 0, max: 3 }), async (epochs, behind) => {
      await pristine.restore();
      const order = group.order;
      await play(order, async (epoch) => {
        if (!epochs.includes(epoch)) return;
        const { settledTo } = await group.state(order);
        if (epoch + 1 - behind > settledTo) await group.settle(epoch + 1 - behind, order);
        await group.books();
      });
      await group.books();
      if ((await group.state(order)).settledTo < END) await group.settle(END, order);
      for (let provider = 1; provider <= 7; provider++) {
        assert.equal(await group.credit(provider), expected.get(provider) ?? 0n, `provider ${provider}`);
      }
      const { status, escrow } = await group.state(order);
      assert.deepEqual([status, escrow], [2, 0n]);
      results.push([await group.pool(), await group.balance()]);
      assert.deepEqual(results.at(-1), results[0], "fees and refunds");
      await group.books();
    }),
    // The same history each time; what varies is who settles when.
    {
      numRuns: 5,
      seed: 20_261_120,
      examples: [
        [[], 0],
        [Array.from({ length: END - 1 }, (_, i) => i + 1), 0],
      ],
    },
  );
});

test("whatever happens to a slot, its escrow suffices; the last epoch of an order can be its repairer's", async () => {
  const order = await group.openOrder({
    ...{
      startEpoch: (await group.read.settlement<number>("epochNow")) + 1,
      salt: keccak256(stringToHex("last")),
    },
    endEpoch: (await group.read.settlement<number>("epochNow")) + 5,
  });
  const { startEpoch: first, endEpoch: end } = order;
  await group.epoch(first);
  const id = orderId(order);
  await group.epoch(first + 1, group.lost(2, [group.entry(1, 0, id)]), group.offer(5, 1, first + 3, order));
  await group.epoch(first + 2);
  const before = await group.credit(5);
  await group.accept(1, 5, order);
  assert.equal((await group.slotOf(1, order)).since, end - 1);
  await group.epoch(end - 1);
  await group.settle(end, order);
  assert.equal((await group.credit(5)) - before, pay(1));
  assert.equal((await group.state(order)).escrow, 0n);
  await group.books();
});
