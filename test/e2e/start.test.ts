import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { StoryResult } from "../../scripts/story/result.ts";
import {
  descendants,
  type Ended,
  isRunning,
  runProcess,
  startProcess,
  untilGone,
} from "./harness/process.ts";

const START = "scripts/start.ts";
const folder = mkdtempSync(join(tmpdir(), "memo-start-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, "small.bin");
const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31) >> 7));
writeFileSync(file, content);
const SMALL = ["--file", file, "--policy", "rs(2,1)", "--providers", "4", "--port", "0"];

describe("the story of a small file, told once and as JSON", () => {
  let ended: Ended;
  let result: StoryResult;
  before(async () => {
    ended = await runProcess([START, ...SMALL, "--once", "--json", "--data", join(folder, "json")], {
      // Colour libraries take CI for a terminal.
      env: { MEMO_INSTALL_SECONDS: "1.5", CI: "true" },
    });
    assert.equal(ended.code, 0, ended.stderr);
    result = JSON.parse(ended.stdout.trim().split("\n").at(-1) ?? "");
  });

  test("stdout is one line of JSON, and the story is on stderr without colours or bars", () => {
    assert.equal(ended.stdout.trim().split("\n").length, 1);
    assert.match(
      ended.stderr,
      /Booting an embedded network[\s\S]*Storing small\.bin[\s\S]*The same from the index/,
    );
    assert.equal(ended.stderr.includes("\u001b"), false);
  });

  test("input is the file", () => {
    const sha256 = createHash("sha256").update(content).digest("hex");
    assert.deepEqual(result.input, { path: file, bytes: content.length, sha256 });
  });

  test("order has slots, stripes, shards and the gas of its one transaction", () => {
    const { order } = result;
    assert.match(order.id, /^0x[0-9a-f]{64}$/);
    assert.equal(order.slots, 3);
    assert.ok(order.stripes >= 1);
    assert.equal(order.shards, order.stripes * 3);
    assert.ok(order.gas > 50_000 && order.gas < 1_000_000, String(order.gas));
    assert.equal(order.gasPerSlot, Math.round(order.gas / 3));
  });

  test("every epoch of the order is certified, the last with the provider that was down", () => {
    const { epochs } = result;
    assert.ok(epochs.certified >= 4);
    assert.equal(epochs.certifyGas.length, epochs.certified);
    assert.ok(
      epochs.certifyGas.every((gas) => gas > 50_000 && gas < 300_000),
      String(epochs.certifyGas),
    );
    assert.equal(epochs.gaps, 0);
    assert.equal(epochs.missed, 1);
  });

  test("each holder made a proof in each whole epoch, and each keeper found it valid", () => {
    assert.ok(result.proofs.made >= 3 * 3, String(result.proofs.made));
    assert.ok(result.proofs.verified >= 3 * 3 * 3, String(result.proofs.verified));
    const each = result.proofs.bytes / result.proofs.made;
    assert.ok(each > 80 && each <= 300, `${each} bytes per proof`);
  });

  test("the file came back with one holder down, and from wallet and chain alone", () => {
    const { sha256, bytes } = result.input;
    assert.deepEqual(result.restored, { bytes, sha256, match: true, providersDown: 1 });
    assert.deepEqual(result.recovered, { match: true });
  });

  test("the index has the newest block, and no token is lost", () => {
    assert.ok(result.index.block > 20);
    assert.equal(result.index.behind, 0);
    assert.equal(result.balances.conserved, true);
  });

  test("the gas of every kind of transaction comes from the index", () => {
    const kinds = new Set(result.gas.map(({ id }) => id));
    for (const kind of [
      "GroupFactory.createGroup",
      "Staking.registerProvider",
      "Staking.registerKeeper",
      "ChallengeSettlement.rotate",
      "ChallengeSettlement.certify",
      "ChallengeSettlement.applyExceptions",
      "StorageOrders.deposit",
      "StorageOrders.open",
      "StorageOrders.settle",
      "StorageOrders.withdrawCredit",
    ]) {
      assert.ok(kinds.has(kind), `${kind} is missing`);
    }
  });

  test("the seconds of every part are measured", () => {
    const { install, boot, store, epochs, restore, total } = result.seconds;
    assert.equal(install, 1.5);
    for (const seconds of [boot, store, epochs, restore]) assert.ok(seconds > 0);
    assert.ok(total >= boot + store + epochs + restore);
  });
});

test("without --once the network stays up with its URLs until Ctrl-C, which ends everything within 5 s", async () => {
  const network = startProcess([START, ...SMALL, "--data", join(folder, "stays")]);
  await network.said(/stays up until Ctrl-C[\s\S]*data /);
  const family = descendants(network.pid);
  assert.ok(family.length >= 3, `chain, index and nodes are processes of their own: ${family.length}`);

  const again = await runProcess([START, ...SMALL, "--data", join(folder, "stays")]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /A network runs in/);

  const started = performance.now();
  network.kill("SIGINT");
  const { code, stdout } = await network.ended;
  assert.equal(code, 0);
  assert.ok(performance.now() - started < 5_000);
  assert.deepEqual(await untilGone(family, 100), []);

  const urls = [...stdout.matchAll(/(http:\/\/\S+)/g)].map((match) => match[1] ?? "");
  assert.ok(urls.some((url) => url.endsWith("/graphql")));
  assert.equal(urls.filter((url) => url.endsWith("/status")).length, 4);
});

test("Ctrl-C while the network boots ends it within 5 s, whatever is half up", async () => {
  const network = startProcess([START, ...SMALL, "--data", join(folder, "early")]);
  await network.said(/chain 31337 at/);
  const family = descendants(network.pid);
  const started = performance.now();
  network.kill("SIGINT");
  const { code } = await network.ended;
  assert.equal(code, 1);
  assert.ok(performance.now() - started < 5_000);
  assert.deepEqual(await untilGone(family, 100), []);
});

test("kill -9 of the parent leaves no orphan", async () => {
  const network = startProcess([START, ...SMALL, "--data", join(folder, "killed")]);
  await network.said(/index at/);
  const family = descendants(network.pid);
  assert.ok(family.every(isRunning));
  network.kill("SIGKILL");
  await network.ended;
  assert.deepEqual(await untilGone(family, 5_000), []);
});

test("a port in use is refused by its number, before anything is started or deleted", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const flags = ["--file", file, "--port", String(port), "--data", join(folder, "port")];
  const { code, stderr } = await runProcess([START, ...flags]);
  server.close();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`Port ${port} .* in use`));
});

for (const [flags, words] of [
  [["--file", join(folder, "missing")], /There is no file/],
  [["--file", folder], /is a directory/],
  [["--file", file, "--policy", "rs(six,three)"], /write rs\(k,m\)/],
  [["--file", file, "--policy", "rs(10,4)"], /needs 14 providers, the network has 12/],
  [["--file", file, "--keepers", "3"], /--keepers: "3" is not a whole number from 4 to 32/],
  [["--file", file, "--data", process.cwd()], /would be deleted/],
  [["--fiel", file], /unknown option '--fiel'/],
] as const) {
  test(`"${flags.join(" ").replaceAll(folder, "…")}" ends with exit code 1 and one readable message`, async () => {
    const { code, stdout, stderr } = await runProcess([START, "--port", "0", ...flags]);
    assert.equal(code, 1);
    assert.match(stderr, words);
    assert.doesNotMatch(stdout + stderr, /\n\s+at /);
  });
}
