import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Hex,
  hexToString,
  keccak256,
  numberToHex,
  parseEventLogs,
  type TransactionReceipt,
  trim,
} from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { orderId } from "../../protocol/order.ts";
import { type LostEntry, lostData, lostDetail } from "../../protocol/results/exceptions.ts";
import { rejectsWith } from "../support/contracts/chain.ts";
import { createDisputeGroup, type DisputeGroup, disputeEvents } from "../support/contracts/disputes.ts";
import { exceptionTree, missedLeaf, type TestLeaf } from "../support/contracts/exceptions.ts";

const ascii = (reason: unknown) => hexToString(trim(reason as Hex, { dir: "right" }));
const droppedIn = (receipt: TransactionReceipt) =>
  disputeEvents(receipt)
    .filter(({ name }) => name === "LostEntryDropped")
    .map(({ args }) => [args.index, ascii(args.reason)]);
const skippedIn = (receipt: TransactionReceipt) =>
  parseEventLogs({ abi: challengeSettlementAbi, eventName: "ExceptionSkipped", logs: receipt.logs }).map(
    ({ args }) => [args.index, args.kind, ascii(args.reason)],
  );
/** A group in which epoch 1 is finished and epoch 2 can be certified. */
async function started(options: Parameters<typeof createDisputeGroup>[0] = {}) {
  const group = await createDisputeGroup({
    ...options,
    parameters: { evictionCap: 10_000, ...options.parameters },
  });
  await group.epoch(1);
  return group;
}
/** A lost leaf with any entries and any detail. */
function leafOf(
  group: DisputeGroup,
  provider: number,
  entries: readonly LostEntry[],
  orders = group.opened,
): TestLeaf {
  const content = { provider, part: 0, entries };
  const open = [...orders].map(([id, order]) => ({ id, order }));
  return { kind: 2, provider, data: lostData(content), detail: lostDetail(content, open) };
}

test("entries that can be evicted are, the others say why not; the record has the former only", async () => {
  const group = await createDisputeGroup({ parameters: { evictionCap: 10_000 } });
  const closed = await group.openOrder({
    salt: numberToHex(1, { size: 32 }),
    startEpoch: 1,
    endEpoch: 2,
    minEpochs: 0,
  });
  await group.epoch(1);
  await group.onOrders("settle", [closed, 2]);
  group.opened.delete(orderId(closed));
  const fresh = await group.openOrder({
    salt: numberToHex(2, { size: 32 }),
    startEpoch: 3,
    openBy: BigInt(group.startOf(3)),
  });
  const unknown = keccak256("0x1234");
  const cases = [
    { entry: group.entry(0, 1), reason: undefined },
    { entry: group.entry(1, 0), reason: "NOT_HOLDER" },
    { entry: group.entry(4, 0), reason: "SLOT_UNKNOWN" },
    { entry: group.entry(0, 0, orderId(closed)), reason: "ORDER_NOT_OPEN" },
    { entry: group.entry(0, 0, orderId(fresh)), reason: "HOLDER_NEW" },
    { entry: group.entry(0, 0, unknown), reason: "ORDER_NOT_OPEN" },
  ].sort((a, b) =>
    a.entry.orderId === b.entry.orderId
      ? a.entry.slot - b.entry.slot
      : a.entry.orderId < b.entry.orderId
        ? -1
        : 1,
  );
  const receipt = await group.epoch(
    2,
    group.lost(
      1,
      cases.map(({ entry }) => entry),
    ),
  );
  const wanted = cases.flatMap(({ reason }, index) => (reason === undefined ? [] : [[index, reason]]));
  assert.deepEqual(droppedIn(receipt), wanted);
  assert.deepEqual(skippedIn(receipt), []);
  assert.deepEqual(group.recorded(receipt).entries, [
    { ...group.entry(0, 1), since: 1, until: 2, stripes: 2 },
  ]);
  await group.chain.close();
});

test("a stripe that the order does not have is nobody's loss", async () => {
  const group = await started();
  const receipt = await group.epoch(2, group.lost(1, [group.entry(0, 2)]));
  assert.deepEqual(droppedIn(receipt), [[0, "STRIPE_UNKNOWN"]]);
  assert.deepEqual(skippedIn(receipt), [[0, 2, "NOTHING_KEPT"]]);
  assert.equal((await group.read.disputes<{ status: number }>("lostRecord", [1, 2, 0])).status, 0);
  await group.chain.close();
});

