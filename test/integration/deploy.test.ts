import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import solc from "solc";
import { type Address, type Hex, parseEther } from "viem";
import { deploymentOf, parseDeployments, readDeployment } from "../../protocol/chain/deployment.ts";
import { deploy } from "../../scripts/deploy/deploy.ts";
import { parseDeployOptions } from "../../scripts/deploy/options.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import { startExplorers } from "../support/explorers.ts";
import { startRpcProxy } from "../support/rpcProxy.ts";

const ROOT = join(import.meta.dirname, "../..");
const JOURNALS = join(ROOT, "ignition/deployments");
/** Journals of this run, those that were set aside too. */
const OWN = `test-${process.pid}-`;
/** First of the accounts that anvil has unlocked. */
const DEPLOYER: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
/** Its key, which is in anvil's documentation. */
const DEPLOYER_KEY: Hex = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const HOODI = 560_048;
/** What a fresh deployment sends. */
const TRANSACTIONS = 10;

/** Addresses of a printed plan or result, by the word before them. */
function addressesIn(output: string): Record<string, string> {
  const rows = output.matchAll(/^ +(.+?) {2,}(?:[\d ]+? {2,})?(0x[0-9a-fA-F]{40})\b/gm);
  return Object.fromEntries([...rows].map(([, name, address]) => [name, address!.toLowerCase()]));
}

