import assert from "node:assert/strict";
import { test } from "node:test";
import { createPool } from "../../../scripts/embedded/pool.ts";

/** A node that knows only some methods. */
function createNode(answers: Record<string, unknown>) {
  const asked: string[] = [];
  const request = async (method: string): Promise<unknown> => {
    asked.push(method);
    if (!(method in answers)) throw new Error(`no ${method}`);
    return answers[method];
  };
  return { asked, answers, hasPending: createPool(request) };
}

test("Hardhat's list of waiting transactions is asked for first", async () => {
  const { hasPending, answers, asked } = createNode({ eth_pendingTransactions: [] });
  assert.equal(await hasPending(), false);
  answers.eth_pendingTransactions = [{}];
  assert.equal(await hasPending(), true);
  assert.deepEqual(asked, ["eth_pendingTransactions", "eth_pendingTransactions"]);
});

test("anvil is asked for the state of its pool, from the second look on for nothing else", async () => {
  const { hasPending, answers, asked } = createNode({ txpool_status: { pending: "0x0", queued: "0x2" } });
  assert.equal(await hasPending(), false);
  answers.txpool_status = { pending: "0x1", queued: "0x0" };
  assert.equal(await hasPending(), true);
  assert.deepEqual(asked, ["eth_pendingTransactions", "txpool_status", "txpool_status"]);
});

test("a node that knows neither fails with its first answer", async () => {
  await assert.rejects(createNode({}).hasPending(), /no eth_pendingTransactions/);
});
