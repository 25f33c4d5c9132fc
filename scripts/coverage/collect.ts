import { globSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import hre from "hardhat";
import { runNodeTests } from "../testing/run.ts";

/*
 * Runs the contracts' tests on code that reports what of it ran, and leaves Hardhat's data below coverage/. Started by
 * scripts/coverage.ts with MEMO_COVERAGE and HARDHAT_COVERAGE set.
 */
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Files at a time. */
const CONCURRENCY = 2;
/** Name under which all data are kept: Hardhat reports one name's at a time. */
const RUN = "nodejs";
/** What measures gas or the size of code says nothing about code that reports. */
const LEFT_OUT_FILES = ["gas", "gasConstants", "compiler"].map((name) => `test/contracts/${name}.test.ts`);
const LEFT_OUT_TESTS = "giving little gas";

async function runHook(name: "onTestRunStart" | "onTestWorkerDone" | "onTestRunDone"): Promise<void> {
  await hre.hooks.runHandlerChain("test", name, [RUN], async () => {});
}

const words = process.argv.slice(2);
await hre.tasks.getTask("build").run({ quiet: true });
await runHook("onTestRunStart");
let isSound = true;
if (words.length === 0) {
  const result = (await hre.tasks.getTask(["test", "solidity"]).run({})) as { success: boolean };
  isSound = result.success;
  await runHook("onTestWorkerDone");
  // A report of a part must not be taken for the whole one, should that fail.
  await rm(`${ROOT}/coverage/lcov.info`);
}
const files = globSync("test/contracts/**/*.test.ts", { cwd: ROOT })
  .sort()
  .filter((file) => !LEFT_OUT_FILES.includes(file))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
const totals = await runNodeTests(files, CONCURRENCY, ROOT, [
  `--import=${new URL("worker.ts", import.meta.url).href}`,
  `--test-skip-pattern=${LEFT_OUT_TESTS}`,
]);
await runHook("onTestRunDone");
process.exit(isSound && totals.failed === 0 ? 0 : 1);
