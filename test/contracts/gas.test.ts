import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type Abi,
  encodeFunctionData,
  type Hex,
  keccak256,
  numberToHex,
  stringToHex,
  type TransactionReceipt,
} from "viem";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { orderId } from "../../protocol/order.ts";
import { formatTraces, type GasReport } from "../../scripts/bench/gas/report.ts";
import { testAccount } from "../support/contracts/chain.ts";
import { createDisputeGroup } from "../support/contracts/disputes.ts";
import { exceptionTree, missedLeaf, offerLeaf, type TestLeaf } from "../support/contracts/exceptions.ts";
import { createGroup, type Group, PARAMETERS, TOKENS } from "../support/contracts/group.ts";
import { createRepairGroup } from "../support/contracts/repairs.ts";
import { signCommit } from "../support/contracts/signing.ts";
import { traceOf } from "../support/contracts/tracing.ts";

/**
 * Gas of whole transactions, cold, in steady state: the same call was made before, with other data. The
 * snapshot is written anew with UPDATE_GAS=1. Signatures and times move a few zero bytes, hence the slack.
 */
const SNAPSHOT = fileURLToPath(new URL("../../snapshots/gas.json", import.meta.url));
const TRACES = fileURLToPath(new URL("../../snapshots/gasTraces.json", import.meta.url));
const SLACK = 0.01;
/** What is drawn follows from block hashes; draws that repeat are drawn anew. */
const DRAWN_SLACK = 0.05;
/** Most gas that a transaction may ask for (EIP-7825). */
const TRANSACTION_CAP = 16_777_216;
const measured: Record<string, number> = {};

const traces: Record<string, GasReport> = {};

/** `of` is the transaction whose trace shows where the gas went; a receipt is its own. */
async function note(
  name: string,
  measurement: TransactionReceipt | number,
  budget: number,
  of: TransactionReceipt | undefined = typeof measurement === "number" ? undefined : measurement,
): Promise<void> {
  const gas = Math.round(typeof measurement === "number" ? measurement : Number(measurement.gasUsed));
  measured[name] = gas;
  if (of !== undefined) traces[name] = await traceOf(of);
  if (process.env.UPDATE_GAS !== "1")
    assert.ok(gas <= budget, `${name} takes ${gas} gas, the budget is ${budget}`);
}

async function certifyGas(keepers: number, budget: number): Promise<void> {
  const group = await createGroup({ keepers, providers: 1 });
  const quorum = Math.floor((2 * keepers) / 3) + 1;
  await group.toEpoch(4);
  await group.certify(group.certificate(1));
  await note(`certify ${quorum} of ${keepers}`, await group.certify(group.certificate(2)), budget);
  await group.certify(group.certificate(3, { absent: 1 }));
  const absent = await group.certify(group.certificate(4, { absent: 1 }));
  await note(`certify ${quorum} of ${keepers}, one absent`, absent, budget);
  await group.chain.close();
}

test("a certificate costs the same whatever the group holds", async () => {
  await certifyGas(10, 100_000);
  await certifyGas(31, 165_000);
});

test("a certificate costs the same with a thousand providers more", async () => {
  const group = await createGroup({ keepers: 10, providers: 10 });
  await group.toEpoch(3);
  await group.certify(group.certificate(1));
  const few = await group.certify(group.certificate(2));
  for (let chunk = 0; chunk < 10; chunk++) {
    const calls = Array.from({ length: 100 }, (_, index) => {
      const operator = keccak256(stringToHex(`operator ${chunk} ${index}`)).slice(0, 42);
      const args = [operator, "/p", `0x${"00".repeat(32)}`, 1n, true, 100n * TOKENS];
      return encodeFunctionData({ abi: stakingAbi as Abi, functionName: "registerProvider", args });
    });
    await group.onStaking("multicall", [calls]);
  }
  assert.equal(await group.read.staking("providerCount"), 1010);
  const many = await group.certify(group.certificate(3));
  // What differs are zero bytes of signatures.
  const difference = Number(many.gasUsed - few.gasUsed);
  assert.ok(Math.abs(difference) < 200, `${few.gasUsed}, then ${many.gasUsed}`);
  await note("certify 7 of 10, a thousand providers more", many, 100_000);
  // It cannot depend on what it does not read.
  const { contracts } = traces["certify 7 of 10, a thousand providers more"]!;
  assert.deepEqual(Object.keys(contracts).sort(), ["ChallengeSettlement", "clone"]);
  await group.chain.close();
});

