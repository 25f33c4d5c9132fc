import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Client, createClient } from "../../client/createClient.ts";
import { PAYLOAD_BYTES } from "../../protocol/constants.ts";
import { embeddedAccount } from "../../scripts/embedded/accounts.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../../scripts/embedded/network.ts";
import { ROOT, runProcess } from "./harness/process.ts";

const { findNpm } = createRequire(import.meta.url)("../../scripts/bootstrap/findNpm.cjs") as {
  findNpm: () => { cli: string };
};
const folder = mkdtempSync(join(tmpdir(), "memo-network-"));
let network: EmbeddedNetwork;
let client: Client;

before(async () => {
  network = await startEmbeddedNetwork({ dataDir: join(folder, "network"), indexer: false });
  client = createClient({
    rpcUrl: network.chain.url,
    deployment: network.deployment,
    account: embeddedAccount("user"),
  });
});
after(async () => {
  await client?.close();
  await network?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function readAll(orderId: `0x${string}`): Promise<Buffer> {
  const { stream } = await client.read({ orderId });
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("files of 0 B, 1 B, one shard's payload, one byte more, and 20 MB come back byte for byte", async (t) => {
  // Random bytes cannot be compressed, so each size is stored as what it is.
  const sizes = [0, 1, PAYLOAD_BYTES, PAYLOAD_BYTES + 1, 20_000_000];
  const stored: {
    orderId: `0x${string}`;
    bytes: Buffer;
    startEpoch: number;
    providers: readonly number[];
  }[] = [];
  for (const size of sizes) {
    await t.test(`${size} B are stored and read at once`, async () => {
      const bytes = randomBytes(size);
      const { orderId, order } = await client.store(new Uint8Array(bytes), {
        name: `${size}.bin`,
        policy: "rs(6,3)",
        epochs: 20,
        startIn: 2,
      });
      stored.push({ orderId, bytes, startEpoch: order.startEpoch, providers: order.providers });
      assert.ok((await readAll(orderId)).equals(bytes));
    });
  }
  await t.test("all of them are proven, also the empty one, whose order still holds a manifest", async () => {
    const last = Math.max(...stored.map(({ startEpoch }) => startEpoch)) + 1;
    await network.conductor.mineUntil(async () => {
      const { lastCertified } = await client.status(stored[0]!.orderId);
      return lastCertified >= last;
    });
    for (const { orderId, startEpoch } of stored) {
      const { slots, looked } = await client.status(orderId);
      assert.ok(looked.from <= startEpoch + 1 && looked.to > startEpoch);
      assert.deepEqual(
        slots.map(({ missed }) => missed),
        slots.map(() => []),
      );
    }
  });
  await t.test("and read again while three providers are down", async () => {
    const down = stored.at(-1)!.providers.slice(0, 3);
    for (const id of down) await network.nodes!.stopProvider(id);
    for (const { orderId, bytes } of stored) assert.ok((await readAll(orderId)).equals(bytes));
    for (const id of down) await network.nodes!.startProvider(id);
  });
});

test("the package, packed and installed elsewhere, runs its commands and an example of the SDK", async (t) => {
  const project = join(folder, "elsewhere");
  mkdirSync(project);
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "elsewhere", private: true, type: "module" }),
  );
  const npm = findNpm().cli;
  const run = async (args: readonly string[], cwd = project) => {
    const ended = await runProcess(args, { cwd });
    assert.equal(ended.code, 0, `${args.join(" ")}\n${ended.stdout}${ended.stderr}`);
    return ended.stdout;
  };

  await t.test("npm pack emits JavaScript and types, and no TypeScript", async () => {
    // The repository forbids install scripts, and with them the one that builds before packing.
    const flags = ["--ignore-scripts=false", "--json", "--pack-destination", project];
    const packed = await run([npm, "pack", ...flags], ROOT);
    const [{ files }] = JSON.parse(packed.slice(packed.search(/^\[/m))) as [{ files: { path: string }[] }];
    const names = files.map(({ path }) => path);
    assert.ok(
      names.includes("dist/client/createClient.js") && names.includes("dist/client/createClient.d.ts"),
    );
    assert.deepEqual(
      names.filter((name) => /(?<!\.d)\.ts$|^test|node_modules/.test(name)),
      [],
    );
    await run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", `./memo-0.1.0.tgz`]);
  });

  for (const bin of ["memo", "memo-provider", "memo-keeper"]) {
    await t.test(`npx ${bin} --help`, async () => {
      const help = await run([npm, "exec", "--no", "--", bin, "--help"]);
      assert.match(help, new RegExp(`Usage: ${bin} `));
    });
  }

  await t.test("the SDK stores and reads in a running network", async () => {
    writeFileSync(join(project, "example.mjs"), readFileSync(join(ROOT, "examples/storeAndRead.mjs")));
    const out = await run(["example.mjs", network.chain.url, network.deploymentPath, network.userKeyPath]);
    const { bytes, same } = JSON.parse(out);
    assert.ok(bytes > 0 && same);
  });

  await t.test("npx memo puts, lists, gets and recovers", async () => {
    const file = join(project, "letter.bin");
    const content = randomBytes(50_000);
    writeFileSync(file, content);
    const access = ["--deployment", network.deploymentPath, "--rpc-url", network.chain.url];
    const memo = (verb: string, ...args: string[]) =>
      run([
        npm,
        "exec",
        "--no",
        "--",
        "memo",
        verb,
        ...args,
        ...access,
        "--key-file",
        network.userKeyPath,
        "--json",
      ]);
    const put = JSON.parse((await memo("put", file, "--policy", "copies(3)", "--epochs", "5")).trim());
    await memo("get", "letter.bin", "--output", join(project, "copy.bin"));
    assert.ok(readFileSync(join(project, "copy.bin")).equals(content));
    assert.match(await memo("status", put.orderId), new RegExp(put.orderId));
    await memo("recover", "--to", join(project, "restored"));
    assert.ok(readFileSync(join(project, "restored", "letter.bin")).equals(content));
  });
});
