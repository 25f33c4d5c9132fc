import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatHex, encodeFunctionData, keccak256 } from "viem";
import { readIndexerSettings } from "../../../indexer/settings.ts";
import { functionName } from "../../../indexer/src/lib/calls.ts";
import { describePolicy } from "../../../indexer/src/lib/policy.ts";
import { EMPTY_ROLLING_HASH, nextRollingHash } from "../../../indexer/src/lib/rollingHash.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";

describe("reading of events", () => {
  test("the rolling hash folds topics and data of a log into the hash before it", () => {
    const topics = [keccak256("0x01"), keccak256("0x02")];
    const data = "0xabcdef";
    const inner = keccak256(concatHex([...topics, data]));
    const first = keccak256(concatHex([EMPTY_ROLLING_HASH, inner]));
    assert.equal(nextRollingHash(EMPTY_ROLLING_HASH, { topics, data }), first);
    assert.notEqual(nextRollingHash(first, { topics, data }), first);
    assert.notEqual(nextRollingHash(EMPTY_ROLLING_HASH, { topics: [...topics].reverse(), data }), first);
  });

  test("a topic that a log does not have counts for nothing, however it is left out", () => {
    const [topic, data] = [keccak256("0x01"), "0xabcdef"] as const;
    const padded = [topic, null, null, null];
    const hash = nextRollingHash(EMPTY_ROLLING_HASH, { topics: [topic], data });
    assert.equal(nextRollingHash(EMPTY_ROLLING_HASH, { topics: padded, data }), hash);
  });

  test("a policy is told as people write it", () => {
    assert.deepEqual(describePolicy((1 << 16) | (6 << 8) | 3), { policy: "rs(6,3)", k: 6, m: 3 });
    assert.deepEqual(describePolicy((2 << 16) | (1 << 8) | 2), { policy: "copies(3)", k: 1, m: 2 });
  });

  test("a call is named by its function, else by its selector", () => {
    const to = `0x${"11".repeat(20)}` as const;
    const input = encodeFunctionData({ abi: stakingAbi, functionName: "takeSeat", args: [1] });
    assert.equal(functionName("Staking", to, input), "takeSeat");
    assert.equal(functionName("StorageOrders", to, input), input.slice(0, 10));
    assert.equal(functionName(undefined, to, "0x12345678ff"), "0x12345678");
    assert.equal(functionName(undefined, to, "0x"), "0x");
    assert.equal(functionName(undefined, null, "0x60806040"), "create");
  });
});

describe("settings of the indexer", () => {
  const env = { MEMO_DEPLOYMENT: "deployment.json", MEMO_RPC_URL: "http://127.0.0.1:8545" };

  test("come from the environment, with a second between two looks at the chain", () => {
    assert.deepEqual(readIndexerSettings(env), {
      ...{ deploymentPath: "deployment.json", rpcUrl: "http://127.0.0.1:8545", pollingMs: 1000 },
      ...{ pgliteDir: undefined, databaseUrl: undefined },
    });
  });

  for (const [name, change] of Object.entries({
    "no deployment file": { MEMO_DEPLOYMENT: undefined },
    "no RPC": { MEMO_RPC_URL: "" },
    "an RPC that is not HTTP": { MEMO_RPC_URL: "ws://127.0.0.1" },
    "polling faster than Ponder allows": { MEMO_INDEXER_POLLING_MS: "99" },
    "polling that is no number": { MEMO_INDEXER_POLLING_MS: "often" },
    "a database that is not PostgreSQL": { DATABASE_URL: "mysql://x" },
  })) {
    test(`refuse ${name}`, () => {
      assert.throws(() => readIndexerSettings({ ...env, ...change }), { code: "SETTING_INVALID" });
    });
  }
});
