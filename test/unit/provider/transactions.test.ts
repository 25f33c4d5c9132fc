import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createPublicClient, createWalletClient, custom } from "viem";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createMetrics } from "../../../protocol/runtime/metrics.ts";
import { createActs } from "../../../provider/acts.ts";
import { createTransactions } from "../../../provider/transactions.ts";
import { operatorAccount, SETTLEMENT } from "./support.ts";

/** A chain that answers counts and heads and stops at the first simulation. */
function start(chain: { mined: number; sent: number; head: number }) {
  const asked: string[] = [];
  const transport = custom(
    {
      async request({ method, params }: { method: string; params: unknown[] }) {
        asked.push(method);
        if (method === "eth_getTransactionCount") {
          return `0x${(params[1] === "pending" ? chain.sent : chain.mined).toString(16)}`;
        }
        if (method === "eth_blockNumber") return `0x${chain.head.toString(16)}`;
        throw new Error(`${method} is not answered`);
      },
    },
    { retryCount: 0 },
  );
  const transactions = createTransactions({
    walletClient: createWalletClient({ account: operatorAccount, transport }),
    publicClient: createPublicClient({ transport }),
    pollMs: 10,
    logger: createSilentLogger(),
    metrics: createMetrics({ prefix: "provider" }),
  });
  const send = async () => {
    const error = await transactions
      .send({ address: SETTLEMENT, abi: stakingAbi, functionName: "setExiting", args: [1, true] })
      .catch((cause: unknown) => cause);
    assert.ok(error instanceof MemoError);
    return error.code;
  };
  return { asked, send };
}

describe("transactions after a restart", () => {
  it("wait until those of the run before are mined", async () => {
    const chain = { mined: 4, sent: 5, head: 10 };
    const { asked, send } = start(chain);
    assert.equal(await send(), "EARLIER_TRANSACTIONS");
    assert.ok(!asked.includes("eth_call"));
    chain.mined = 5;
    await send();
    assert.ok(asked.includes("eth_call"));
  });

  it("do not wait for ever for one that is stuck", async () => {
    const chain = { mined: 4, sent: 5, head: 10 };
    const { send } = start(chain);
    assert.equal(await send(), "EARLIER_TRANSACTIONS");
    chain.head = 29;
    assert.equal(await send(), "EARLIER_TRANSACTIONS");
    chain.head = 30;
    assert.notEqual(await send(), "EARLIER_TRANSACTIONS");
  });
});

describe("acts", () => {
  function startActs() {
    const world = { head: 10, done: 0, minedAt: 12 };
    const acts = createActs({ head: () => world.head, logger: createSilentLogger() });
    const look = async () => {
      acts.start("key", async () => {
        world.done++;
        await turn();
        return { minedAt: world.minedAt };
      });
      acts.start("key", async () => assert.fail("it is under way"));
      while (acts.pending() > 0) await turn();
      return world.done;
    };
    return { world, acts, look };
  }

  it("are done once while their block is not final, and again when final state still asks", async () => {
    const { world, look } = startActs();
    assert.equal(await look(), 1);
    world.head = 11;
    // A second start before the block is final does nothing.
    const again = createActs({ head: () => world.head, logger: createSilentLogger() });
    again.start("key", async () => ({ minedAt: 12 }));
    while (again.pending() > 0) await turn();
    again.start("key", async () => assert.fail("not final yet"));
    assert.equal(again.pending(), 0);
    world.head = 12;
    assert.equal(await look(), 2);
  });

  it("are tried again after a failure, and not after the end", async () => {
    const { acts } = startActs();
    let tries = 0;
    const fail = async () => {
      tries++;
      throw new MemoError("CHAIN_UNAVAILABLE", "down", { retryable: true });
    };
    for (let round = 0; round < 2; round++) {
      acts.start("other", fail);
      while (acts.pending() > 0) await turn();
    }
    assert.equal(tries, 2);
    await acts.stop();
    acts.start("other", fail);
    assert.equal(tries, 2);
  });
});