describe("deploying to a chain that nobody here wrote", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-deploy-"));
  });
  after(async () => {
    await rm(directory, { recursive: true });
    for (const folder of await readdir(JOURNALS)) {
      if (folder.startsWith(OWN)) await rm(join(JOURNALS, folder), { recursive: true });
    }
  });

  /** Flags of a deployment with a journal of its own. */
  function flagsOf(name: string, rpcUrl: string, network = "localhost"): string[] {
    const id = `${OWN}${name}`;
    const out = join(directory, `${name}.json`);
    return ["--network", network, "--rpc-url", rpcUrl, "--out", out, "--deployment-id", id];
  }
  const run = async (flags: readonly string[]): Promise<string> => {
    const lines: string[] = [];
    await deploy(parseDeployOptions(flags)!, { say: (line) => void lines.push(line) });
    return lines.join("\n");
  };
  const sent = (anvil: Anvil) => anvil.client.getTransactionCount({ address: DEPLOYER });

  describe("with a key of our own, when the process is killed in the middle, twice", () => {
    let anvil: Anvil;
    let proxy: Awaited<ReturnType<typeof startRpcProxy>>;
    before(async () => {
      process.env.HOODI_PRIVATE_KEY = DEPLOYER_KEY;
      anvil = await startAnvil({ chainId: HOODI });
      proxy = await startRpcProxy(anvil.url);
    });
    after(async () => {
      delete process.env.HOODI_PRIVATE_KEY;
      await proxy?.stop();
      await anvil?.stop();
    });

    /** Runs the command in a process of its own and kills it at a transaction. */
    async function killedAt(transaction: number, flags: readonly string[], isForwarded: boolean) {
      const args = ["--disable-warning=ExperimentalWarning", "scripts/deploy.ts", ...flags, "--yes"];
      const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
      const ended = new Promise<NodeJS.Signals | null>((resolve) =>
        child.once("exit", (_code, signal) => resolve(signal)),
      );
      proxy.cutAt(transaction, { isForwarded, onCut: () => void child.kill("SIGKILL") });
      const output = await text(child.stdout);
      assert.equal(await ended, "SIGKILL", output);
      return output;
    }

    it("goes on where it was, sends nothing twice, and everything is where the plan said", async () => {
      const flags = flagsOf("killed", proxy.url, "hoodi");
      const planned = addressesIn(await run([...flags, "--dry-run"]));
      assert.equal(await sent(anvil), 0);

      await killedAt(3, flags, false);
      assert.equal(await sent(anvil), 2, "the third never reached the chain");
      // Two done; the third counts anew: it is the first of this run.
      await killedAt(4, flags, true);
      assert.equal(await sent(anvil), 6, "the sixth reached the chain, and nobody noted it");

      const output = await run([...flags, "--yes"]);
      assert.match(output, /had been sent: 0x/);
      assert.equal(await sent(anvil), TRANSACTIONS);

      const deployment = await readDeployment(join(directory, "killed.json"));
      assert.equal(deployment.chainId, HOODI);
      const [group] = deployment.groups;
      for (const part of ["staking", "orders", "settlement", "disputes", "repairs", "allowances"] as const) {
        assert.equal(group![part].toLowerCase(), planned[part], part);
        assert.notEqual(await anvil.client.getCode({ address: group![part] }), undefined, part);
      }
      assert.equal(deployment.factory.address.toLowerCase(), planned.GroupFactory);
      assert.equal(deployment.token.toLowerCase(), planned.MemoToken);
      assert.equal(deployment.storeRegistry.address.toLowerCase(), planned.StoreRegistry);
      // A transaction a block, the factory's and the group's last.
      assert.equal(deployment.factory.startBlock, TRANSACTIONS - 1);
      assert.equal(group!.startBlock, TRANSACTIONS);

      const { genesis, appealWindow, treasury } = group!.parameters;
      assert.equal(genesis % 3600, 0);
      assert.deepEqual([appealWindow, treasury], [86_400, DEPLOYER]);

      const again = await run([...flags, "--yes"]);
      assert.match(again, /Everything is there already/);
      assert.equal(await sent(anvil), TRANSACTIONS);
    });

    it("adds a group under another name to the same factory, and loses nothing that the file had", async () => {
      const out = join(directory, "killed.json");
      const flags = flagsOf("killed", anvil.url, "hoodi");
      const first = parseDeployments(await readFile(out, "utf8"));
      const elsewhere = { ...first, chains: { ...first.chains, 5: first.chains[HOODI]! } };
      await writeFile(
        out,
        JSON.stringify(elsewhere, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
      );

      await run([...flags, "--group", "archive", "--yes"]);
      assert.equal(await sent(anvil), TRANSACTIONS + 1);
      const deployments = parseDeployments(await readFile(out, "utf8"));
      assert.deepEqual(deployments.chains[5], first.chains[HOODI]);
      const { groups, factory } = deploymentOf(deployments, HOODI);
      assert.deepEqual(
        groups.map(({ groupId }) => groupId),
        [1, 2],
      );
      assert.deepEqual(groups[0], first.chains[HOODI]!.groups[0]);
      assert.deepEqual(factory, first.chains[HOODI]!.factory);
    });

    it("refuses to change what cannot be changed, and another factory in the same file", async () => {
      const file = join(directory, "changed.json5");
      const original = await readFile(join(ROOT, "ignition/parameters/hoodi.json5"), "utf8");
      await writeFile(file, original.replace("epochLength: 3600", "epochLength: 7200"));
      const flags = flagsOf("killed", anvil.url, "hoodi");
      await assert.rejects(run([...flags, "--yes", "--parameters", file]), { code: "PARAMETER_CHANGED" });
      const others = [
        ...flagsOf("other", anvil.url, "hoodi"),
        "--out",
        join(directory, "killed.json"),
        "--yes",
      ];
      await assert.rejects(run(others), { code: "DEPLOYMENT_OTHER_FACTORY" });
      assert.equal(await sent(anvil), TRANSACTIONS + 1);
    });
  });

  describe("with explorers", () => {
    it("shows Etherscan, Blockscout and Sourcify sources that compile to what is on the chain", async (t) => {
      const anvil = await startAnvil({ chainId: 700_002 });
      t.after(() => anvil.stop());
      const explorers = await startExplorers();
      t.after(() => explorers.stop());
      process.env.ETHERSCAN_API_KEY = "none";
      t.after(() => delete process.env.ETHERSCAN_API_KEY);
      // Hardhat's plugin writes each step to the console.
      t.mock.method(console, "log", () => undefined);
      const apis = Object.entries(explorers.urls).flatMap(([name, url]) => [`--${name}-url`, url]);
      const flags = [...flagsOf("verified", anvil.url), "--yes", "--verify", ...apis];

      explorers.refused.add("MemoToken");
      await assert.rejects(run(flags), { code: "SOURCES_NOT_VERIFIED", message: /2 verifications failed/ });
      explorers.refused.clear();
      const output = await run(flags);
      const contracts = new Set(explorers.submissions.map(({ contract }) => contract));
      assert.deepEqual([...contracts].map((contract) => contract.replace(/^.*:/, "")).sort(), [
        ...["Allowances", "ChallengeSettlement", "Disputes", "GroupFactory", "MemoToken"],
        ...["Repairs", "Staking", "StorageOrders", "StoreRegistry"],
      ]);
      assert.equal(output.match(/is verified on/g)?.length, 3 * contracts.size);

      const token = (await readDeployment(join(directory, "verified.json"))).token;
      const submission = explorers.submissions.findLast(
        ({ address, explorer }) => explorer === "etherscan" && address.toLowerCase() === token.toLowerCase(),
      )!;
      const { contracts: compiled } = JSON.parse(solc.compile(JSON.stringify(submission.input))) as {
        contracts: Record<string, Record<string, { evm: { bytecode: { object: string } } }>>;
      };
      const [path, name] = submission.contract.split(":") as [string, string];
      const creation: Hex = `0x${compiled[path]![name]!.evm.bytecode.object}${submission.constructorArguments}`;
      const blockNumber = BigInt(TRANSACTIONS - 2);
      const block = await anvil.client.getBlock({ blockNumber, includeTransactions: true });
      assert.equal(block.transactions[0]!.input, creation);
    });
  });

  describe("refuses before anything is sent", () => {
    it("a chain without the point evaluation precompile", async (t) => {
      const anvil = await startAnvil({ chainId: 700_003, hardfork: "shanghai" });
      t.after(() => anvil.stop());
      const refusal = { code: "CHAIN_WITHOUT_POINT_EVALUATION" };
      await assert.rejects(run([...flagsOf("old", anvil.url), "--yes"]), refusal);
      assert.equal(await sent(anvil), 0);
    });

    it("what nobody agreed to", async (t) => {
      const anvil = await startAnvil({ chainId: 700_001 });
      t.after(() => anvil.stop());
      const flags = flagsOf("asked", anvil.url);
      await assert.rejects(run(flags), { code: "CONFIRMATION_MISSING" });
      const questions: string[] = [];
      const no = async (question: string) => questions.push(question) === 0;
      const asking = deploy(parseDeployOptions(flags)!, { say: () => undefined, confirm: no });
      await assert.rejects(asking, { code: "DECLINED" });
      assert.equal(questions.length, 1);
      assert.equal(await sent(anvil), 0);
    });

    it("a chain that takes less code than Ethereum", async (t) => {
      const anvil = await startAnvil({ chainId: 700_006, codeSizeLimit: 20_000 });
      t.after(() => anvil.stop());
      const refusal = { code: "CHAIN_REFUSES_CODE", message: /ChallengeSettlementLogic.*SizeLimit/ };
      await assert.rejects(run([...flagsOf("small", anvil.url), "--yes"]), refusal);
      assert.equal(await sent(anvil), 0);
    });

    it("another chain than the network's, a missing key, and a key without coin", async (t) => {
      const key: Hex = `0x${"77".repeat(32)}`;
      const anvil = await startAnvil({ chainId: 700_004 });
      t.after(() => anvil.stop());
      const hoodi = (url: string) => [...flagsOf("hoodi", url, "hoodi"), "--yes"];
      await assert.rejects(run(hoodi(anvil.url)), { code: "SETTING_MISSING" });
      process.env.HOODI_PRIVATE_KEY = key;
      t.after(() => delete process.env.HOODI_PRIVATE_KEY);
      await assert.rejects(run(hoodi(anvil.url)), { code: "CHAIN_ID_WRONG" });
      const right = await startAnvil({ chainId: HOODI });
      t.after(() => right.stop());
      await assert.rejects(run(hoodi(right.url)), { code: "BALANCE_TOO_LOW" });
      assert.equal(await right.client.getBlockNumber(), 0n);
    });

    it("parameters that the factory would refuse, and a chain that began anew", async (t) => {
      const anvil = await startAnvil({ chainId: 700_005 });
      t.after(() => anvil.stop());
      const file = join(directory, "refused.json5");
      const original = await readFile(join(ROOT, "ignition/parameters/localhost.json5"), "utf8");
      await writeFile(file, original.replace("unbondingDelay: 7200", "unbondingDelay: 1439"));
      const flags = [...flagsOf("anew", anvil.url), "--yes"];
      await assert.rejects(run([...flags, "--parameters", file]), {
        code: "PARAMETER_OUT_OF_RANGE",
        message: /unbondingDelay is 1439: it has to be from 1440 to/,
      });
      assert.equal(await sent(anvil), 0);
      await writeFile(file, original.replace("unbondingDelay: 7200", "unbondingDelay: 1440"));
      await run([...flags, "--parameters", file]);

      await anvil.stop();
      const anew = await startAnvil({ chainId: 700_005 });
      t.after(() => anew.stop());
      const there = [...flagsOf("anew", anew.url), "--yes"];
      await assert.rejects(run(there), { code: "DEPLOYMENT_STALE" });
      assert.equal(await sent(anew), 0);
      await run([...there, "--reset"]);
      assert.equal(await sent(anew), TRANSACTIONS);
      assert.ok((await anew.client.getBalance({ address: DEPLOYER })) > parseEther("9999"));
    });
  });
});
