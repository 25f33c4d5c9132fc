import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { after, before, describe, it } from "node:test";
import type { Hex } from "viem";
import { runCli } from "../../../client/cli/program.ts";
import type { ClientSettings } from "../../../client/cli/settings.ts";
import { formatBytes, formatCoin, formatTokens } from "../../../client/cli/terminal.ts";
import { formatDeployment } from "../../../protocol/chain/deployment.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork, deployment as fixture, type MemoryNetwork, owner } from "./memoryNetwork.ts";

const SETTINGS = { MEMO_DEPLOYMENT: "unused", MEMO_KEY_FILE: "unused" };

describe("memo", () => {
  let directory = "";
  let environment: Record<string, string> = {};
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-cli-"));
    await writeFile(join(directory, "a.txt"), "some text");
  });
  after(() => rm(directory, { recursive: true }));

  /** Settings that the last run was given. */
  let given: ClientSettings | undefined;

  async function memo(network: MemoryNetwork | undefined, ...argv: string[]) {
    const out: Buffer[] = [];
    let err = "";
    const stdout = new Writable({
      write(chunk: Uint8Array, _encoding, done) {
        out.push(Buffer.from(chunk));
        done();
      },
    });
    const stderr = new Writable({
      write(chunk: Uint8Array, _encoding, done) {
        err += Buffer.from(chunk).toString();
        done();
      },
    });
    const code = await runCli(argv, {
      surroundings: {
        env: network ? { ...SETTINGS, ...environment } : {},
        stdin: process.stdin,
        stdout,
        stderr,
      },
      ...(network
        ? {
            openClient: async (settings) => {
              given = settings;
              return network.client({ report: settings.report });
            },
          }
        : {}),
    });
    return { code, out: Buffer.concat(out).toString(), err };
  }

  it("stores, lists, reads and recovers; results on standard output, the rest on standard error", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    const file = join(directory, "a.txt");
    const put = await memo(network, "put", file, "--policy", "copies(2)", "--epochs", "3");
    assert.equal(put.code, 0, put.err);
    const orderId = put.out.trim();
    assert.match(orderId, /^0x[0-9a-f]{64}$/);
    const [said, cost] = ["a.txt: 9 B as copies(2)", "It costs at most"].map((text) => put.err.indexOf(text));
    assert.ok(said! >= 0 && cost! > said! && put.err.indexOf("deposited") > cost!, put.err);
    assert.ok(!put.err.includes("\u001b"), "no colours where nobody watches");

    const list = await memo(network, "ls", "--json");
    assert.deepEqual(
      JSON.parse(list.out).objects.map((object: { name: string }) => object.name),
      ["a.txt"],
    );
    const copy = join(directory, "copy");
    assert.equal((await memo(network, "get", "a.txt", "-o", copy)).code, 0);
    assert.equal(await readFile(copy, "utf8"), "some text");
    assert.equal((await memo(network, "get", orderId, "-o", "-")).out, "some text");
    assert.equal((await memo(network, "get", "a.txt", "-o", "-", "--range", "5-7")).out, "tex");
    const target = join(directory, "restored");
    assert.equal((await memo(network, "recover", "--to", target)).code, 0);
    assert.equal(await readFile(join(target, "a.txt"), "utf8"), "some text");
  });

  it("ends with 2 when only a part could be restored", async () => {
    const network = createMemoryNetwork({ providers: 2 });
    await memo(network, "put", join(directory, "a.txt"), "--policy", "copies(1)");
    network.misbehave = () => Promise.reject(new Error("unreachable"));
    const [order] = network.orders;
    network.providers.delete(order!.order.providers[0]!);
    const recover = await memo(network, "recover", "--to", join(directory, "partly"), "--json");
    assert.equal(recover.code, 2, recover.err);
    assert.equal(JSON.parse(recover.out).unreadable.length, 1);
    assert.equal((await memo(network, "ls")).code, 2);
  });

  it("does not replace a file unless told to", async () => {
    const network = createMemoryNetwork({ providers: 2 });
    await memo(network, "put", join(directory, "a.txt"), "--policy", "copies(1)");
    const there = join(directory, "there");
    await writeFile(there, "precious");
    const refused = await memo(network, "get", "a.txt", "-o", there);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^OUTPUT_EXISTS: /);
    assert.equal(await readFile(there, "utf8"), "precious");
    assert.equal((await memo(network, "get", "a.txt", "-o", there, "--force")).code, 0);
  });

  it("leaves what was there, and no half file, when reading fails midway", async () => {
    const network = createMemoryNetwork({ providers: 2 });
    const options = { name: "large", policy: "copies(1)", epochs: 1, compress: false };
    await network.client().store(noise(400_000, 1), options);
    network.misbehave = async (call, honest) => {
      if (call.method === "getShard" && call.request.stripe === 2)
        throw new MemoError("SHARD_UNREADABLE", "x");
      return honest();
    };
    const folder = join(directory, "midway");
    await mkdir(folder);
    const there = join(folder, "there");
    await writeFile(there, "precious");
    for (const output of [there, join(folder, "new")]) {
      const { code, err } = await memo(network, "get", "large", "-o", output, "--force");
      assert.equal(code, 1);
      assert.match(err, /TOO_FEW_SHARDS: /);
    }
    assert.deepEqual(await readdir(folder), ["there"]);
    assert.equal(await readFile(there, "utf8"), "precious");
  });

  for (const [what, argv, code] of [
    ["a file that is not there", ["put", "/no/such/file"], "FILE_NOT_FOUND"],
    ["a folder", ["put", tmpdir()], "NOT_A_FILE"],
    ["a malformed policy", ["put", "package.json", "--policy", "rs6,3"], "POLICY_INVALID"],
    ["more slots than providers", ["put", "package.json", "--policy", "copies(9)"], "NOT_ENOUGH_PROVIDERS"],
    ["a name that is not there", ["get", "nothing", "-o", "/dev/null", "-f"], "NAME_NOT_FOUND"],
    ["an order id that is none", ["status", "0x12"], "ORDER_ID_INVALID"],
    ["a challenge number that is none", ["close", "seven"], "NUMBER_INVALID"],
    ["an unknown challenge", ["close", "7"], "CHALLENGE_NOT_FOUND"],
    ["a challenge to an unknown order", ["challenge", `0x${"1".repeat(64)}`], "ORDER_NOT_FOUND"],
    ["an unknown order", ["status", `0x${"1".repeat(64)}`], "ORDER_NOT_FOUND"],
  ] as const) {
    it(`answers ${what} with ${code} and exit code 1, as JSON when asked`, async () => {
      const network = createMemoryNetwork({ providers: 2 });
      const plain = await memo(network, ...argv);
      assert.equal(plain.code, 1);
      assert.ok(plain.err.includes(`${code}: `), plain.err);
      const json = await memo(network, ...argv, "--json");
      assert.equal(JSON.parse(json.err.trim().split("\n").at(-1)!).error.code, code);
      assert.equal(json.out, "");
    });
  }

  it("shows the redundancy of an order, and of all orders; 2 when any slot is not held", async () => {
    const network = createMemoryNetwork({ providers: 5 });
    await memo(network, "put", join(directory, "a.txt"), "--policy", "rs(2,1)", "--epochs", "30");
    const [{ id, order } = { id: "0x", order: undefined }] = network.orders;
    const whole = await memo(network, "status", id);
    assert.match(whole.out, /^\[###\] 1 spare {2}rs\(2,1\), 3 shards, waiting/);
    assert.deepEqual([whole.code, (await memo(network, "status")).code], [0, 0]);
    network.evict(id as Hex, 1);
    const offer = { provider: 5, deadline: network.epochNow + 1 };
    const slots = network.slots.get(id as Hex)!;
    network.slots.set(
      id as Hex,
      slots.map((slot) => (slot.slot === 1 ? { ...slot, offer } : slot)),
    );
    const offered = await memo(network, "status", id);
    assert.equal(offered.code, 2);
    assert.match(offered.out, /\[#>#\] 0 spare/);
    assert.match(offered.out, /slot {2}1 {2}nobody .*offered to provider 5 up to epoch/);
    const json = JSON.parse((await memo(network, "status", id, "--json")).out);
    assert.deepEqual(
      [json.bar, json.spare, json.slots[1].condition, json.refunded.total],
      ["[#>#]", 0, "offered", "0"],
    );
    const all = await memo(network, "status");
    assert.equal(all.code, 2);
    assert.ok(all.out.includes(`${id}  [#>#] 0 spare`), all.out);
    assert.equal(JSON.parse((await memo(network, "status", "--json")).out).orders[0].orderId, id);
    network.epochNow = order!.endEpoch;
    assert.match((await memo(network, "status")).out, /0 orders, and 1 that have ended/);
  });

  it("shows a bond before it is spent; 2 when nobody answers", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    await memo(network, "put", join(directory, "a.txt"), "--policy", "copies(2)");
    const { id } = network.orders[0]!;
    network.onSend = () => {
      throw new MemoError("CONTRACT_ChallengeAlreadyOpen", "raw");
    };
    const refused = await memo(network, "challenge", id, "--slot", "1", "--stripe", "0", "--yes");
    assert.equal(refused.code, 1);
    const [bond, failure] = ["the bond is 0.001 native coin", "CONTRACT_ChallengeAlreadyOpen: "].map((text) =>
      refused.err.indexOf(text),
    );
    assert.ok(bond! >= 0 && failure! > bond!, refused.err);
    const ticket = { id: 7n, orderId: id, slot: 1, stripe: 0, providerId: 2 } as never;
    for (const [outcome, code] of [
      [{ answered: true, by: "0x01", reimbursed: 1n }, 0],
      [{ answered: false, evicted: true, reward: 1n }, 2],
    ] as const) {
      network.challenges.set(7n, { ticket, outcome });
      const closed = await memo(network, "close", "7", "--json");
      assert.deepEqual([closed.code, JSON.parse(closed.out).outcome.answered], [code, outcome.answered]);
    }
  });

  it("ends and settles orders; 2 while a direct challenge holds the collateral", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    await memo(network, "put", join(directory, "a.txt"), "--policy", "copies(2)");
    const { id } = network.orders[0]!;
    assert.match((await memo(network, "end", id)).out, /^It is challenged and paid up to epoch/);
    network.states.set(id, { status: "closed" });
    network.onSend = () => {
      network.states.set(id, { status: "released" });
      return [];
    };
    const settled = await memo(network, "settle", id);
    assert.deepEqual([settled.code, settled.err], [0, ""]);
    assert.match(settled.out, /released\n$/);
    network.states.set(id, { status: "closed" });
    network.onSend = () => {
      throw new MemoError("CONTRACT_ChallengeStillOpen", "raw");
    };
    assert.equal((await memo(network, "settle", id)).code, 2);
  });

  it("renews an order after it has shown the cost, or on its payer's standing terms", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    await memo(network, "put", join(directory, "a.txt"), "--policy", "copies(2)", "--epochs", "5");
    const { id, order } = network.orders[0]!;
    const renewed = await memo(network, "renew", id, "--epochs", "7", "--price", "120");
    assert.equal(renewed.code, 0, renewed.err);
    const [, next] = network.orders;
    assert.equal(renewed.out.trim(), next!.id);
    const terms = [next!.order.startEpoch, next!.order.endEpoch, next!.order.price];
    assert.deepEqual(terms, [order.endEpoch, order.endEpoch + 7, 120n]);
    assert.match(renewed.err, /Goes on for epochs \d+ to \d+ at a price of 120/);
    assert.equal((await memo(network, "renew", id, "--standing")).code, 1);
    network.standing.set(id, { maxPrice: 100n, epochs: 3, left: 1 });
    const standing = await memo(network, "renew", id, "--standing", "--json");
    assert.equal(JSON.parse(standing.out).endEpoch, order.endEpoch + 3);
  });

  it("sets and takes back the terms of an order that goes on", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    await memo(network, "put", join(directory, "a.txt"), "--policy", "copies(2)");
    const { id } = network.orders[0]!;
    const set: unknown[] = [];
    network.onSend = (name, args) => {
      set.push([name, ...args]);
      return [];
    };
    const terms = ["--max-price", "900", "--epochs", "30", "--times", "12"];
    assert.equal((await memo(network, "standing", id, ...terms)).code, 0);
    assert.equal((await memo(network, "standing", id, "--off")).code, 0);
    assert.deepEqual(set, [
      ["setRenewal", id, 900n, 30, 12],
      ["setRenewal", id, 0n, 0, 0],
    ]);
  });

  it("approves, lists and revokes agents", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    const agent = "0x00000000000000000000000000000000000000AA";
    const sent: unknown[] = [];
    network.onSend = (name, args) => {
      sent.push([name, ...args]);
      return [];
    };
    const approved = await memo(network, "agent", "approve", agent, "--budget", "5", "--days", "2");
    assert.equal(approved.code, 0, approved.err);
    assert.equal((await memo(network, "agent", "revoke", agent)).code, 0);
    assert.deepEqual(sent, [
      ["approveAgent", agent, 5n, BigInt(network.chainTime + 2 * 86_400)],
      ["approveAgent", agent, 0n, 0n],
    ]);
    network.agents.set(`${owner.address} ${agent}`, { agent, budget: 5n, expiresAt: 9n });
    assert.match((await memo(network, "agent", "list")).out, /^0x0+AA {2}< 0\.000001 tokens until 1970-/);
    for (const [argv, code] of [
      [["approve", agent], "BUDGET_MISSING"],
      [["revoke", "0xaa"], "ADDRESS_INVALID"],
      [["forget", agent], "VERB_UNKNOWN"],
    ] as const) {
      const failed = await memo(network, "agent", ...argv);
      assert.deepEqual([failed.code, failed.err.split(":")[0]], [1, code]);
    }
  });

  it("tells keepers about unreadable shards unless a switch or the environment says no", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    await memo(network, "ls");
    assert.equal(given?.report, true);
    await memo(network, "ls", "--no-report");
    assert.equal(given?.report, false);
    environment = { MEMO_REPORT: "false" };
    await memo(network, "ls");
    assert.equal(given?.report, false);
    environment = {};
  });

  it("says which setting is missing, by flag and environment variable", async () => {
    const { code, err } = await memo(undefined, "put", "x");
    assert.equal(code, 1);
    assert.match(err, /^SETTING_INVALID: .*--deployment.*MEMO_DEPLOYMENT/);
  });

  it("refuses a key file that others may read", async () => {
    const deployment = join(directory, "deployment.json");
    await writeFile(deployment, formatDeployment(fixture));
    const key = join(directory, "key");
    await writeFile(key, `0x${"11".repeat(32)}`);
    await chmod(key, 0o644);
    const { code, err } = await memo(undefined, "ls", "--deployment", deployment, "--key-file", key);
    assert.equal(code, 1);
    assert.match(err, /^KEY_FILE_MODE: /);
  });

  it("explains itself with examples and exit codes", async () => {
    for (const verb of ["put", "get", "ls", "status", "recover", "challenge", "close", "end", "settle"]) {
      const { code, out } = await memo(undefined, verb, "--help");
      assert.equal(code, 0);
      assert.match(out, /EXAMPLES\n.*memo /s);
      assert.match(out, /EXIT CODES\n {2}0 /);
    }
    for (const argv of [
      ["frob"],
      ["put"],
      ["get", "x", "--range", "9-1"],
      ["put", "x", "--epochs", "many"],
    ]) {
      assert.equal((await memo(undefined, ...argv)).code, 1);
    }
  });

  it("writes amounts for people", () => {
    assert.deepEqual([0, 999, 1000, 8_400_000].map(formatBytes), ["0 B", "999 B", "1.0 kB", "8.4 MB"]);
    assert.deepEqual([0n, 1n, 10n ** 18n, 15n * 10n ** 17n].map(formatTokens), [
      "0 tokens",
      "< 0.000001 tokens",
      "1 tokens",
      "1.5 tokens",
    ]);
    assert.equal(formatCoin(10n ** 15n), "0.001 native coin");
  });
});
