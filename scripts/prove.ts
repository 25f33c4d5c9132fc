import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";
import { createSolver } from "./prove/solver.ts";
import { type Finding, type Property, propertiesOf } from "./prove/verdicts.ts";

/*
 * Proves what test/contracts/smt asserts of the libraries, for all inputs, with the compiler's model checker and z3.
 * Prints a row per property and fails when one is violated. Words pick harnesses. docs/formal.md says what holds.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Loops are unrolled that often. */
const LOOP_ITERATIONS = 3;

const solver = createSolver(process.env.MEMO_SMT_SOLVER);

function read(path: string): string {
  return readFileSync(join(ROOT, path.startsWith("@") ? join("node_modules", path) : path), "utf8");
}

function prove(file: string): Property[] {
  const source = read(file);
  const input = {
    language: "Solidity",
    sources: { [file]: { content: source } },
    settings: {
      evmVersion: "osaka",
      outputSelection: {},
      modelChecker: {
        contracts: { [file]: [basename(file, ".sol")] },
        engine: "bmc",
        solvers: ["smtlib2"],
        targets: ["assert", "overflow", "underflow", "divByZero"],
        bmcLoopIterations: LOOP_ITERATIONS,
        showProvedSafe: true,
        showUnproved: true,
      },
    },
  };
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), {
      import: (path: string) => ({ contents: read(path) }),
      smtSolver: (query: string) => ({ contents: solver.solve(query) }),
    }),
  ) as { errors?: (Finding & { severity: string; formattedMessage: string })[] };
  const findings = output.errors ?? [];
  for (const finding of findings) {
    const isCounterexample = finding.message.includes("happens here");
    if (isCounterexample || finding.severity === "error") console.error(finding.formattedMessage);
  }
  return propertiesOf(file, source, findings);
}

console.log(`solc ${solc.version()}, ${solver.version}\n`);
const words = process.argv.slice(2);
const all = globSync("test/contracts/smt/*.sol", { cwd: ROOT }).sort();
const picked = all.filter((it) => words.length === 0 || words.some((word) => it.includes(word)));
const properties = picked.flatMap((file) => {
  const found = prove(file);
  console.log(basename(file, ".sol"));
  for (const { name, verdict, checks } of found) {
    console.log(`  ${verdict.padEnd(8)}  ${name} (${checks} checks)`);
  }
  return found;
});
const count = (verdict: string) => properties.filter((it) => it.verdict === verdict).length;
console.log(`\n${count("proven")} proven, ${count("violated")} violated, ${count("unknown")} unknown`);
if (picked.length === 0) console.error(`No harness has one of these words in its name: ${words.join(", ")}`);
process.exitCode = picked.length === 0 || count("violated") > 0 ? 1 : 0;
