import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BenchRow } from "./row.ts";

const SNAPSHOT = fileURLToPath(new URL("../../snapshots/gas.json", import.meta.url));

/** Gas of each call as the contracts' tests measured it last; `npm test` fails when it drifts. */
export async function measure(): Promise<BenchRow[]> {
  const snapshot = JSON.parse(await readFile(SNAPSHOT, "utf8")) as Record<string, string | number>;
  return Object.entries(snapshot).map(([name, gas]) => ({
    area: "gas",
    name,
    value: Number(gas),
    unit: "gas",
  }));
}
