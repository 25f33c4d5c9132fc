import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { keccak256, numberToHex, stringToHex, type TransactionReceipt } from "viem";
import type { HDAccount } from "viem/accounts";
import { orderId } from "../../../protocol/order.ts";
import { testAccount } from "../../support/contracts/chain.ts";
import { createDisputeGroup } from "../../support/contracts/disputes.ts";
import {
  exceptionTree,
  lostLeaf,
  missedLeaf,
  offerLeaf,
  type TestLeaf,
} from "../../support/contracts/exceptions.ts";
import { createGroup, type Group, TOKENS } from "../../support/contracts/group.ts";
import { signCommit, signOrder } from "../../support/contracts/signing.ts";

/*
 * What the largest inputs cost that the contracts take. A call that no transaction can carry could never be made: an
 * epoch would lapse, collateral stay locked, an order never close. Whole transactions, cold.
 */

/** Most gas that a transaction may ask for (EIP-7825). */
const TRANSACTION_CAP = 16_777_216;
const range = (length: number) => Array.from({ length }, (_, index) => index);
const salted = (index: number) => ({ salt: numberToHex(index, { size: 32 }) });

/** Notes what a call took; it must stay below `most`, and `most` below what a transaction can carry. */
function meter(t: TestContext, name: string, receipt: TransactionReceipt, most: number): void {
  t.diagnostic(`${name}: ${receipt.gasUsed} gas`);
  assert.ok(most < TRANSACTION_CAP);
  assert.ok(receipt.gasUsed <= BigInt(most), `${name} takes ${receipt.gasUsed} gas, more than ${most}`);
}

test("a lost leaf of 64 slots in 64 orders of 32 slots: applied, appealed and closed in a transaction each", async (t) => {
  const group = await createDisputeGroup({
    ...{ slots: 32, providers: 32, stripes: 1, keepers: 32 },
    parameters: { evictionCap: 10_000, epochLength: 3600, applyWindow: 6000, unbondingDelay: 100_000 },
  });
  // Each order has a payer of its own, who has nothing left: whatever it gets back fills an empty word.
  const first = group.order;
  for (const index of range(63)) {
    const payer = testAccount(100 + index);
    const order = { ...first, ...salted(index + 1), payer: payer.address };
    const { total } = await group.read.orders<{ total: bigint }>("cost", [order]);
    await group.onOrders("depositFor", [payer.address, total]);
    const receipt = await group.open(order, { payer: await signOrder(group.place, order, payer) });
    if (index === 0) meter(t, "open an order of 32 slots", receipt, 1_500_000);
    group.opened.set(orderId(order), order);
  }
  await group.epoch(1);
  const entries = [...group.opened.keys()].sort().map((id) => group.entry(0, 0, id));
  assert.equal(entries.length, 64);
  const lost = group.lost(1, entries);
  await group.toEpoch(2);
  const exceptions = { ...exceptionTree([lost]).certificate, absent: 0x3ff };
  meter(t, "certify, 22 of 32, 10 absent", await group.certify(group.certificate(2, exceptions)), 250_000);
  await group.chain.helpers.mine(2);
  const applied = await group.apply(2, [lost]);
  meter(t, "apply the largest lost leaf", applied, 9_000_000);
  const record = group.recorded(applied);
  assert.equal(record.entries.length, 64);
  const undecided = await group.chain.helpers.takeSnapshot();
  meter(t, "appeal the largest record", await group.appeal(record), 1_000_000);
  await undecided.restore();
  await group.passWindow(record);
  meter(t, "slash the largest record", await group.closeRecord(record), 13_000_000);
  await group.chain.close();
});

test("32 slots that all changed hands, missed epochs in every word: settled over 16,384 epochs at once", async (t) => {
  const group = await createGroup({
    providers: 64,
    parameters: {
      evictionCap: 10_000,
      epochLength: 200,
      applyWindow: 6000,
      unbondingDelay: 20_000,
      termLength: 65_535,
    },
  });
  await group.onOrders("deposit", [100_000n * TOKENS]);
  const ids = range(32).map((slot) => slot + 1);
  const order = await group.order({
    ...{ providers: ids, policy: (1 << 16) | (16 << 8) | 16, stripes: 1, price: (10n ** 12n) << 32n },
    ...{
      startEpoch: 1,
      endEpoch: 16_385,
      manifest: { firstStripe: 0, stripes: 1, length: 9n, digest: group.parameters.repairThresholds },
    },
  });
  await group.open(order);
  await epochWith(group, 1, []);
  await epochWith(
    group,
    2,
    ids.map((id, slot) => lostLeaf(id, [{ order, slot }])),
  );
  await epochWith(
    group,
    3,
    ids.map((id, slot) => offerLeaf(32 + id, order, slot, 6)),
  );
  for (const [slot, id] of ids.entries()) await acceptAs(group, testAccount(2 + 32 + id), [order, slot]);
  const missed = range(64).map((index) => missedLeaf(index + 1));
  for (const word of range(64)) await epochWith(group, 256 * word + 9, missed);
  await epochWith(group, 16_384, []);

  const unsettled = await group.chain.helpers.takeSnapshot();
  meter(
    t,
    "settle 16,384 epochs of 32 changed slots",
    await group.onOrders("settle", [order, 20_000]),
    14_500_000,
  );
  await unsettled.restore();
  await group.onOrders("settle", [order, 8000]);
  meter(t, "the same, second half", await group.onOrders("settle", [order, 20_000]), 14_500_000);
  const released = await group.onOrders("releaseCollateral", [order]);
  meter(t, "release the collateral of 32 changed slots", released, 1_200_000);
  await group.chain.close();
});

