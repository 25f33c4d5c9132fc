import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpRequestError, numberToHex, RpcRequestError } from "viem";
import { probeChain } from "../../../scripts/embedded/probeChain.ts";
import { isUnanswered } from "../../../scripts/embedded/rpc.ts";

const URL_OF_CHAIN = "http://127.0.0.1:8545";
const POINT_EVALUATION =
  "0x000000000000000000000000000000000000000000000000000000000000100073eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

/** What a node answers, by method; an error is thrown. A call is answered by what it is made to. */
type Answers = Record<string, unknown>;

const unknownMethod = () =>
  new RpcRequestError({ body: {}, url: URL_OF_CHAIN, error: { code: -32_601, message: "Method not found" } });
const nobody = () => new HttpRequestError({ url: URL_OF_CHAIN, details: "fetch failed" });

const ANVIL: Answers = {
  eth_chainId: "0x7a69",
  hardhat_metadata: { clientVersion: "anvil/v1.7.1", chainId: 31_337, forkedNetwork: null },
  hardhat_getAutomine: true,
  anvil_getIntervalMining: null,
  "call of code": numberToHex(255, { size: 32 }),
  "call of 0x0a": POINT_EVALUATION,
};

function createNode(answers: Answers) {
  const asked: string[] = [];
  const request = async (method: string, params: readonly unknown[] = []): Promise<unknown> => {
    const [{ to }] = (params[0] === undefined ? [{}] : params) as [{ to?: string }];
    const question = method === "eth_call" ? (to === undefined ? "call of code" : "call of 0x0a") : method;
    asked.push(question);
    const answer = question in answers ? answers[question] : unknownMethod();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { asked, probe: () => probeChain(URL_OF_CHAIN, request) };
}

test("a development chain says its id, its version and when it mines", async () => {
  const { probe } = createNode(ANVIL);
  assert.deepEqual(await probe(), { id: 31_337, version: "anvil/v1.7.1", mining: { auto: true } });
});

test("any chain id will do, and the interval of one that mines by the clock is known", async () => {
  const answers = { ...ANVIL, eth_chainId: "0x2329", hardhat_getAutomine: false, anvil_getIntervalMining: 2 };
  const { probe } = createNode(answers);
  assert.deepEqual(await probe(), {
    id: 9001,
    version: "anvil/v1.7.1",
    mining: { auto: false, interval: 2 },
  });
});

test("a node that does not tell its interval is taken at its word about the rest", async () => {
  const { anvil_getIntervalMining: _, ...hardhat } = ANVIL;
  assert.deepEqual((await createNode(hardhat).probe()).mining, { auto: true });
});

test("where nobody answers, that is said", async () => {
  const { probe, asked } = createNode({ eth_chainId: nobody() });
  await assert.rejects(probe(), { code: "CHAIN_UNREACHABLE" });
  assert.deepEqual(asked, ["eth_chainId"]);
});

test("a chain that is no development chain is asked two things that change nothing, and refused by its id", async () => {
  const { probe, asked } = createNode({ eth_chainId: "0xaa36a7" });
  await assert.rejects(probe(), {
    code: "CHAIN_NOT_DEVELOPMENT",
    details: { url: URL_OF_CHAIN, id: 11_155_111 },
  });
  assert.deepEqual(asked, ["eth_chainId", "hardhat_metadata"]);
});

test("no question to a development chain changes it", async () => {
  const { probe, asked } = createNode(ANVIL);
  await probe();
  assert.deepEqual(
    asked.filter((method) => /^evm_|_set|mine$/.test(method) && !method.endsWith("getAutomine")),
    [],
  );
});

test("a fork carries another chain's state and is refused", async () => {
  const forkedNetwork = { chainId: 1, forkBlockNumber: 20_000_000 };
  const metadata = { clientVersion: "anvil/v1.7.1", chainId: 1, forkedNetwork };
  await assert.rejects(createNode({ ...ANVIL, hardhat_metadata: metadata }).probe(), {
    code: "CHAIN_FORKED",
  });
});

for (const [what, answer] of [
  ["refuses the opcode", unknownMethod()],
  ["gives back something else", "0x"],
] as const) {
  test(`a chain that ${what} of Osaka is too old`, async () => {
    await assert.rejects(createNode({ ...ANVIL, "call of code": answer }).probe(), { code: "CHAIN_TOO_OLD" });
  });
}

for (const [what, answer] of [
  ["succeeds emptily", "0x"],
  ["fails", unknownMethod()],
  ["returns one right word only", POINT_EVALUATION.slice(0, 66)],
  ["returns another modulus", `${POINT_EVALUATION.slice(0, -1)}2`],
] as const) {
  test(`a chain whose call of 0x0a ${what} has no point evaluation`, async () => {
    const { probe } = createNode({ ...ANVIL, "call of 0x0a": answer });
    await assert.rejects(probe(), { code: "CHAIN_WITHOUT_POINT_EVALUATION" });
  });
}

test("an answer that is an error is an answer; none at all is not", () => {
  assert.equal(isUnanswered(unknownMethod()), false);
  assert.equal(isUnanswered(new HttpRequestError({ url: URL_OF_CHAIN, status: 403 })), false);
  assert.equal(isUnanswered(nobody()), true);
  assert.equal(isUnanswered(new Error("else")), false);
});
