import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { findStaleFiles } from "./checks/generated.ts";
import { findForeignLicences } from "./checks/licences.ts";

/* What a reader of the repository may take for granted: types, lint, format, generated files, licences. */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BIN = "node_modules";

interface Check {
  name: string;
  /** Lines of complaint; none means that the check passed. */
  run(): Promise<string[]> | string[];
}

function tool(name: string, ...args: string[]): Check {
  return {
    name,
    run() {
      const result = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
      if (result.status === 0) return [];
      return `${result.stdout}${result.stderr}`.trimEnd().split("\n");
    },
  };
}

const TSC = `${BIN}/typescript/bin/tsc`;
const CHECKS: readonly Check[] = [
  tool("types", TSC, "--noEmit", "-p", "."),
  tool("types of the indexer", TSC, "--noEmit", "-p", "indexer"),
  tool("lint and format", `${BIN}/@biomejs/biome/bin/biome`, "check", "--error-on-warnings", "."),
  tool("Solidity lint", `${BIN}/solhint/solhint.js`, "--max-warnings", "0", "contracts/**/*.sol"),
  tool(
    "Solidity format",
    `${BIN}/prettier/bin/prettier.cjs`,
    "--check",
    "contracts/**/*.sol",
    "test/contracts/**/*.sol",
  ),
  { name: "generated files", run: () => findStaleFiles(ROOT) },
  { name: "licences", run: () => findForeignLicences(ROOT) },
];

let failed = 0;
for (const check of CHECKS) {
  const complaints = await check.run();
  console.log(`${complaints.length === 0 ? "✓" : "✗"} ${check.name}`);
  for (const line of complaints) console.log(`  ${line}`);
  if (complaints.length > 0) failed += 1;
}
console.log(failed === 0 ? "All checks passed." : `${failed} of ${CHECKS.length} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;