test("a provider's first slot in an epoch is always evicted, further ones up to the cap", async () => {
  const group = await started({ parameters: { evictionCap: 5000 } });
  // Two slots of four are half of all shards.
  const leaves = [1, 2, 3].map((provider) => group.lost(provider, [group.entry(provider - 1)]));
  const receipt = await group.epoch(2, ...leaves);
  assert.deepEqual(droppedIn(receipt), [[0, "CAP_REACHED"]]);
  assert.deepEqual(skippedIn(receipt), [[2, 2, "NOTHING_KEPT"]]);
  const next = await group.epoch(3, group.lost(3, [group.entry(2)]));
  assert.deepEqual(droppedIn(next), []);
  await group.chain.close();
});

test("a leaf counts once per provider, epoch and part", async () => {
  const group = await started();
  const other = await group.openOrder({
    salt: numberToHex(1, { size: 32 }),
    startEpoch: 3,
    openBy: BigInt(group.startOf(3)),
  });
  await group.epoch(2);
  await group.epoch(3);
  const again = group.entry(0, 0, orderId(other));
  const receipt = await group.epoch(
    4,
    group.lost(1, [group.entry(0)]),
    group.lost(1, [again]),
    group.lost(1, [again], 1),
  );
  assert.deepEqual(skippedIn(receipt), [[1, 2, "RECORD_EXISTS"]]);
  const parts = disputeEvents(receipt).filter(({ name }) => name === "LostRecorded");
  assert.deepEqual(
    parts.map(({ args }) => args.part),
    [0, 1],
  );
  await group.chain.close();
});

test("who applies a lost leaf hands in what its hash stands for, and every order that is open", async () => {
  const group = await started();
  const leaf = leafOf(group, 1, [group.entry(0)]);
  const refuse = async (error: string, detail: Hex | undefined, args?: readonly unknown[]) => {
    const given = detail === undefined ? [] : [detail];
    const [leaves, proof] = exceptionTree([leaf]).chunk(0, 1);
    await rejectsWith(group.onSettlement("applyExceptions", [2, leaves, proof, given]), error, args);
  };
  await group.certifyWith(2, [leaf]);
  await group.chain.helpers.mine(2);
  await refuse("DetailsInvalid", undefined, [0n, 1n]);
  await refuse("LostDetailInvalid", leafOf(group, 1, [group.entry(0, 1)]).detail);
  await refuse("LostDetailInvalid", leafOf(group, 1, [group.entry(0), group.entry(1)]).detail);
  await refuse("OrderMissing", leafOf(group, 1, [group.entry(0)], new Map()).detail, [group.id]);
  const foreign = new Map([[group.id, { ...group.order, salt: keccak256("0x") }]]);
  await refuse("OrderMissing", leafOf(group, 1, [group.entry(0)], foreign).detail, [group.id]);
  const moved = `0x${"00".repeat(31)}40${leaf.detail!.slice(66)}` as Hex;
  await refuse("LostDetailInvalid", moved);
  const [leaves, proof, details] = exceptionTree([leaf]).chunk(0, 1);
  const surplus = group.onSettlement("applyExceptions", [2, leaves, proof, [...details, details[0]]]);
  await rejectsWith(surplus, "DetailsInvalid", [2n, 1n]);
  await group.apply(2, [leaf]);
  await group.chain.close();
});

