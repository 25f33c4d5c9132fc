import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createPublicClient, http } from "viem";
import { rpcOf } from "../../scripts/embedded/rpc.ts";
import type { StoryResult } from "../../scripts/story/result.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import { startLocalChain } from "../support/localChain.ts";
import { descendants, type Ended, runProcess, startProcess, untilGone } from "./harness/process.ts";

/* The system on chains that it has not started: `npm start -- --rpc URL`. */

const START = "scripts/start.ts";
const folder = mkdtempSync(join(tmpdir(), "memo-running-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, "file.bin");
writeFileSync(file, Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i * 31) >> 7)));
const flagsOf = (name: string) => ["--file", file, "--port", "0", "--data", join(folder, name)];
/** Too small a network for things to go wrong in it. */
const SMALL = ["--policy", "rs(2,1)", "--providers", "4"];

const resultOf = ({ code, stdout, stderr }: Ended): StoryResult => {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
};

function rpcAt(url: string) {
  return rpcOf(createPublicClient({ transport: http(url), cacheTime: 0 }));
}

describe("the whole story on anvil, under another chain id, mining by the clock until it is borrowed", () => {
  let anvil: Anvil;
  let told: Ended;
  let result: StoryResult;
  before(async () => {
    // A chain that has been running since 2020 as far as its blocks say.
    anvil = await startAnvil({
      chainId: 9001,
      flags: ["--block-time", "2", "--timestamp", "1600000000"],
    });
    told = await runProcess([START, "--rpc", anvil.url, "--once", "--json", ...flagsOf("anvil")]);
    result = resultOf(told);
  });
  after(() => anvil?.stop());

  test("it is said which chain it is, and that it was running", () => {
    assert.match(told.stderr, /chain 9001 at http:\S+, anvil\/v[\d.]+, which was running/);
    assert.equal(result.chain.id, 9001);
    assert.match(result.chain.version ?? "", /^anvil/);
    assert.equal(result.urls.chain, anvil.url);
  });

  test("every epoch is certified, and every fault was meant", () => {
    assert.ok(result.epochs.certified >= 15);
    assert.equal(result.epochs.gaps, 0);
    assert.deepEqual(
      result.faults.filter(({ reason }) => reason === "unknown"),
      [],
    );
  });

  test("what is lost is rebuilt, the accused one is acquitted, the outsider is answered", () => {
    assert.deepEqual(result.offers, { made: 4, accepted: 4, expired: 0, void: 0 });
    assert.deepEqual(
      result.appeals.map(({ accepted }) => accepted),
      [false, true],
    );
    assert.deepEqual(
      result.directChallenges.map(({ answered }) => answered),
      [true, false],
    );
    assert.equal(result.equivocations, 1);
  });

  test("the file comes back with three down, from wallet and chain alone, and with six down", () => {
    assert.deepEqual([result.restored.match, result.restored.providersDown], [true, 3]);
    assert.deepEqual(result.recovered, { match: true });
    assert.deepEqual(result.restoredAfterRepair, { match: true, providersDown: 6 });
  });

  test("the index has read all of it, and every token is accounted for", () => {
    assert.equal(result.index.behind, 0);
    assert.equal(result.balances.conserved, true);
  });

  test("the chain runs on, and mines by the clock again", async () => {
    assert.ok(anvil.isRunning());
    assert.equal(await rpcAt(anvil.url)("anvil_getIntervalMining"), 2);
  });
});

test("a story on a Hardhat node; Ctrl-C in it leaves the chain mining as it did, and the next one starts there", async () => {
  const chain = await startLocalChain();
  const request = rpcAt(chain.url);
  await request("evm_setAutomine", [true]);
  try {
    const network = startProcess([START, "--rpc", chain.url, ...SMALL, ...flagsOf("ended")]);
    await network.said(/registered with stake/);
    assert.equal(await request("hardhat_getAutomine"), false);
    const family = descendants(network.pid);
    network.kill("SIGINT");
    assert.equal((await network.ended).code, 1);
    assert.deepEqual(await untilGone(family, 100), []);
    assert.equal(await request("hardhat_getAutomine"), true);

    const flags = ["--rpc", chain.url, "--once", "--json", ...SMALL, ...flagsOf("whole")];
    const result = resultOf(await runProcess([START, ...flags]));
    assert.match(result.chain.version ?? "", /edr|Hardhat/i);
    assert.deepEqual([result.restored.match, result.restored.providersDown], [true, 1]);
    assert.deepEqual(result.recovered, { match: true });
    assert.equal(result.balances.conserved, true);
    assert.equal(await request("hardhat_getAutomine"), true);
  } finally {
    await chain.stop();
  }
});

test("a chain that ends in the middle ends the story with one readable message", async () => {
  const anvil = await startAnvil({ chainId: 31_337 });
  const network = startProcess([START, "--rpc", anvil.url, ...SMALL, ...flagsOf("lost")]);
  await network.said(/registered with stake/);
  await anvil.stop();
  const { code, stderr } = await network.ended;
  assert.equal(code, 1);
  assert.match(stderr, /The chain cannot go on/);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test("a chain that is no development chain is refused by its id after two questions, with nothing sent", async () => {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { id, method } = JSON.parse(body) as { id: number; method: string };
    asked.push(method);
    const error = { code: -32_601, message: `the method ${method} does not exist` };
    const answer = method === "eth_chainId" ? { result: "0xaa36a7" } : { error };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code, stderr } = await runProcess([START, "--rpc", url, ...flagsOf("public")]);
  server.close();
  assert.equal(code, 1);
  assert.match(stderr, /chain 11155111 at http:\S+ is no development chain/);
  assert.deepEqual(asked, ["eth_chainId", "hardhat_metadata"]);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test("where no chain answers, that is said", async () => {
  const { code, stderr } = await runProcess([START, "--rpc", "http://127.0.0.1:9", ...flagsOf("nobody")]);
  assert.equal(code, 1);
  assert.match(stderr, /No chain answers at http:\/\/127\.0\.0\.1:9 /);
});
