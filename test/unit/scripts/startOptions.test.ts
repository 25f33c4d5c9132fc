import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { MemoError } from "../../../protocol/errors.ts";
import { parseStartOptions } from "../../../scripts/story/options.ts";
import { errorCodeAsUser } from "../../support/unprivileged.ts";

const OPTIONS = new URL("../../../scripts/story/options.ts", import.meta.url);

const folder = mkdtempSync(join(tmpdir(), "memo-options-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "file.bin");
writeFileSync(file, "x");

function refusal(...argv: string[]): MemoError {
  try {
    parseStartOptions(argv);
  } catch (error) {
    assert.ok(error instanceof MemoError, String(error));
    return error;
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}

test("without flags a real file of several megabytes is stored under rs(6,3) by 12 providers and 4 keepers", () => {
  const options = parseStartOptions([]);
  assert.equal(options?.providers, 12);
  assert.equal(options?.keepers, 4);
  assert.equal(options?.policy.k, 6);
  assert.equal(options?.policy.m, 3);
  assert.ok(options?.file.endsWith("soljson.js"));
  assert.deepEqual([options?.once, options?.json], [false, false]);
});

test("every flag is taken over", () => {
  const argv = ["--file", file, "--once", "--json", "--providers", "5", "--keepers", "7"];
  const options = parseStartOptions([...argv, "--policy", "copies(3)", "--data", folder, "--port", "5000"]);
  assert.deepEqual(options, {
    file,
    once: true,
    json: true,
    providers: 5,
    keepers: 7,
    policy: { kind: "copies", k: 1, m: 2, n: 3 },
    data: folder,
    port: 5000,
  });
});

test("a chain that runs already is named by its URL", () => {
  const url = "http://127.0.0.1:8545";
  assert.equal(parseStartOptions(["--file", file, "--rpc", url])?.rpc, url);
  assert.equal(parseStartOptions(["--file", file])?.rpc, undefined);
});

test("a file that does not exist, is a directory or no regular file is named in the refusal", () => {
  const missing = refusal("--file", join(folder, "missing"));
  assert.equal(missing.code, "FILE_NOT_FOUND");
  assert.match(missing.message, /missing/);
  mkdirSync(join(folder, "sub"));
  assert.equal(refusal("--file", join(folder, "sub")).code, "FILE_IS_DIRECTORY");
  assert.equal(refusal("--file", "/dev/null").code, "FILE_NOT_REGULAR");
});

test("a file that this user may not read is refused", async () => {
  const locked = join(folder, "locked.bin");
  chmodSync(folder, 0o755);
  writeFileSync(locked, "x", { mode: 0o000 });
  const codeOf = (path: string) => errorCodeAsUser(OPTIONS, "checkFile", path);
  assert.equal(await codeOf(file), "none");
  assert.equal(await codeOf(locked), "FILE_UNREADABLE");
});

test("a policy that is malformed or needs more providers than there are is refused", () => {
  assert.equal(refusal("--file", file, "--policy", "rs(6)").code, "POLICY_INVALID");
  assert.equal(refusal("--file", file, "--policy", "rs(9,4)").code, "POLICY_NEEDS_MORE_PROVIDERS");
  assert.equal(refusal("--file", file, "--providers", "8").code, "POLICY_NEEDS_MORE_PROVIDERS");
});

for (const argv of [
  ["--providers", "many"],
  ["--providers", "0"],
  ["--providers", "65"],
  ["--keepers", "3"],
  ["--keepers", "33"],
  ["--port", "-1"],
  ["--port", "70000"],
  ["--port", "1.5"],
  ["--speed", "9"],
  ["--rpc", "localhost:8545"],
  ["--rpc", "ws://127.0.0.1:8545"],
  ["--rpc", "127.0.0.1"],
  ["--file"],
  ["surplus"],
]) {
  test(`the command line "${argv.join(" ")}" is refused`, () => {
    assert.equal(refusal(...argv).code, "FLAG_INVALID");
  });
}
