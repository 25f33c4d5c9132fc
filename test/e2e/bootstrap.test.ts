import assert from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClone, createFakeNpm } from "./harness/clone.ts";

const REPORT = `
const node: string = process.version;
console.log(JSON.stringify({ node, args: process.argv.slice(2), install: Number(process.env.MEMO_INSTALL_SECONDS) }));
`;
const ENDS_WITH_SEVEN = "process.exitCode = 7;";
const WAITS = `
process.on("SIGTERM", () => process.exit(3));
setInterval(() => undefined, 1000);
console.log("waiting");
`;

/** Makes the running Node claim to be one that cannot run TypeScript. */
const OLD_NODE = 'Object.defineProperty(process, "version", { value: "v20.19.0" });';

const clone = createClone({ report: REPORT, seven: ENDS_WITH_SEVEN, waits: WAITS });
after(() => clone.remove());

function reported(stdout: string): { node: string; args: string[]; install: number } {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

test("on a new enough Node the script runs in it with its arguments, after an install from the lock file", async () => {
  const { code, stdout, stderr } = await clone.run({ args: ["report", "--file", "a b"] });
  assert.equal(code, 0, stderr);
  const report = reported(stdout);
  assert.equal(report.node, process.version);
  assert.deepEqual(report.args, ["--file", "a b"]);
  assert.ok(report.install > 0);
  assert.match(stderr, /Installed in/);
  assert.equal(existsSync(join(clone.root, ".node")), false);
});

test("a second run installs nothing, and a changed lock file is installed again", async () => {
  const second = await clone.run({ args: ["report"] });
  assert.equal(reported(second.stdout).install, 0);
  assert.equal(second.stderr, "");
  appendFileSync(join(clone.root, "package-lock.json"), "\n");
  const third = await clone.run({ args: ["report"] });
  assert.ok(reported(third.stdout).install > 0);
});

test("on a Node that is too old the pinned one is fetched once, and what is said goes to stderr", async () => {
  const first = await clone.run({ args: ["report"], before: OLD_NODE });
  assert.equal(first.code, 0, first.stderr);
  assert.match(reported(first.stdout).node, /^v2[24]\./);
  assert.equal(first.stdout.trim().split("\n").length, 1);
  assert.match(first.stderr, /too old for this project: fetching Node/);
  const second = await clone.run({ args: ["report"], before: OLD_NODE });
  assert.doesNotMatch(second.stderr, /fetching|Installing/);
  assert.equal(reported(second.stdout).install, 0);
});

test("the script's exit code and a signal are passed on", async () => {
  assert.equal((await clone.run({ args: ["seven"] })).code, 7);
  const stopped = await clone.run({ args: ["waits"], onFirstOutput: (kill) => kill("SIGTERM") });
  assert.equal(stopped.code, 3);
});

test("a script that does not exist is refused", async () => {
  const { code, stderr } = await clone.run({ args: ["../etc"] });
  assert.equal(code, 1);
  assert.match(stderr, /There is no script/);
});

test("an npm that is too old is refused by its version, without being run", async () => {
  const fresh = createClone({ report: REPORT });
  const npm = createFakeNpm(fresh.root, "6.14.18", "throw new Error('was run');");
  const { code, stderr } = await fresh.run({ args: ["report"], env: { npm_execpath: npm } });
  fresh.remove();
  assert.equal(code, 1);
  assert.match(stderr, /npm 6\.14\.18 is too old: npm 10 or newer/);
  assert.doesNotMatch(stderr, /was run|at Object/);
});

test("without any npm it is said where to get one", async () => {
  const fresh = createClone({ report: REPORT });
  const { code, stderr } = await fresh.run({
    args: ["report"],
    env: { npm_execpath: "", PATH: fresh.root },
    before: `process.execPath = ${JSON.stringify(join(fresh.root, "bin", "node"))};`,
  });
  fresh.remove();
  assert.equal(code, 1);
  assert.match(stderr, /npm was not found.*nodejs\.org/);
});

test("on a platform without a packaged Node an old Node is refused by name", async () => {
  const fresh = createClone({ report: REPORT });
  const { code, stderr } = await fresh.run({
    args: ["report"],
    before: `${OLD_NODE} Object.defineProperty(process, "platform", { value: "sunos" });`,
  });
  fresh.remove();
  assert.equal(code, 1);
  assert.match(stderr, /Node v20\.19\.0 is too old .* no packaged Node for sunos/);
});

test("a package that is not the pinned one is thrown away", async () => {
  const fresh = createClone({ report: REPORT });
  const npm = createFakeNpm(
    fresh.root,
    "10.9.0",
    `const [, , , spec, , folder] = process.argv;
     const name = spec.replace(/@(?=[^@]*$)/, "-") + ".tgz";
     require("node:fs").writeFileSync(require("node:path").join(folder, name), "something else");`,
  );
  const { code, stderr } = await fresh.run({
    args: ["report"],
    env: { npm_execpath: npm },
    before: OLD_NODE,
  });
  const left = readdirSync(join(fresh.root, ".node"));
  fresh.remove();
  assert.equal(code, 1);
  assert.match(stderr, /is not the one that is pinned here/);
  assert.deepEqual(left, []);
});

test("a registry that cannot be reached is said, and nothing claims to be installed", async () => {
  const fresh = createClone({ report: REPORT });
  const env = {
    npm_config_registry: "http://127.0.0.1:9",
    npm_config_cache: join(fresh.root, "cache"),
    npm_config_fetch_retries: "0",
  };
  const { code, stderr } = await fresh.run({ args: ["report"], env, before: OLD_NODE });
  const left = readdirSync(join(fresh.root, ".node"));
  fresh.remove();
  assert.equal(code, 1);
  assert.match(stderr, /Fetching Node .* failed\. The npm registry could not be reached/);
  assert.deepEqual(left, []);
});
