import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildContracts } from "../ignition/buildContracts.ts";
import { runSolidityTests } from "./testing/run.ts";

/*
 * Fuzz tests and invariants of the contracts with many more runs, and another seed each time. `--seed 0x…` takes up
 * one that found something.
 */
const SEED_BYTES = 8;
const { values } = parseArgs({ options: { seed: { type: "string" } } });
const seed = values.seed ?? `0x${randomBytes(SEED_BYTES).toString("hex")}`;
if (!/^0x[0-9a-fA-F]{1,64}$/.test(seed)) {
  console.error(`"${seed}" is no seed: use up to 64 hexadecimal digits after 0x.`);
  process.exit(1);
}
await buildContracts();
console.log(`Seed ${seed}\n`);
const { passed, failed } = await runSolidityTests(dirname(dirname(fileURLToPath(import.meta.url))), { seed });
console.log(`${passed} passed, ${failed} failed, seed ${seed}`);
if (failed > 0) console.log(`Again: npm run test:long -- --seed ${seed}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
