import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SHARD_BYTES } from "../../protocol/constants.ts";
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

describe("the whole story of a file of two megabytes, told once and as JSON", () => {
  const story = join(folder, "story.bin");
  // Random bytes cannot be compressed: three stripes and more, of which a third can be lost.
  const content = randomBytes(2_000_000);
  let ended: Ended;
  let result: StoryResult;
  before(async () => {
    writeFileSync(story, content);
    const flags = ["--file", story, "--port", "0", "--once", "--json", "--data", join(folder, "json")];
    // Colour libraries take CI for a terminal.
    ended = await runProcess([START, ...flags], { env: { MEMO_INSTALL_SECONDS: "1.5", CI: "true" } });
    assert.equal(ended.code, 0, ended.stderr);
    result = JSON.parse(ended.stdout.trim().split("\n").at(-1) ?? "");
  });

  /** Who is said to have missed or lost something for a reason. */
  const faultsFor = (reason: string, kind: "missed" | "lost") =>
    result.faults.filter((fault) => fault.reason === reason && fault.kind === kind);
  const providerFor = (reason: string) => result.faults.find((fault) => fault.reason === reason)?.provider;
  const changeOf = (who: string) => BigInt(result.money.find((row) => row.who === who)?.change ?? 0);

  test("stdout is one line of JSON, and the story is on stderr without colours or bars", () => {
    assert.equal(ended.stdout.trim().split("\n").length, 1);
    const stages = [
      "Booting an embedded network",
      "Storing story.bin",
      "Three providers stumble",
      "Slots are lost and rebuilt",
      "An outsider asks directly",
      "3 of 4 keepers are bribed",
      "A keeper signs two results of one round",
      "Reading it back once more",
      "Paying for what was proven",
      "The same from the index",
    ];
    assert.match(ended.stderr, new RegExp(stages.join("[\\s\\S]*")));
    assert.equal(ended.stderr.includes("\u001b"), false);
  });

  test("input is the file", () => {
    const sha256 = createHash("sha256").update(content).digest("hex");
    assert.deepEqual(result.input, { path: story, bytes: content.length, sha256 });
  });

  test("order has slots, stripes, shards and the gas of its one transaction", () => {
    const { order } = result;
    assert.match(order.id, /^0x[0-9a-f]{64}$/);
    assert.equal(order.slots, 9);
    assert.ok(order.stripes >= 3);
    assert.equal(order.shards, order.stripes * 9);
    assert.ok(order.gas > 50_000 && order.gas < 1_000_000, String(order.gas));
    assert.equal(order.gasPerSlot, Math.round(order.gas / 9));
  });

  test("every epoch of the order is certified, whatever went wrong", () => {
    const { epochs } = result;
    assert.ok(epochs.certified >= 15, String(epochs.certified));
    assert.equal(epochs.certifyGas.length, epochs.certified);
    assert.ok(
      epochs.certifyGas.every((gas) => gas > 50_000 && gas < 300_000),
      String(epochs.certifyGas),
    );
    assert.equal(epochs.gaps, 0);
    assert.equal(epochs.missed, result.faults.filter(({ kind }) => kind === "missed").length);
  });

  test("each holder made a proof in each whole epoch, and each keeper found it valid", () => {
    assert.ok(result.proofs.made >= 9 * 3, String(result.proofs.made));
    assert.ok(result.proofs.verified >= 9 * 3 * 3, String(result.proofs.verified));
    const each = result.proofs.bytes / result.proofs.made;
    assert.ok(each > 80 && each <= 300, `${each} bytes per proof`);
  });

  test("the file came back with three holders down, and from wallet and chain alone", () => {
    const { sha256, bytes } = result.input;
    assert.deepEqual(result.restored, { bytes, sha256, match: true, providersDown: 3 });
    assert.deepEqual(result.recovered, { match: true });
  });

  test("faults: the three that were stopped for a while missed one epoch each and lost nothing", () => {
    assert.equal(faultsFor("stopped for a while", "missed").length, 3);
    assert.deepEqual(faultsFor("stopped for a while", "lost"), []);
  });

  test("faults: the slow one missed one epoch, lost nothing and has all of its stake", () => {
    assert.equal(faultsFor("late", "missed").length, 1);
    assert.deepEqual(faultsFor("late", "lost"), []);
    assert.ok(changeOf(`provider ${providerFor("late")}`) > 0n);
  });

  test("faults: dead, cheater and accused missed epochs until the thresholds made each lost, once", () => {
    for (const reason of ["stopped for good", "lost a third of its shards", "ignored by bribed keepers"]) {
      const [lost, ...more] = faultsFor(reason, "lost");
      assert.deepEqual(more, [], reason);
      const missed = faultsFor(reason, "missed").map(({ epoch }) => epoch);
      // Two epochs is the lowest threshold of the embedded group.
      assert.ok(lost !== undefined && lost.epoch - Math.min(...missed) >= 2, reason);
    }
    assert.equal(result.lost, 3);
    assert.ok(result.faults.every(({ reason }) => reason !== "unknown"));
  });

  test("offers: one for each of the four slots that changed hands, none expired, none void", () => {
    assert.deepEqual(result.offers, { made: 4, accepted: 4, expired: 0, void: 0 });
  });

  test("repairs: what was rebuilt, and k bytes were read for each byte that was lost", () => {
    const { repairs, recovery, order } = result;
    assert.equal(repairs.slots, 4);
    // Three slots of the file and one of the second order, which is twice as long.
    assert.equal(result.secondOrder?.stripes, 2 * order.stripes);
    assert.equal(repairs.bytesWritten, (3 + 2) * order.stripes * SHARD_BYTES);
    assert.ok(repairs.seconds > 0);
    assert.ok(recovery !== null);
    assert.ok(recovery.readPerLostByte >= recovery.ideal);
    assert.ok(recovery.readPerLostByte <= recovery.ideal * 1.5, String(recovery.readPerLostByte));
    assert.ok(recovery.epochs >= 3 && recovery.epochs <= 8, String(recovery.epochs));
    assert.ok(recovery.seconds > 0);
  });

  test("appeals: the cheater's failed, the accused one's was accepted", () => {
    assert.deepEqual(result.appeals, [
      { provider: providerFor("lost a third of its shards"), accepted: false },
      { provider: providerFor("ignored by bribed keepers"), accepted: true },
    ]);
  });

  test("direct challenges: the honest provider answered, the cheater did not", () => {
    assert.deepEqual(
      result.directChallenges.map(({ answered }) => answered),
      [true, false],
    );
    assert.equal(result.directChallenges[1]?.provider, providerFor("lost a third of its shards"));
  });

  test("slashed: dead, cheater and double signer lose stake, and nobody else", () => {
    const { slashed, equivocations, money } = result;
    assert.equal(equivocations, 1);
    // A keeper's whole stake of 5,000: a twentieth to the reporter.
    assert.equal(BigInt(slashed.burnt), 4_750n * 10n ** 18n);
    assert.equal(BigInt(slashed.toReporters), 250n * 10n ** 18n);
    // Two slots of the file and one of the second order, a thousandth of a token per shard.
    const collateral = BigInt((2 + 2) * result.order.stripes) * 10n ** 15n;
    const { toUsers, toRepairers, toTreasury, toChallengers } = slashed;
    const all = [toUsers, toRepairers, toTreasury, toChallengers].reduce(
      (sum, part) => sum + BigInt(part),
      0n,
    );
    assert.equal(all, collateral);
    for (const part of [toUsers, toRepairers, toTreasury, toChallengers]) assert.ok(BigInt(part) > 0n);
    const losers = money.filter(({ change }) => BigInt(change) < 0n).map(({ who }) => who);
    const guilty = ["stopped for good", "lost a third of its shards"].map(
      (r) => `provider ${providerFor(r)}`,
    );
    for (const who of losers) assert.ok([...guilty, "user", "keeper 1"].includes(who), who);
  });

  test("the file came back once more, with six of the twelve providers down", () => {
    assert.deepEqual(result.restoredAfterRepair, { match: true, providersDown: 6 });
  });

  test("the index has the newest block, and no token is lost", () => {
    assert.ok(result.index.block > 20);
    assert.equal(result.index.behind, 0);
    assert.equal(result.balances.conserved, true);
    assert.equal(
      result.money.reduce((sum, { change }) => sum + BigInt(change), 0n),
      0n,
    );
  });

  test("the index has counted what the chain says happened", () => {
    const { index, offers } = result;
    const answers = result.directChallenges.filter(({ answered }) => answered).length;
    assert.deepEqual(
      { ...index, block: 0, behind: 0 },
      {
        block: 0,
        behind: 0,
        // One slot was lost by a direct challenge that nobody answered.
        evictions: result.lost + result.directChallenges.length - answers,
        offersMade: offers.made,
        offersExpired: offers.expired,
        appealsAccepted: result.appeals.filter(({ accepted }) => accepted).length,
        challengesAnswered: answers,
        challengesUnanswered: result.directChallenges.length - answers,
        keepersSlashed: result.equivocations,
      },
    );
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
      "Repairs.acceptRepair",
      "Repairs.claimBonus",
      "Disputes.appeal",
      "Disputes.closeRecord",
      "Disputes.challenge",
      "Disputes.respond",
      "Disputes.closeChallenge",
      "ChallengeSettlement.reportEquivocation",
    ]) {
      assert.ok(kinds.has(kind), `${kind} is missing`);
    }
  });

  test("the seconds of every part are measured", () => {
    const { install, boot, store, epochs, restore, faults, total } = result.seconds;
    assert.equal(install, 1.5);
    for (const seconds of [boot, store, epochs, restore, faults]) assert.ok(seconds > 0);
    assert.ok(total >= boot + store + epochs + restore + faults);
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