test("a chunk of 50 missed leaves after the longest gap that counts, with sixteen epochs waiting behind it", async (t) => {
  const group = await createGroup({
    ...{ keepers: 32, providers: 50 },
    parameters: { maxGap: 64, epochLength: 10, seedDelay: 4, answerWindow: 4, termLength: 1000 },
  });
  // The gap reaches over the border of two words; so does each mark.
  await epochWith(group, 230, []);
  await group.toEpoch(330);
  const tree = exceptionTree(range(50).map((index) => missedLeaf(index + 1)));
  await group.certify(group.certificate(290, tree.certificate));
  for (const index of range(17)) {
    // Absent ones in both words of counters, and a gap before each.
    await group.certify(group.certificate(292 + 2 * index, { absent: 0x00030003 }));
  }
  const applied = await group.onSettlement("applyExceptions", [290, ...tree.chunk(0, 50)]);
  meter(t, "apply 50 missed leaves and finish 16 further epochs", applied, 6_000_000);
  assert.equal(await group.read.settlement("lastFinished"), 322);
  meter(t, "finish the rest", await group.onSettlement("finish", []), 200_000);
  await group.chain.close();
});

test("a roster of 32 seats is written, and a member masked in eight of them", async (t) => {
  const group = await createGroup({ keepers: 32, providers: 0, parameters: { termLength: 2 } });
  for (const term of range(8)) {
    await group.toEpoch(2 * term + 1);
    const rotated = await group.onSettlement("rotate", []);
    if (term === 7) meter(t, "write a roster of 32", rotated, 600_000);
  }
  const account = group.keepers[31]!.account;
  const a = group.certificate(1);
  const b = { ...a, resultsRoot: keccak256(stringToHex("another")) };
  const votes = [await signCommit(group.place, a, account), await signCommit(group.place, b, account)];
  const reported = await group.onSettlement("reportEquivocation", [a, b, 31, ...votes]);
  meter(t, "report an equivocation, nine rosters in force", reported, 700_000);
  await group.chain.close();
});

test("with a hundred and fifty gaps behind it a certificate costs what it did", async (t) => {
  const group = await createGroup({ keepers: 10, providers: 1, parameters: { termLength: 65_535 } });
  await group.toEpoch(4);
  await group.certify(group.certificate(1));
  const young = await group.certify(group.certificate(2));
  await group.toEpoch(300);
  for (let epoch = 4; epoch <= 298; epoch += 2) await group.certify(group.certificate(epoch));
  const old = await group.certify(group.certificate(299));
  meter(t, "certify", old, 100_000);
  const difference = Number(old.gasUsed - young.gasUsed);
  assert.ok(Math.abs(difference) < 300, `${difference} gas more than at the start`);
  await group.chain.close();
});

/** Certifies an epoch and applies its exceptions, a chunk of 50 at a time. */
async function epochWith(group: Group, epoch: number, leaves: readonly TestLeaf[]): Promise<void> {
  await group.toEpoch(epoch);
  if (leaves.length === 0) {
    await group.certify(group.certificate(epoch));
    return;
  }
  const tree = exceptionTree(leaves);
  await group.certify(group.certificate(epoch, tree.certificate));
  await group.chain.helpers.mine(2);
  for (let from = 0; from < leaves.length; from += 50) {
    await group.onSettlement("applyExceptions", [
      epoch,
      ...tree.chunk(from, Math.min(50, leaves.length - from)),
    ]);
  }
}

/** Accepts a repair as an operator that may have no coin yet. */
async function acceptAs(group: Group, operator: HDAccount, args: readonly unknown[]): Promise<void> {
  await group.chain.helpers.setBalance(operator.address, TOKENS);
  await group.chain.helpers.impersonateAccount(operator.address);
  await group.onRepairs("acceptRepair", args, operator);
}