test("a leaf names 1 to 64 slots, ascending, each once; others stop the epoch until it lapses", async () => {
  const group = await started();
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      orderId: numberToHex(index + 1, { size: 32 }),
      slot: 0,
      stripe: 0,
    }));
  const refuse = async (
    epoch: number,
    entries: readonly LostEntry[],
    error: string,
    args: readonly unknown[],
  ) => {
    const leaves = [missedLeaf(2), leafOf(group, 1, entries)];
    await group.certifyWith(epoch, leaves);
    await group.chain.helpers.mine(2);
    await rejectsWith(group.apply(epoch, leaves), error, args);
    await group.chain.helpers.time.increase(700);
    await group.chain.helpers.mine(30);
    await group.onSettlement("lapse", [epoch]);
  };
  await refuse(2, [], "EntriesInvalid", [0n, 64n]);
  const now = async () => (await group.read.settlement<number>("epochNow")) + 1;
  await refuse(await now(), many(65), "EntriesInvalid", [65n, 64n]);
  await refuse(await now(), [group.entry(1), group.entry(0)], "EntriesNotAscending", [1n]);
  await refuse(await now(), [group.entry(0), group.entry(0, 1)], "EntriesNotAscending", [1n]);
  await refuse(await now(), [...many(3), ...many(2)], "EntriesNotAscending", [3n]);
  const last = await now();
  const receipt = await group.epoch(last, leafOf(group, 1, many(64)));
  assert.equal(droppedIn(receipt).length, 64);
  await group.chain.close();
});

test("after a gap the evicted holder is paid up to the last finished epoch, and nobody for the gap", async () => {
  const group = await started();
  await group.epoch(2);
  const receipt = await group.epoch(6, missedLeaf(1), group.lost(1, [group.entry(0)]));
  const record = group.recorded(receipt);
  assert.deepEqual(record.entries, [{ ...group.entry(0), since: 1, until: 3, stripes: 2 }]);
  await group.onOrders("settle", [group.order, 7]);
  const price = 2n * 10n ** 14n;
  assert.equal(await group.read.orders("credit", [1]), 2n * price);
  // Of the gap of three epochs all count for those that were there.
  assert.equal(await group.read.orders("credit", [2]), 6n * price);
  await group.chain.close();
});

test("only the settlement applies, only disputes evict, close vacancies and slash", async () => {
  const group = await started();
  const { address } = group.deployer;
  const zero = numberToHex(0, { size: 32 });
  await rejectsWith(group.onDisputes("applyLost", [2, 1, 1n, zero, 1, zero, "0x"]), "CallerNotAllowed", [
    address,
  ]);
  await rejectsWith(group.onRepairs("applyOffer", [2, 1, zero, "0x"]), "CallerNotAllowed", [address]);
  await rejectsWith(
    group.onRepairs("evict", [{ orderId: group.id, slot: 0, holder: 1, since: 1, stripes: 2 }, 1, 2, 1]),
    "CallerNotAllowed",
    [address],
  );
  await rejectsWith(group.onRepairs("closeVacancy", [group.id, 0, 2, 0n, true]), "CallerNotAllowed", [
    address,
  ]);
  await rejectsWith(group.onStaking("slashProvider", [1, 1, 1n, group.id]), "CallerNotAllowed");
  await rejectsWith(group.onStaking("slashKeeper", [1, address]), "CallerNotAllowed");
  await rejectsWith(group.onStaking("releaseCollateral", [[1], 1n, group.id]), "CallerNotAllowed");
  await group.chain.close();
});

