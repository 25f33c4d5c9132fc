import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Condition } from "./coverage/instrument.ts";
import { CONDITIONS_FOLDER } from "./coverage/plugin.ts";
import { coverageOf, formatCoverage, formatMissed, LEAST, parseLcov, totalOf } from "./coverage/report.ts";

/*
 * What of the contracts the tests run: lines as Hardhat counts them, and both outcomes of every condition (of an if,
 * a ?:, a loop, a left-hand side of && and ||). Fails below the least shares, or when a test fails. Words pick test
 * files and leave out the Solidity tests, for looking at a part; the shares are then those of the part.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const FOLDER = join(ROOT, "coverage");

/** Runs the tests on reporting code; what they print goes to this terminal. */
async function collect(words: readonly string[]): Promise<boolean> {
  const script = join(ROOT, "scripts/coverage/collect.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, ...words], {
    cwd: ROOT,
    env: { ...process.env, MEMO_COVERAGE: "1", HARDHAT_COVERAGE: "true" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return code === 0;
}

function readAll<T>(pattern: string): T[] {
  return globSync(pattern, { cwd: ROOT }).map(
    (file) => JSON.parse(readFileSync(join(ROOT, file), "utf8")) as T,
  );
}

const words = process.argv.slice(2);
await mkdir(FOLDER, { recursive: true });
for (const old of ["data", "conditions", "html", "lcov.info"]) {
  await rm(join(FOLDER, old), { recursive: true, force: true });
}
const passed = await collect(words);
const lcov = parseLcov(readFileSync(join(FOLDER, "lcov.info"), "utf8"));
const conditions = readAll<Condition[]>(`${CONDITIONS_FOLDER}/*.json`).flat();
const seen = new Set(readAll<Record<string, number>>("coverage/data/**/*.json").flatMap(Object.keys));
const files = coverageOf(lcov, conditions, seen).filter(({ lines, branches }) => lines + branches > 0);
await writeFile(join(FOLDER, "missed.txt"), `${formatMissed(files)}\n`);
console.log(`\n${formatMissed(files)}\n\n${formatCoverage(files)}`);
const total = totalOf(files);
if (!passed) console.error("A test failed.");
process.exitCode = passed && total.lines >= LEAST.lines && total.branches >= LEAST.branches ? 0 : 1;