test("exceptions cost by leaf, above a fixed part", async () => {
  const group = await createGroup({ keepers: 10, providers: 0 });
  for (let id = 1; id <= 50; id++) {
    const account = testAccount(9).address;
    const operator = `0x${keccak256(stringToHex(`operator ${id}`)).slice(-40)}`;
    await group.onStaking("registerProvider", [
      operator,
      account,
      `0x${"00".repeat(32)}`,
      1n,
      true,
      100n * TOKENS,
    ]);
  }
  const leaves = Array.from({ length: 50 }, (_, i) => missedLeaf(i + 1));
  const apply = async (epoch: number, count: number) => {
    await group.toEpoch(epoch);
    const tree = exceptionTree(leaves.slice(0, count));
    await group.certify(group.certificate(epoch, tree.certificate));
    return await group.onSettlement("applyExceptions", [epoch, ...tree.chunk(0, count)]);
  };
  const firstChunk = await apply(1, 50);
  const chunk = await apply(2, 50);
  const [first, fifty] = [Number(firstChunk.gasUsed), Number(chunk.gasUsed)];
  const ten = Number((await apply(3, 10)).gasUsed);
  const leaf = (fifty - ten) / 40;
  await note("exceptions: missed leaf", leaf, 30_000, chunk);
  await note("exceptions: missed leaf, first of 256 epochs", (first - fifty) / 50 + leaf, 30_000, firstChunk);
  await note("exceptions: fixed part", fifty - 50 * leaf, 54_500, chunk);
  await group.chain.close();
});

async function registerGas(group: Group): Promise<void> {
  const args = (id: number) => [
    testAccount(id).address,
    "/ip4/203.0.113.77/tcp/4001/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo",
    keccak256(stringToHex("domain")),
    1n << 32n,
    true,
    1000n * TOKENS,
  ];
  await note("register provider", await group.onStaking("registerProvider", args(60)), 150_000);
  const [operator, endpoint, , , , stake] = args(61);
  await note(
    "register keeper",
    await group.onStaking("registerKeeper", [operator, endpoint, stake]),
    180_000,
  );
}

async function orderGas(slots: number, perSlot: number): Promise<void> {
  const group = await createGroup({ providers: slots });
  await group.onOrders("deposit", [10_000n * TOKENS]);
  await note("deposit", await group.onOrders("deposit", [10_000n * TOKENS]), 90_000);
  const orders = [];
  for (const salt of ["first", "second"]) {
    const order = await group.order({ stripes: 64, endEpoch: 40, salt: keccak256(stringToHex(salt)) });
    const receipt = await group.open(order);
    orders.push(order);
    if (salt === "first") continue;
    await note(`open, ${slots} slots, per slot`, Number(receipt.gasUsed) / slots, perSlot, receipt);
  }
  for (let epoch = 1; epoch <= 3; epoch++) {
    await group.toEpoch(epoch);
    const tree = exceptionTree([missedLeaf(2)]);
    const exceptions = epoch === 2 ? tree.certificate : {};
    await group.certify(group.certificate(epoch, exceptions));
    if (epoch === 2) await group.onSettlement("applyExceptions", [epoch, ...tree.chunk(0, 1)]);
  }
  await group.onOrders("settle", [orders[0], 3]);
  await group.onOrders("settle", [orders[1], 3]);
  const settled = await group.onOrders("settle", [orders[0], 4]);
  const settleBudget = slots < 20 ? 19_000 : 15_000;
  await note(`settle, ${slots} slots, per slot`, Number(settled.gasUsed) / slots, settleBudget, settled);
  await note("end", await group.onOrders("end", [orders[0]]), 80_000);
  if (slots === 9) await registerGas(group);
  await group.chain.close();
}

test("orders cost by slot", async () => {
  await orderGas(9, 30_000);
  await orderGas(20, 24_000);
});

const salted = (index: number) => ({ salt: numberToHex(index, { size: 32 }) });

