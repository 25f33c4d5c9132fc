import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { formatReport } from "./formatReport.ts";
import type { GasReport } from "./report.ts";

const TRACES = fileURLToPath(new URL("../../../snapshots/gasTraces.json", import.meta.url));

/** Prints where the gas of every row went whose name contains `words`. Returns the exit code. */
export async function printTrace(words: string, asJson: boolean): Promise<number> {
  const traces = JSON.parse(await readFile(TRACES, "utf8")) as Record<string, GasReport>;
  const found = Object.entries(traces).filter(([row]) => row.includes(words));
  if (found.length === 0) {
    console.error(`No row contains "${words}". Rows:\n${Object.keys(traces).join("\n")}`);
    return 1;
  }
  if (asJson) console.log(JSON.stringify(Object.fromEntries(found)));
  else console.log(found.map(([row, report]) => formatReport(row, report)).join("\n\n\n"));
  return 0;
}
