import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Address, getContractAddress } from "viem";
import { type JournalEntry, readJournal } from "../../../ignition/readJournal.ts";
import type { Deployment } from "../../../protocol/chain/deployment.ts";
import { mergeDeployment } from "../../../scripts/deploy/known.ts";
import { planDeployment } from "../../../scripts/deploy/plan.ts";
import { describePlan } from "../../../scripts/deploy/print.ts";
import { address, testDeployment } from "../chain/blocks.ts";

const SENDER: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const at = (nonce: number) => getContractAddress({ from: SENDER, nonce: BigInt(nonce) });
const create = (futureId: string, gas: bigint) => ({ futureId, gas, input: "0x" as const, creates: true });
const REHEARSED = [
  create("Factory#StakingLogic", 3_000_000n),
  create("Token#MemoToken", 1_000_000n),
  create("Factory#GroupFactory", 2_000_000n),
  { ...create("Group_main#createGroup", 500_000n), creates: false },
];

function plan(changes: { journal?: JournalEntry[]; nonce?: number; dataFee?: bigint } = {}) {
  const { journal = [], nonce = 5, dataFee } = changes;
  return planDeployment({
    rehearsed: REHEARSED,
    journal: new Map(journal.map((entry) => [entry.futureId, entry])),
    sender: SENDER,
    nonce,
    groupName: "main",
    fee: { now: 10n ** 9n, most: 3n * 10n ** 9n },
    dataFee,
  });
}

describe("the plan of a deployment", () => {
  it("gives each transaction the next nonce and each contract the address that follows", () => {
    const { steps, factory, token, gas, cost, mostCost } = plan();
    assert.deepEqual(
      steps.map(({ title, state, address: place }) => [title, state, place]),
      [
        ["Staking (logic)", "to do", at(5)],
        ["MemoToken", "to do", at(6)],
        ["GroupFactory", "to do", at(7)],
        ['group "main"', "to do", undefined],
      ],
    );
    assert.deepEqual([factory, token], [at(7), at(6)]);
    assert.equal(gas, 6_500_000n);
    assert.equal(cost, 6_500_000n * 10n ** 9n);
    assert.equal(mostCost, 3n * cost);
  });

  it("counts only what is to do, and what was sent keeps its nonce", () => {
    const entry = { done: false, lost: false, failed: false };
    const journal: JournalEntry[] = [
      { ...entry, futureId: "Factory#StakingLogic", done: true, nonce: 2, address: address(77) },
      { ...entry, futureId: "Token#MemoToken", nonce: 3, transaction: "0x12" },
    ];
    const { steps, gas, cost } = plan({ journal, nonce: 4, dataFee: 7n });
    assert.deepEqual(
      steps.map(({ state, address: place }) => [state, place]),
      [
        ["done", address(77)],
        ["sent", at(3)],
        ["to do", at(4)],
        ["to do", undefined],
      ],
    );
    assert.equal(gas, 2_500_000n);
    assert.equal(cost, 2_500_000n * 10n ** 9n + 7n);
  });

  it("is printed with gas, addresses and cost, rounded up", () => {
    const text = describePlan(plan({ dataFee: 1n })).join("\n");
    assert.match(text, new RegExp(`Staking \\(logic\\) +3 000 000 +${at(5)} +to do`));
    assert.match(text, /6 500 000 gas × 1 gwei = 0\.0065 \+ 0\.000001 for data on L1/);
    assert.match(text, /costs 0\.006501 coin, at most 0\.019501 if the price rises to 3 gwei/);
  });
});

describe("the journal of a deployment", () => {
  const read = async (messages: object[], tail = "") => {
    const folder = await mkdtemp(join(tmpdir(), "memo-journal-"));
    const text = messages.map((message) => `\n${JSON.stringify(message)}`).join("") + tail;
    await writeFile(join(folder, "journal.jsonl"), text);
    const entries = await readJournal(folder);
    await rm(folder, { recursive: true });
    return entries.get("A");
  };
  const about = (type: string, more: object = {}) => ({ type, futureId: "A", ...more });
  const begun = [
    about("DEPLOYMENT_EXECUTION_STATE_INITIALIZE"),
    about("TRANSACTION_PREPARE_SEND", { nonce: 4 }),
  ];
  const sent = [...begun, about("TRANSACTION_SEND", { nonce: 4, transaction: { hash: "0x01" } })];

  it("says of a transaction that was prepared only that nobody knows whether it was sent", async () => {
    assert.deepEqual(await read(begun), { futureId: "A", done: false, failed: false, lost: true, nonce: 4 });
    const partial = '\n{"type":"TRANSACTION_SEND","futureId":"A","trans';
    assert.equal((await read(begun, partial))?.lost, true);
    assert.equal((await read(sent))?.lost, false);
  });

  it("keeps the transaction that counted and the address", async () => {
    const end = { result: { type: "SUCCESS", address: SENDER } };
    const messages = [
      ...sent,
      about("TRANSACTION_SEND", { nonce: 4, transaction: { hash: "0x02" } }),
      about("TRANSACTION_CONFIRM", { hash: "0x01" }),
      about("DEPLOYMENT_EXECUTION_STATE_COMPLETE", end),
    ];
    const entry = await read(messages);
    assert.deepEqual([entry?.done, entry?.transaction, entry?.address], [true, "0x01", SENDER]);
  });

  it("knows what failed, what is sent anew and what was taken back", async () => {
    const reverted = about("CALL_EXECUTION_STATE_COMPLETE", { result: { type: "REVERTED_TRANSACTION" } });
    assert.equal((await read([...sent, reverted]))?.failed, true);
    assert.equal((await read([...sent, about("ONCHAIN_INTERACTION_TIMEOUT")]))?.failed, true);
    assert.equal((await read([...sent, about("ONCHAIN_INTERACTION_DROPPED")]))?.nonce, undefined);
    assert.equal(await read([...sent, about("WIPE_APPLY")]), undefined);
    assert.equal((await readJournal(join(tmpdir(), "nowhere"))).size, 0);
  });
});

describe("a deployment joins a deployment file", () => {
  const group = testDeployment.groups[0]!;
  const { chainId: _, ...chain } = testDeployment;
  const other = { ...group, groupId: 2, settlement: address(55) };
  const empty = { version: 3 as const, chains: {} };

  it("beside other chains and other groups", () => {
    const known = { ...empty, chains: { 5: chain } };
    const first = mergeDeployment(known, testDeployment);
    assert.deepEqual(first.chains, { 5: chain, [testDeployment.chainId]: chain });
    const second = mergeDeployment(first, { ...testDeployment, groups: [other] });
    assert.deepEqual(second.chains[testDeployment.chainId]!.groups, [group, other]);
    assert.deepEqual(mergeDeployment(second, testDeployment), second);
  });

  it("but never instead of another factory", () => {
    const moved: Deployment = { ...testDeployment, factory: { address: address(99), startBlock: 1 } };
    const known = mergeDeployment(empty, testDeployment);
    assert.throws(() => mergeDeployment(known, moved), { code: "DEPLOYMENT_OTHER_FACTORY" });
  });
});
