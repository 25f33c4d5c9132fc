import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { numberToHex } from "viem";
import {
  deploymentOf,
  findGroup,
  formatDeployment,
  parseDeployments,
  readDeployment,
  writeDeployment,
} from "../../../protocol/chain/deployment.ts";
import { packThresholds, thresholdsOf } from "../../../protocol/chain/parameters.ts";
import { address, testDeployment } from "./blocks.ts";

type Json = Record<string, unknown>;

describe("repair thresholds", () => {
  it("are sixteen numbers of 16 bits, the first in the highest bits, the last one repeated", () => {
    const packed = packThresholds([2, 0xffff, 12, 24]);
    assert.equal(packed, `0x0002ffff000c${"0018".repeat(13)}`);
    assert.deepEqual(thresholdsOf(packed), [2, 0xffff, 12, ...Array(13).fill(24)]);
  });
});

describe("deployment file", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-deployment-"));
  });
  after(() => rm(directory, { recursive: true }));

  const text = (changes: Json = {}): string =>
    JSON.stringify({ ...(JSON.parse(formatDeployment(testDeployment)) as Json), ...changes });
  const chain = (changes: Json = {}): Json => {
    const { chains } = JSON.parse(text()) as { chains: Record<string, Json> };
    return { ...chains[testDeployment.chainId], ...changes };
  };
  const twoChains = (): string => text({ chains: { 31337: chain(), 560048: chain({ token: address(77) }) } });

  it("comes back as written, money included", async () => {
    const path = join(directory, "written.json");
    await writeDeployment(path, testDeployment);
    assert.deepEqual(await readDeployment(path), testDeployment);
    await assert.rejects(readDeployment(join(directory, "none")), { code: "DEPLOYMENT_MISSING" });
  });

  it("is refused by name when newer or older, and when anything in it is wrong", () => {
    assert.throws(() => parseDeployments(text({ version: 4 })), { code: "DEPLOYMENT_VERSION_NEWER" });
    assert.throws(() => parseDeployments(text({ version: 2 })), { code: "DEPLOYMENT_VERSION_OLD" });
    const [group] = chain().groups as { parameters: Json }[];
    const withChain = (changes: Json) => text({ chains: { 31337: chain(changes) } });
    const wrong = [
      "{",
      "[]",
      text({ extra: 1 }),
      text({ chains: { sepolia: chain() } }),
      text({ chains: { "031337": chain() } }),
      withChain({ token: "0x12" }),
      withChain({ groups: [] }),
      withChain({ extra: 1 }),
      withChain({ groups: [{ ...group, parameters: { ...group?.parameters, epochLength: 0 } }] }),
      withChain({ groups: [{ ...group, parameters: { ...group?.parameters, repairThresholds: "0x00" } }] }),
      withChain({ groups: [{ ...group, repairs: undefined }] }),
    ];
    for (const each of wrong) assert.throws(() => parseDeployments(each), { code: "DEPLOYMENT_INVALID" });
  });

  it("gives the chain that is named, or its only one", () => {
    assert.equal(deploymentOf(parseDeployments(text())).chainId, 31_337);
    const two = parseDeployments(twoChains());
    assert.equal(deploymentOf(two, 560_048).token, address(77));
    assert.equal(deploymentOf(two, 31_337).token, address(2));
    assert.throws(() => deploymentOf(two), { code: "DEPLOYMENT_CHAIN_UNKNOWN" });
    assert.throws(() => deploymentOf(two, 1), { code: "DEPLOYMENT_CHAIN_UNKNOWN" });
    assert.throws(() => deploymentOf({ version: 3, chains: {} }), { code: "DEPLOYMENT_CHAIN_UNKNOWN" });
  });

  it("asks the chain node which chain it is only when the file has several", async (t) => {
    const asked: string[] = [];
    const node = createServer(async (request, response) => {
      const { id, method } = (await json(request)) as { id: number; method: string };
      asked.push(method);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result: numberToHex(560_048) }));
    });
    await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
    t.after(() => node.close());
    const url = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
    const path = join(directory, "chains.json");

    await writeFile(path, text());
    assert.equal((await readDeployment(path, url)).chainId, 31_337);
    assert.deepEqual(asked, []);
    await writeFile(path, twoChains());
    assert.equal((await readDeployment(path, url)).token, address(77));
    assert.deepEqual(asked, ["eth_chainId"]);
    await assert.rejects(readDeployment(path), { code: "DEPLOYMENT_CHAIN_UNKNOWN" });
  });

  it("gives its only group, or the one that is named", () => {
    const [group] = testDeployment.groups;
    assert.equal(findGroup(testDeployment), group);
    assert.equal(findGroup(testDeployment, group!.settlement.toLowerCase()), group);
    assert.throws(() => findGroup(testDeployment, `0x${"00".repeat(20)}`), { code: "GROUP_UNKNOWN" });
    const two = {
      ...testDeployment,
      groups: [group!, { ...group!, settlement: `0x${"99".repeat(20)}` as const }],
    };
    assert.throws(() => findGroup(two), { code: "GROUP_UNKNOWN" });
  });
});
