import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import hre from "hardhat";

/**
 * Writes the ABIs that everything off chain types against, from the compiler's artifacts.
 * `node scripts/codegen.ts` writes; with `--check` it writes nothing and fails when a file is not what it should be.
 */
const CONTRACTS = [
  "GroupFactory",
  "Staking",
  "StorageOrders",
  "ChallengeSettlement",
  "Disputes",
  "Repairs",
  "Allowances",
  "StoreRegistry",
  "MemoToken",
] as const;
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDER = `${ROOT}protocol/abi/generated`;

function moduleOf(contract: string, abi: readonly unknown[]): string {
  const name = `${contract[0]!.toLowerCase()}${contract.slice(1)}Abi`;
  const entries = abi.map((entry) => `  ${JSON.stringify(entry)},`).join("\n");
  return [
    `// Written by scripts/codegen.ts from contracts/${contract}.sol. Do not edit.`,
    "",
    `export const ${name} = [`,
    entries,
    "] as const;",
    "",
  ].join("\n");
}

async function generate(check: boolean): Promise<string[]> {
  await hre.tasks.getTask("build").run({ quiet: true, noTests: true });
  await mkdir(FOLDER, { recursive: true });
  const stale: string[] = [];
  for (const contract of CONTRACTS) {
    const { abi } = await hre.artifacts.readArtifact(contract);
    const path = `${FOLDER}/${contract}.ts`;
    const wanted = moduleOf(contract, abi);
    const present = await readFile(path, "utf8").catch(() => "");
    if (present === wanted) continue;
    stale.push(`protocol/abi/generated/${contract}.ts`);
    if (!check) await writeFile(path, wanted);
  }
  return stale;
}

const check = process.argv.includes("--check");
const stale = await generate(check);
if (check && stale.length > 0) {
  process.stderr.write(`Not up to date: ${stale.join(", ")}. Run: node scripts/codegen.ts\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(stale.length === 0 ? "ABIs are up to date.\n" : `Wrote ${stale.join(", ")}.\n`);
}
