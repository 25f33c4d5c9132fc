import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { keccak256, stringToHex, type TransactionReceipt } from "viem";
import { testAccount } from "../support/contracts/chain.ts";
import { exceptionTree, missedLeaf } from "../support/contracts/exceptions.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/**
 * Gas of whole transactions, cold, in steady state: the same call was made before, with other data. The
 * snapshot is written anew with UPDATE_GAS=1. Signatures and times move a few zero bytes, hence the slack.
 */
const SNAPSHOT = fileURLToPath(new URL("../../snapshots/gas.json", import.meta.url));
const SLACK = 0.01;
const measured: Record<string, number> = {};

function note(name: string, receipt: TransactionReceipt | number, budget: number): void {
  const gas = Math.round(typeof receipt === "number" ? receipt : Number(receipt.gasUsed));
  measured[name] = gas;
  if (process.env.UPDATE_GAS !== "1")
    assert.ok(gas <= budget, `${name} takes ${gas} gas, the budget is ${budget}`);
}

async function certifyGas(keepers: number, budget: number): Promise<void> {
  const group = await createGroup({ keepers, providers: 1 });
  const quorum = Math.floor((2 * keepers) / 3) + 1;
  await group.toEpoch(4);
  await group.certify(group.certificate(1));
  note(`certify ${quorum} of ${keepers}`, await group.certify(group.certificate(2)), budget);
  await group.certify(group.certificate(3, { absent: 1 }));
  const absent = await group.certify(group.certificate(4, { absent: 1 }));
  note(`certify ${quorum} of ${keepers}, one absent`, absent, budget + 10_000);
  await group.chain.close();
}

test("a certificate costs the same whatever the group holds", async () => {
  await certifyGas(10, 100_000);
  await certifyGas(31, 165_000);
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
  const first = Number((await apply(1, 50)).gasUsed);
  const fifty = Number((await apply(2, 50)).gasUsed);
  const ten = Number((await apply(3, 10)).gasUsed);
  const leaf = (fifty - ten) / 40;
  note("exceptions: missed leaf", leaf, 30_000);
  note("exceptions: missed leaf, first of 256 epochs", (first - fifty) / 50 + leaf, 30_000);
  note("exceptions: fixed part", fifty - 50 * leaf, 53_000);
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
  note("register provider", await group.onStaking("registerProvider", args(60)), 150_000);
  const [operator, endpoint, , , , stake] = args(61);
  note("register keeper", await group.onStaking("registerKeeper", [operator, endpoint, stake]), 180_000);
}

async function orderGas(slots: number, perSlot: number): Promise<void> {
  const group = await createGroup({ providers: slots });
  await group.onOrders("deposit", [10_000n * TOKENS]);
  note("deposit", await group.onOrders("deposit", [10_000n * TOKENS]), 90_000);
  const orders = [];
  for (const salt of ["first", "second"]) {
    const order = await group.order({ stripes: 64, endEpoch: 40, salt: keccak256(stringToHex(salt)) });
    const receipt = await group.open(order);
    orders.push(order);
    if (salt === "first") continue;
    note(`open, ${slots} slots, per slot`, Number(receipt.gasUsed) / slots, perSlot);
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
  note(`settle, ${slots} slots, per slot`, Number(settled.gasUsed) / slots, slots < 20 ? 19_000 : 15_000);
  note("end", await group.onOrders("end", [orders[0]]), 80_000);
  if (slots === 9) await registerGas(group);
  await group.chain.close();
}

test("orders cost by slot", async () => {
  await orderGas(9, 30_000);
  await orderGas(20, 24_000);
});

after(async () => {
  if (process.env.UPDATE_GAS === "1") {
    await writeFile(SNAPSHOT, `${JSON.stringify(measured, null, 2)}\n`);
    return;
  }
  const snapshot = JSON.parse(await readFile(SNAPSHOT, "utf8")) as Record<string, number>;
  assert.deepEqual(Object.keys(measured), Object.keys(snapshot), "another set of calls than in the snapshot");
  for (const [name, gas] of Object.entries(measured)) {
    const expected = snapshot[name]!;
    assert.ok(
      Math.abs(gas - expected) <= expected * SLACK,
      `${name}: ${gas} gas, the snapshot says ${expected}. If that is meant: UPDATE_GAS=1 npm test`,
    );
  }
});
