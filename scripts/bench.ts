import { globSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { printTrace } from "./bench/gas/printTrace.ts";
import type { BenchRow } from "./bench/row.ts";
import { formatTable } from "./bench/table.ts";

/*
 * Measures what the system promises in numbers: every module of scripts/bench that exports `measure`, one after the
 * other, in one table. Words pick modules (`gas`, or `--only challenge,gas`); `--json` prints the rows instead.
 * `gas --trace "direct challenge"` shows where the gas of a row went.
 */
const { values, positionals } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    only: { type: "string" },
    trace: { type: "string" },
  },
  allowPositionals: true,
});
if (values.trace !== undefined) process.exit(await printTrace(values.trace, values.json));
const named = [...positionals, ...(values.only?.split(",") ?? [])];
const wanted = named.length > 0 ? named : undefined;
const rows: BenchRow[] = [];
for (const file of globSync("bench/*.ts", { cwd: import.meta.dirname }).sort()) {
  const name = basename(file, ".ts");
  if (wanted !== undefined && !wanted.includes(name)) continue;
  const module = (await import(new URL(file, import.meta.url).href)) as {
    measure?: () => Promise<BenchRow[]>;
  };
  if (module.measure === undefined) continue;
  process.stderr.write(`measuring ${name} …\n`);
  rows.push(...(await module.measure()));
}
if (rows.length > 0) {
  // Resident memory that the process ever had, the trusted setup included.
  const peak = process.resourceUsage().maxRSS / 1024;
  rows.push({ area: "memory", name: "peak of this process", value: peak, unit: "MiB" });
}
if (values.json) {
  console.log(JSON.stringify(rows));
} else {
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  console.log(`${cpus().length} cores, ${gibibytes} GB, ${process.arch}, Node ${process.version}\n`);
  console.log(formatTable(rows));
}
if (rows.length === 0) {
  console.error("No module of scripts/bench has that name.");
  process.exitCode = 1;
}
// Worker threads of a library may outlive its last measurement.
process.exit();
