import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import { numberToHex } from "viem";
import { privateKeyToAddress } from "viem/accounts";
import { BLOCK_SECONDS } from "../../../scripts/embedded/conductor.ts";
import { borrowChain } from "../../../scripts/embedded/foreignChain.ts";
import { answerCall } from "./fakeChain.ts";

const KEY = `0x${"11".repeat(32)}` as const;

interface Call {
  method: string;
  params: [{ to?: string } & string, never];
}

/** A development chain over HTTP that is only as much as is asked of it. */
async function createChain(options: { interval?: number | null; obeys?: boolean } = {}) {
  const { interval = null, obeys = true } = options;
  const chain = { auto: true, interval, number: 7, timestamp: 1000, next: 0, funded: [] as string[] };
  const methods: Record<string, (params: Call["params"]) => unknown> = {
    eth_chainId: () => "0x2329",
    hardhat_metadata: () => ({ clientVersion: "anvil/v1.7.1" }),
    hardhat_getAutomine: () => chain.auto,
    anvil_getIntervalMining: () => chain.interval,
    eth_call: answerCall,
    // Too few blocks to say anything of prevRandao.
    eth_blockNumber: () => "0x0",
    evm_setAutomine: ([auto]) => {
      chain.auto = Boolean(auto);
    },
    evm_setIntervalMining: ([seconds]) => {
      chain.interval = Number(seconds);
    },
    hardhat_setBalance: ([address]) => chain.funded.push(address),
    evm_setNextBlockTimestamp: ([time]) => {
      chain.next = Number(time);
    },
    evm_mine: () => {
      chain.number += 1;
      chain.timestamp = obeys ? chain.next : chain.timestamp + 12;
    },
    eth_getBlockByNumber: () => ({
      number: numberToHex(chain.number),
      timestamp: numberToHex(chain.timestamp),
    }),
  };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { id, method, params } = JSON.parse(body) as Call & { id: number };
    const answer = methods[method];
    const error = { code: -32_601, message: "Method not found" };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ jsonrpc: "2.0", id, ...(answer ? { result: answer(params) ?? null } : { error }) }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return { chain, methods, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

test("a borrowed chain mines no more by itself, and the accounts hold coin", async () => {
  const { chain, url } = await createChain();
  const borrowed = await borrowChain({ url, keys: [KEY] });
  assert.equal(borrowed.id, 9001);
  assert.equal(borrowed.version, "anvil/v1.7.1");
  assert.equal(borrowed.walletClient.chain?.id, 9001);
  assert.deepEqual([chain.auto, chain.interval], [false, 0]);
  assert.deepEqual(chain.funded, [privateKeyToAddress(KEY)]);
  assert.deepEqual([chain.number, chain.timestamp], [8, 1000 + BLOCK_SECONDS]);
});

test("it is given back as it was, once: mining at every transaction", async () => {
  const { chain, url } = await createChain();
  const borrowed = await borrowChain({ url, keys: [] });
  await borrowed.stop();
  assert.equal(chain.auto, true);
  chain.auto = false;
  await borrowed.stop();
  assert.equal(chain.auto, false);
});

test("it is given back as it was: mining every two seconds", async () => {
  const { chain, url } = await createChain({ interval: 2 });
  chain.auto = false;
  const borrowed = await borrowChain({ url, keys: [] });
  assert.equal(chain.interval, 0);
  await borrowed.stop();
  assert.deepEqual([chain.auto, chain.interval], [false, 2]);
});

test("a chain whose blocks have a time of their own is refused, and mines by itself again", async () => {
  const { chain, url } = await createChain({ obeys: false });
  await assert.rejects(borrowChain({ url, keys: [] }), { code: "CHAIN_NOT_DEVELOPMENT" });
  assert.equal(chain.auto, true);
});

for (const method of ["evm_setAutomine", "hardhat_setBalance", "evm_setNextBlockTimestamp", "evm_mine"]) {
  test(`a chain that does not know ${method} is refused`, async () => {
    const { methods, url } = await createChain();
    delete methods[method];
    await assert.rejects(borrowChain({ url, keys: [KEY] }), { code: "CHAIN_NOT_DEVELOPMENT" });
  });
}

test("giving back a chain that has gone meanwhile is no error", async () => {
  const { url } = await createChain();
  const borrowed = await borrowChain({ url, keys: [] });
  for (const close of closing.splice(0)) close();
  await borrowed.stop();
});
