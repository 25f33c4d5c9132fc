import assert from "node:assert/strict";
import { test } from "node:test";
import { createPublicClient, custom, HttpRequestError, RpcRequestError } from "viem";
import { readDevelopmentChain } from "../../../scripts/embedded/developmentChain.ts";
import { isUnanswered } from "../../../scripts/embedded/rpc.ts";
import { answerCall } from "./fakeChain.ts";

const URL_OF_CHAIN = "http://127.0.0.1:8545";

/** What a node answers, by method; an error is thrown. */
type Answers = Record<string, unknown>;

const unknownMethod = () =>
  new RpcRequestError({ body: {}, url: URL_OF_CHAIN, error: { code: -32_601, message: "Method not found" } });
const nobody = () => new HttpRequestError({ url: URL_OF_CHAIN, details: "fetch failed" });

const ANVIL: Answers = {
  eth_chainId: "0x7a69",
  hardhat_metadata: { clientVersion: "anvil/v1.7.1", chainId: 31_337, forkedNetwork: null },
  hardhat_getAutomine: true,
  anvil_getIntervalMining: null,
  eth_blockNumber: "0x0",
  eth_call: answerCall,
};

function createNode(answers: Answers) {
  const asked: string[] = [];
  const request = async ({ method, params }: { method: string; params?: unknown[] }): Promise<unknown> => {
    asked.push(method);
    const answer = method in answers ? answers[method] : unknownMethod();
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? answer(params) : answer;
  };
  const client = createPublicClient({ transport: custom({ request }, { retryCount: 0 }), cacheTime: 0 });
  return { asked, read: () => readDevelopmentChain(URL_OF_CHAIN, client) };
}

test("a development chain says its id, its version and when it mines", async () => {
  const { read } = createNode(ANVIL);
  assert.deepEqual(await read(), { id: 31_337, version: "anvil/v1.7.1", mining: { auto: true } });
});

test("any chain id will do, and the interval of one that mines by the clock is known", async () => {
  const answers = { ...ANVIL, eth_chainId: "0x2329", hardhat_getAutomine: false, anvil_getIntervalMining: 2 };
  const { read } = createNode(answers);
  assert.deepEqual(await read(), { id: 9001, version: "anvil/v1.7.1", mining: { auto: false, interval: 2 } });
});

test("a node that does not tell its interval is taken at its word about the rest", async () => {
  const { anvil_getIntervalMining: _, ...hardhat } = ANVIL;
  assert.deepEqual((await createNode(hardhat).read()).mining, { auto: true });
});

test("where nobody answers, that is said", async () => {
  const { read, asked } = createNode({ eth_chainId: nobody() });
  await assert.rejects(read(), { code: "CHAIN_UNREACHABLE" });
  assert.deepEqual(asked, ["eth_chainId"]);
});

test("a chain that is no development chain is asked two things that change nothing, and refused by its id", async () => {
  const { read, asked } = createNode({ eth_chainId: "0xaa36a7" });
  const details = { url: URL_OF_CHAIN, id: 11_155_111 };
  await assert.rejects(read(), { code: "CHAIN_NOT_DEVELOPMENT", details });
  assert.deepEqual(asked, ["eth_chainId", "hardhat_metadata"]);
});

test("no question to a development chain changes it", async () => {
  const { read, asked } = createNode(ANVIL);
  await read();
  const questions = new Set(Object.keys(ANVIL));
  assert.deepEqual(
    asked.filter((method) => !questions.has(method)),
    [],
  );
});

test("a fork carries another chain's state and is refused", async () => {
  const forkedNetwork = { chainId: 1, forkBlockNumber: 20_000_000 };
  const metadata = { clientVersion: "anvil/v1.7.1", chainId: 1, forkedNetwork };
  await assert.rejects(createNode({ ...ANVIL, hardhat_metadata: metadata }).read(), { code: "CHAIN_FORKED" });
});

test("a development chain that cannot do what the contracts need is refused too", async () => {
  const { read } = createNode({ ...ANVIL, eth_call: () => "0x" });
  await assert.rejects(read(), { code: "CHAIN_WITHOUT_POINT_EVALUATION" });
});

test("an answer that is an error is an answer; none at all is not", () => {
  assert.equal(isUnanswered(unknownMethod()), false);
  assert.equal(isUnanswered(new HttpRequestError({ url: URL_OF_CHAIN, status: 403 })), false);
  assert.equal(isUnanswered(nobody()), true);
  assert.equal(isUnanswered(new Error("else")), false);
});
