import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildContracts } from "../ignition/buildContracts.ts";
import { runNodeTests, runSolidityTests } from "./testing/run.ts";
import { addTotals, type Totals } from "./testing/totals.ts";

/*
 * Runs every test in the order in which failures are cheapest to read, and ends with the plain line
 * "N passed, N failed". `--only unit,e2e` picks stages; further words keep only files whose path contains one.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

interface Stage {
  name: string;
  /** Files of node:test. */
  pattern: string;
  /** Files at a time. Who boots networks waits for them more than it computes; clocks there are the chain's. */
  concurrency: number;
  /** Whether the contracts must be compiled before. */
  contracts: boolean;
}

const STAGES: readonly Stage[] = [
  { name: "unit", pattern: "test/unit/**/*.test.ts", concurrency: 2, contracts: false },
  { name: "contracts", pattern: "test/contracts/**/*.test.ts", concurrency: 2, contracts: true },
  { name: "integration", pattern: "test/integration/**/*.test.ts", concurrency: 3, contracts: true },
  { name: "e2e", pattern: "test/e2e/**/*.test.ts", concurrency: 2, contracts: true },
];

async function runStage(stage: Stage, words: readonly string[]): Promise<Totals> {
  const files = globSync(stage.pattern, { cwd: ROOT })
    .sort()
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  if (stage.contracts) {
    try {
      await buildContracts();
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      return { passed: 0, failed: 1 };
    }
  }
  const totals: Totals[] = [];
  if (stage.name === "contracts" && words.length === 0) totals.push(await runSolidityTests(ROOT));
  if (files.length > 0) totals.push(await runNodeTests(files, stage.concurrency, ROOT));
  return addTotals(totals);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { only: { type: "string" } },
    allowPositionals: true,
  });
  const wanted = values.only?.split(",") ?? STAGES.map((stage) => stage.name);
  const unknown = wanted.filter((name) => !STAGES.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    console.error(`There is no stage ${unknown.join(", ")}: use ${STAGES.map((s) => s.name).join(", ")}.`);
    return 1;
  }
  const stages = STAGES.filter((stage) => wanted.includes(stage.name));
  const results: { name: string; totals: Totals; seconds: number }[] = [];
  for (const stage of stages) {
    console.log(`\n── ${stage.name} ──`);
    const started = performance.now();
    const totals = await runStage(stage, positionals);
    results.push({ name: stage.name, totals, seconds: (performance.now() - started) / 1000 });
  }
  console.log("");
  for (const { name, totals, seconds } of results) {
    console.log(`${name}: ${totals.passed} passed, ${totals.failed} failed in ${seconds.toFixed(0)} s`);
  }
  const sum = addTotals(results.map((result) => result.totals));
  if (sum.passed + sum.failed === 0) console.error("No test ran at all.");
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  return sum.failed > 0 || sum.passed === 0 ? 1 : 0;
}

process.exitCode = await main();
