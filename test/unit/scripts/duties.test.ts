import assert from "node:assert/strict";
import { test } from "node:test";
import { type RunningNode, settleDuties } from "../../../scripts/embedded/duties.ts";

function node(name: string, head: bigint, pending = 0) {
  const state = { head, pending };
  const running: RunningNode = { name, headProcessed: () => state.head, pending: () => state.pending };
  return { state, running };
}

test("nodes that have read up to the newest final block and owe nothing are settled at once", async () => {
  assert.deepEqual(await settleDuties(() => [node("a", 8n).running], 10n, 2, 0), []);
});

test("who is behind or still has a duty is waited for", async () => {
  const behind = node("behind", 7n);
  const busy = node("busy", 8n, 1);
  setTimeout(() => {
    behind.state.head = 8n;
    busy.state.pending = 0;
  }, 30);
  assert.deepEqual(await settleDuties(() => [behind.running, busy.running], 10n, 2, 10_000), []);
  assert.deepEqual([behind.state.head, busy.state.pending], [8n, 0]);
});

test("after the cap the late ones are named", async () => {
  const nodes = [node("behind", 7n).running, node("done", 8n).running, node("busy", 8n, 2).running];
  assert.deepEqual(await settleDuties(() => nodes, 10n, 2, 1), ["behind", "busy"]);
});
