import assert from "node:assert/strict";
import { test } from "node:test";
import { totalsOfNodeTest, totalsOfSolidity } from "../../../scripts/testing/totals.ts";

test("whatever did not pass has failed: skipped, postponed and cancelled tests too", () => {
  const counts = { tests: 10, passed: 6, failed: 1, cancelled: 1, skipped: 1, todo: 1 };
  assert.deepEqual(totalsOfNodeTest(JSON.stringify(counts)), { passed: 6, failed: 4 });
});

test("a runner that died without its totals is one failure", () => {
  assert.deepEqual(totalsOfNodeTest(""), { passed: 0, failed: 1 });
});

test("the Solidity runner's own numbers are taken", () => {
  assert.deepEqual(totalsOfSolidity("  12 passing (3 fuzz)\n  2 failing\n", 1), { passed: 12, failed: 2 });
  assert.deepEqual(totalsOfSolidity("  12 passing\n  1 skipped\n", 0), { passed: 12, failed: 1 });
});

test("contracts that do not compile are one failure", () => {
  assert.deepEqual(totalsOfSolidity("Error HHE902", 1), { passed: 0, failed: 1 });
});