test("lost leaves cost by leaf and by evicted slot, offers by leaf", async () => {
  const group = await createDisputeGroup({
    ...{ slots: 9, providers: 10, stripes: 1 },
    // Time to open orders.
    parameters: { evictionCap: 10_000, epochLength: 600, applyWindow: 6000, unbondingDelay: 50_000 },
  });
  const ids = [group.id];
  while (ids.length < 31) ids.push(orderId(await group.openOrder({ ...salted(ids.length), startEpoch: 1 })));
  await group.epoch(1);
  /** Leaves of provider 1, each with so many slots of orders from the list. */
  const take = (leaves: number, entries: number) =>
    Array.from({ length: leaves }, (_, part) =>
      group.lost(
        1,
        ids
          .splice(0, entries)
          .sort()
          .map((id) => group.entry(0, 0, id)),
        part,
      ),
    );
  const all = [...ids];
  const gasOf = async (epoch: number, ...leaves: readonly TestLeaf[]) =>
    Number((await group.epoch(epoch, ...leaves)).gasUsed);
  await gasOf(2, ...take(1, 1));
  const five = await gasOf(3, ...take(5, 1));
  const tenLeaves = await group.epoch(4, ...take(10, 1));
  const ten = Number(tenLeaves.gasUsed);
  const largerLeaves = await group.epoch(5, ...take(5, 3));
  const larger = Number(largerLeaves.gasUsed);
  const slot = (larger - five) / 10;
  await note("exceptions: evicted slot", slot, 57_500, largerLeaves);
  await note("exceptions: lost leaf, without its slots", (ten - five) / 5 - slot, 61_000, tenLeaves);
  const offers = (from: number, to: number, epoch: number) =>
    all.slice(from, to).map((id) => offerLeaf(10, group.opened.get(id)!, 0, epoch + 4));
  await gasOf(6, ...offers(0, 1, 6));
  const few = await gasOf(7, ...offers(1, 6, 7));
  const many = await group.epoch(8, ...offers(6, 21, 8));
  await note("exceptions: offer leaf", (Number(many.gasUsed) - few) / 10, 40_000, many);
  await group.chain.close();
});

test("repairs cost by slot", async () => {
  const group = await createRepairGroup({
    ...{ slots: 9, providers: 12 },
    parameters: { evictionCap: 10_000, epochLength: 600, applyWindow: 6000, unbondingDelay: 50_000 },
  });
  for (const epoch of [1, 2]) await group.epoch(epoch);
  const records = [await group.evict(3, 0), await group.evict(4, 1)];
  await group.evict(5, 2);
  await group.evict(6, 3);
  // Four of nine slots are vacant and two parities are all there are: what nobody takes can be given up.
  await group.epoch(7, group.offer(10, 0, 10), group.offer(11, 1, 10));
  await group.onRepairs("voidSlot", [group.order, 2]);
  await note("void a slot", await group.onRepairs("voidSlot", [group.order, 3]), 90_000);
  await group.accept(0, 10);
  await note("accept a repair", await group.accept(1, 11), 200_000);
  await group.epoch(8);
  await group.close(records[0]!);
  await note("close a record, one slot slashed", await group.close(records[1]!), 260_000);
  await group.claim(0, 3, 8);
  await note("claim a bonus", await group.claim(1, 4, 8), 120_000);
  await group.settle(7);
  const settled = await group.settle(8);
  await note("settle, 9 slots, four of them changed, per slot", Number(settled.gasUsed) / 9, 30_000, settled);
  await group.onStaking("setExiting", [5, true]);
  await note("leave, or stay", await group.onStaking("setExiting", [6, true]), 60_000);
  await group.chain.close();
});

test("going in and out costs the same whatever the group holds", async () => {
  const group = await createRepairGroup({ slots: 9, providers: 9, order: { endEpoch: 6 } });
  const short = await group.openOrder({ startEpoch: 1, endEpoch: 6, salt: numberToHex(1, { size: 32 }) });
  for (let epoch = 1; epoch <= 6; epoch++) await group.epoch(epoch);
  await group.settle(6);
  const closed = await group.settle(6, short);
  await note("settle and close, 9 slots, per slot", Number(closed.gasUsed) / 9, 25_000, closed);
  await group.onOrders("releaseCollateral", [group.order]);
  const released = await group.onOrders("releaseCollateral", [short]);
  await note("release collateral, 9 slots, per slot", Number(released.gasUsed) / 9, 20_000, released);
  await group.onOrders("withdrawCredit", [1]);
  await note("withdraw credit", await group.onOrders("withdrawCredit", [2]), 80_000);
  await group.onOrders("requestWithdrawal", [1n]);
  await note("announce a withdrawal", await group.onOrders("requestWithdrawal", [2n]), 60_000);
  await group.onStaking("addStake", [0, 1, TOKENS]);
  await note("add stake", await group.onStaking("addStake", [0, 2, TOKENS]), 80_000);
  await group.onStaking("requestUnbonding", [0, 1, TOKENS]);
  await note("unbond stake", await group.onStaking("requestUnbonding", [0, 2, TOKENS]), 80_000);
  await group.chain.helpers.time.increase(PARAMETERS.unbondingDelay);
  await note("withdraw", await group.onOrders("withdraw", []), 80_000);
  await group.onStaking("withdrawStake", [0, 1]);
  await note("withdraw stake", await group.onStaking("withdrawStake", [0, 2]), 80_000);
  await group.chain.close();
});

