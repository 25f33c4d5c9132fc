import { globSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import hre from "hardhat";
import type { Abi } from "viem";
import { abiSnapshot } from "./snapshots/abi.ts";
import { CODE_BYTES_MAX, formatSizes } from "./snapshots/sizes.ts";
import { storageLayouts } from "./snapshots/storage.ts";

/*
 * Writes what must not change by accident of every contract that is deployed: where its variables lie, what it
 * answers to, how much code it is. `npm run check` fails when the committed files are others.
 */
const FOLDER = join(dirname(dirname(fileURLToPath(import.meta.url))), "snapshots");

async function write(kind: "abi" | "storage", files: ReadonlyMap<string, unknown>): Promise<void> {
  await mkdir(join(FOLDER, kind), { recursive: true });
  for (const old of globSync("*.json", { cwd: join(FOLDER, kind) })) {
    if (!files.has(basename(old, ".json"))) await rm(join(FOLDER, kind, old));
  }
  for (const [name, content] of files) {
    await writeFile(join(FOLDER, kind, `${name}.json`), `${JSON.stringify(content, null, 2)}\n`);
  }
}

if (process.env.MEMO_QUICK_BUILD === "1") {
  throw new Error("MEMO_QUICK_BUILD makes code that is never deployed: take the snapshots without it.");
}
await hre.tasks.getTask("build").run({ quiet: true, noTests: true });
const layouts = storageLayouts(dirname(FOLDER));
const abis = new Map<string, unknown>();
const storage = new Map<string, unknown>();
const sizes: Record<string, number> = {};
for (const name of [...(await hre.artifacts.getAllFullyQualifiedNames())].sort()) {
  if (!/^contracts\/[^/]+\.sol:/.test(name)) continue;
  const artifact = await hre.artifacts.readArtifact(name);
  // Abstract ones are part of others.
  if (artifact.deployedBytecode === "0x") continue;
  abis.set(artifact.contractName, abiSnapshot(artifact.abi as Abi));
  storage.set(artifact.contractName, layouts.get(name));
  sizes[artifact.contractName] = artifact.deployedBytecode.length / 2 - 1;
}
await write("abi", abis);
await write("storage", storage);
const sizesFile = join(FOLDER, "sizes.json");
const before = JSON.parse(await readFile(sizesFile, "utf8").catch(() => "{}")) as Record<string, number>;
await writeFile(sizesFile, `${JSON.stringify(sizes, null, 2)}\n`);
console.log(formatSizes(sizes, before));
if (Object.values(sizes).some((size) => size > CODE_BYTES_MAX)) process.exitCode = 1;