test("slashed collateral goes to payer, pot and treasury to the wei, and is in StorageOrders", async () => {
  // Of a shard's collateral of 10^15 − 7: epochs earn odd numbers, so that floors show.
  const price = ((10n ** 14n) << 32n) + 12_345_678_901n;
  for (const [epochs, missed] of [
    [1, 1],
    [1, 0],
    [3, 1],
    [9, 0],
  ] as const) {
    const group = await createDisputeGroup({
      order: { price },
      parameters: { collateralPerShard: 10n ** 15n - 7n },
    });
    for (let epoch = 1; epoch <= epochs; epoch++) {
      await group.epoch(epoch, ...(epoch <= missed ? [missedLeaf(1)] : []));
    }
    const record = group.recorded(await group.epoch(epochs + 1, group.lost(1, [group.entry(0)])));
    await group.passWindow(record);
    const tokensOf = async (address: Hex) => await group.read.token<bigint>("balanceOf", [address]);
    const poolOf = async () =>
      (await group.read.orders<{ treasury: bigint }>("pool", [await term()])).treasury;
    const term = async () =>
      await group.read.settlement<number>("termOf", [await group.read.settlement("epochNow")]);
    const payer = group.user.address;
    const before = {
      orders: await tokensOf(group.place.orders),
      payer: await group.read.orders<bigint>("balanceOf", [payer]),
      treasury: await poolOf(),
    };
    const [slashed, closed] = disputeEvents(await group.closeRecord(record));
    const collateral = 2n * (10n ** 15n - 7n);
    const fifth = (collateral * 20n) / 100n;
    const earned = (price * 2n * BigInt(epochs - missed)) >> 32n;
    const toPayer = earned < collateral - fifth ? earned : collateral - fifth;
    const left = collateral - fifth - toPayer;
    const bonus = 2n * group.parameters.repairBonusPerShard;
    const toPot = bonus < left ? bonus : left;
    const toTreasury = collateral - toPayer - toPot;
    assert.deepEqual(slashed, {
      name: "CollateralSlashed",
      args: {
        ...{ providerId: 1, orderId: group.id, slot: 0, until: epochs + 1 },
        ...{ toPayer, toPot, toTreasury, toChallenger: 0n },
      },
    });
    assert.equal(closed!.args.slashed, true);
    assert.equal((await tokensOf(group.place.orders)) - before.orders, collateral);
    assert.equal((await group.read.orders<bigint>("balanceOf", [payer])) - before.payer, toPayer);
    assert.equal((await poolOf()) - before.treasury, toTreasury);
    assert.deepEqual(await group.read.repairs("bonusOf", [group.id, 0, epochs + 1]), {
      ...{ pot: toPot, reserved: 0n, closed: true, slashed: true },
    });
    // Nobody gets the treasury's fifth, whatever the roles it plays.
    assert.ok(toPayer + toPot <= collateral - fifth);
    await group.chain.close();
  }
});

test("a record closes with the orders of its entries, each once, ascending", async () => {
  const group = await started();
  const more = await group.openOrder({
    salt: numberToHex(1, { size: 32 }),
    startEpoch: 3,
    openBy: BigInt(group.startOf(3)),
  });
  await group.epoch(2);
  await group.epoch(3);
  const ids = [group.id, orderId(more)].sort();
  const record = group.recorded(
    await group.epoch(
      4,
      group.lost(
        1,
        ids.map((id) => group.entry(0, 0, id)),
      ),
    ),
  );
  await rejectsWith(group.closeRecord(record), "WindowOpen");
  await group.passWindow(record);
  const [first, second] = ids.map((id) => group.opened.get(id)!);
  await rejectsWith(group.closeRecord(record, []), "OrderMissing", [ids[0]]);
  await rejectsWith(group.closeRecord(record, [first!]), "OrderMissing", [ids[1]]);
  await rejectsWith(group.closeRecord(record, [second!, first!]), "OrderMissing", [ids[1]]);
  await rejectsWith(group.closeRecord({ ...record, entries: record.entries.slice(1) }), "EntriesWrong");
  const receipt = await group.closeRecord(record, [first!, second!]);
  assert.equal(disputeEvents(receipt).filter(({ name }) => name === "CollateralSlashed").length, 2);
  const { locked, stake } = await group.read.staking<{ locked: bigint; stake: bigint }>("provider", [1]);
  assert.equal(locked, 0n);
  assert.equal(stake, 1000n * 10n ** 18n - 4n * group.parameters.collateralPerShard);
  await group.chain.close();
});

test("a slot without a repairer left has no pot: its order is over", async () => {
  const group = await createDisputeGroup({ order: { endEpoch: 4, minEpochs: 0 } });
  await group.epoch(1, missedLeaf(1));
  const record = group.recorded(await group.epoch(2, group.lost(1, [group.entry(0)])));
  await group.epoch(3);
  await group.onOrders("settle", [group.order, 4]);
  await group.passWindow(record);
  const [slashed] = disputeEvents(await group.closeRecord(record));
  assert.deepEqual([slashed!.args.toPayer, slashed!.args.toPot], [0n, 0n]);
  assert.equal(slashed!.args.toTreasury, 2n * group.parameters.collateralPerShard);
  await group.onOrders("releaseCollateral", [group.order]);
  for (const id of [1, 2, 3, 4]) {
    assert.equal((await group.read.staking<{ locked: bigint }>("provider", [id])).locked, 0n);
  }
  await group.chain.close();
});