test("appeals cost by shard", async () => {
  const group = await createDisputeGroup({
    ...{ slots: 9, providers: 10, stripes: 1 },
    parameters: { evictionCap: 10_000, epochLength: 600, applyWindow: 6000, unbondingDelay: 50_000 },
  });
  const ids = [group.id];
  while (ids.length < 6) ids.push(orderId(await group.openOrder({ ...salted(ids.length), startEpoch: 1 })));
  await group.epoch(1);
  const lose = async (epoch: number, of: readonly Hex[]) => {
    const entries = [...of].sort().map((id) => group.entry(0, 0, id));
    return group.recorded(await group.epoch(epoch, group.lost(1, entries)));
  };
  const [first, second, third] = [
    await lose(2, ids.slice(0, 1)),
    await lose(3, ids.slice(1, 2)),
    await lose(4, ids.slice(2)),
  ];
  await group.appeal(first);
  const one = await group.appeal(second);
  await note("appeal, one shard", one, 130_000);
  const four = await group.appeal(third);
  await note("appeal, each further shard", Number(four.gasUsed - one.gasUsed) / 3, 80_000, four);
  await group.passWindow(third);
  await group.closeRecord(first);
  await note("close a record, one slot spared", await group.closeRecord(second), 150_000);
  await group.chain.close();
});

test("direct challenges cost the same whatever the provider holds", async () => {
  const group = await createDisputeGroup({
    ...{ slots: 9, providers: 10, stripes: 4 },
    parameters: { epochLength: 600, applyWindow: 6000, unbondingDelay: 50_000 },
  });
  const responded = async (slot: number, stripe: number) => {
    const { ticket, receipt } = await group.challenge(slot, stripe);
    const answer = await group.answer(ticket.draw, ticket);
    const response = await group.onDisputes("respond", [ticket, answer], testAccount(3 + slot));
    return [receipt, response] as const;
  };
  await responded(1, 3);
  const [challenge, response] = await responded(1, 2);
  await note("direct challenge", challenge, 140_000);
  const both = Number(challenge.gasUsed + response.gasUsed);
  await note("direct challenge and response", both, 240_000, response);
  for (const slot of [3, 4]) {
    const { ticket } = await group.challenge(slot, 3);
    await group.passWindow(ticket);
    const closed = await group.onDisputes("closeChallenge", [ticket, group.order]);
    if (slot === 4) await note("close a challenge, slot evicted and slashed", closed, 400_000);
  }
  await group.chain.close();
});

test("an equivocation costs the same in every group", async () => {
  const group = await createGroup({ keepers: 10, providers: 0 });
  for (const member of [1, 2]) {
    const account = group.keepers[member]!.account;
    const a = group.certificate(1);
    const b = group.certificate(1, { resultsRoot: keccak256("0x") });
    const signatures = [await signCommit(group.place, a, account), await signCommit(group.place, b, account)];
    const receipt = await group.onSettlement("reportEquivocation", [a, b, member, ...signatures]);
    if (member === 2) await note("equivocation", receipt, 130_000);
  }
  await group.chain.close();
});

test("a keeper can be masked in as many rosters as there may be", async () => {
  const group = await createGroup({ keepers: 32, providers: 0, parameters: { termLength: 4 } });
  for (let term = 1; term <= 256; term++) {
    await group.toEpoch(4 * term - 1);
    await group.onSettlement("rotate", []);
  }
  const [a, b] = [group.certificate(1), group.certificate(1, { resultsRoot: keccak256("0x") })];
  const account = group.keepers[31]!.account;
  const signatures = [await signCommit(group.place, a, account), await signCommit(group.place, b, account)];
  const receipt = await group.onSettlement("reportEquivocation", [a, b, 31, ...signatures]);
  assert.equal(await group.read.settlement("masked", [256]), 2 ** 31);
  assert.equal(await group.read.settlement("masked", [1]), 2 ** 31);
  assert.equal(await group.read.settlement("masked", [0]), 0, "the 257th");
  await note("equivocation, 256 rosters of 32 seats", Number(receipt.gasUsed), TRANSACTION_CAP);
  await group.chain.close();
});

after(async () => {
  if (process.env.UPDATE_GAS === "1") {
    await writeFile(SNAPSHOT, `${JSON.stringify(measured, null, 2)}\n`);
    await writeFile(TRACES, formatTraces(traces));
    return;
  }
  const snapshot = JSON.parse(await readFile(SNAPSHOT, "utf8")) as Record<string, number>;
  assert.deepEqual(Object.keys(measured), Object.keys(snapshot), "another set of calls than in the snapshot");
  for (const [name, gas] of Object.entries(measured)) {
    const expected = snapshot[name]!;
    assert.ok(
      Math.abs(gas - expected) <= expected * (name.startsWith("appeal") ? DRAWN_SLACK : SLACK),
      `${name}: ${gas} gas, the snapshot says ${expected}. If that is meant: UPDATE_GAS=1 npm test`,
    );
  }
});
