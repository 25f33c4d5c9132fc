import assert from "node:assert/strict";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { parseDeployOptions } from "../../../scripts/deploy/options.ts";

const parse = (...flags: string[]) => parseDeployOptions(["--network", "sepolia", ...flags])!;

describe("the flags of npm run deploy", () => {
  it("have defaults that belong to the network", () => {
    assert.deepEqual(parse(), {
      network: "sepolia",
      group: "main",
      parameters: resolve("ignition/parameters/sepolia.json5"),
      out: resolve("deployments.json"),
      dryRun: false,
      yes: false,
      reset: false,
      verify: [],
      explorerUrls: {},
    });
  });

  it("ask for all explorers, or for those that are named", () => {
    assert.deepEqual(parse("--verify").verify, ["etherscan", "blockscout", "sourcify"]);
    assert.deepEqual(parse("--verify", "sourcify,etherscan").verify, ["sourcify", "etherscan"]);
    const own = parse("--sourcify-url", "http://127.0.0.1:5555/server");
    assert.deepEqual(own.explorerUrls, { sourcify: "http://127.0.0.1:5555/server" });
  });

  it("take names that Ignition and file systems take, and refuse others", () => {
    assert.equal(parse("--group", "a".repeat(32)).group.length, 32);
    assert.equal(parse("--deployment-id", "chain-1_b").deploymentId, "chain-1_b");
    const wrong = [
      [],
      ["--network", "mainnet"],
      ["--network"],
      ["--network", "sepolia", "--group", "a".repeat(33)],
      ["--network", "sepolia", "--group", "1st"],
      ["--network", "sepolia", "--group", "a-b"],
      ["--network", "sepolia", "--deployment-id", "../elsewhere"],
      ["--network", "sepolia", "--rpc-url", "ftp://node"],
      ["--network", "sepolia", "--rpc-url", "node:8545"],
      ["--network", "sepolia", "--verify", "etherscan,otherscan"],
      ["--network", "sepolia", "--force"],
      ["--network", "sepolia", "more"],
    ];
    for (const flags of wrong) {
      assert.throws(() => parseDeployOptions(flags), { code: "FLAG_INVALID" }, flags.join(" "));
    }
  });
});
