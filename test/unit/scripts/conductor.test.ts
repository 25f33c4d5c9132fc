import assert from "node:assert/strict";
import { test } from "node:test";
import { createPublicClient, custom } from "viem";
import { BLOCK_SECONDS, createConductor } from "../../../scripts/embedded/conductor.ts";

/** A chain that is only as much as the conductor asks for. */
function createFakeChain() {
  const chain = { number: 0, timestamp: 1000, next: 0, pending: [] as string[], mined: [] as number[] };
  const client = createPublicClient({
    transport: custom({
      request: async ({ method, params }: { method: string; params?: unknown[] }) => {
        if (method === "eth_pendingTransactions") return chain.pending;
        if (method === "evm_setNextBlockTimestamp") chain.next = Number(params?.[0]);
        if (method === "evm_mine") {
          chain.number += 1;
          chain.timestamp = chain.next;
          chain.mined.push(chain.pending.length);
          chain.pending = [];
        }
        if (method === "eth_getBlockByNumber") {
          return { number: `0x${chain.number.toString(16)}`, timestamp: `0x${chain.timestamp.toString(16)}` };
        }
        return true;
      },
    }),
  });
  return { chain, client };
}

test("time passes by blocks alone, five seconds each, until the goal is reached", async () => {
  const { chain, client } = createFakeChain();
  const conductor = createConductor({ client, confirmations: 2 });
  const head = await conductor.advanceTime(1012);
  await conductor.stop();
  assert.equal(head.timestamp, 1000 + 3 * BLOCK_SECONDS);
  assert.equal(chain.number, 3);
});

test("a transaction that waits gets its block and the blocks that confirm it, and then the chain rests", async () => {
  const { chain, client } = createFakeChain();
  chain.pending = ["transaction"];
  const mined: bigint[] = [];
  const confirmed = Promise.withResolvers<void>();
  const conductor = createConductor({
    client,
    confirmations: 2,
    onBlock: ({ number }) => {
      mined.push(number);
      if (number === 3n) confirmed.resolve();
    },
  });
  await confirmed.promise;
  // A goal that already holds is answered without a block: the loop has gone round by then.
  await conductor.mineUntil(() => true);
  await conductor.stop();
  assert.deepEqual(chain.mined, [1, 0, 0]);
  assert.deepEqual(mined, [1n, 2n, 3n]);
});

test("no block is mined before the duties are settled, and who was late is said", async () => {
  const { chain, client } = createFakeChain();
  const conductor = createConductor({ client, confirmations: 2, capMs: 50 });
  const asked: [bigint, number, number][] = [];
  conductor.setDuties({
    settle: async (block, capMs) => {
      asked.push([block, capMs, chain.number]);
      return block === 1n ? ["provider 7"] : [];
    },
  });
  const heads = [
    await conductor.mineUntil(({ number }) => number >= 1n),
    await conductor.mineUntil(({ number }) => number >= 2n),
  ];
  await conductor.stop();
  assert.deepEqual(asked, [
    [0n, 50, 0],
    [1n, 50, 1],
  ]);
  assert.deepEqual(
    heads.map((head) => head.late),
    [[], ["provider 7"]],
  );
});

test("a goal that is not reached in its blocks fails, as does one that is open at the end", async () => {
  const { client } = createFakeChain();
  const conductor = createConductor({ client, confirmations: 2 });
  await assert.rejects(
    conductor.mineUntil(() => false, { blocks: 2 }),
    { code: "GOAL_NOT_REACHED" },
  );
  const open = conductor.mineUntil(() => false);
  const refused = assert.rejects(open, { code: "STOPPED" });
  await conductor.stop();
  await refused;
});

test("a chain that has gone away fails the open goals with its error", async () => {
  const failures: string[] = [];
  const client = createPublicClient({
    transport: custom({ request: () => Promise.reject(new Error("gone")) }, { retryCount: 0 }),
  });
  const conductor = createConductor({
    client,
    confirmations: 2,
    onFailure: (error) => failures.push(error.message),
  });
  await assert.rejects(
    conductor.mineUntil(() => true),
    /gone/,
  );
  assert.equal(failures.length, 1);
});

test("the time of the block to come is fixed from the start and after each block, so no clock runs ahead", async () => {
  const { chain, client } = createFakeChain();
  const conductor = createConductor({ client, confirmations: 2 });
  await conductor.mineUntil(() => true);
  assert.equal(chain.next, 1000 + BLOCK_SECONDS);
  await conductor.mineUntil(({ number }) => number >= 2n);
  await conductor.stop();
  assert.equal(chain.next, chain.timestamp + BLOCK_SECONDS);
});
