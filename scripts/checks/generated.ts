import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A script that rewrites committed files from their source, and where those files are. */
interface Generator {
  script: string;
  files: string;
}

const GENERATORS: readonly Generator[] = [
  { script: "scripts/codegen.ts", files: "protocol/abi/generated/**/*" },
  { script: "scripts/generate/vectors.ts", files: "test/vectors/**/*" },
  { script: "scripts/generate/contractVectors.ts", files: "test/vectors/{eip712,payments}.json" },
  { script: "scripts/generate/kernel.ts", files: "protocol/*/generated/*" },
  { script: "scripts/snapshots.ts", files: "snapshots/{abi/*,storage/*,sizes.json}" },
  { script: "scripts/printSchema.ts", files: "docs/schema.graphql" },
];

function digests(root: string, pattern: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of globSync(pattern, { cwd: root })) {
    const path = join(root, file);
    if (!statSync(path).isFile()) continue;
    found.set(file, createHash("sha256").update(readFileSync(path)).digest("hex"));
  }
  return found;
}

/**
 * Runs every generator in place and names the files that it changed: they were not what their source says. They are
 * left as generated, ready to be committed.
 */
export function findStaleFiles(root: string): string[] {
  const complaints: string[] = [];
  for (const { script, files } of GENERATORS) {
    if (!existsSync(join(root, script))) continue;
    const before = digests(root, files);
    const run = spawnSync(process.execPath, [script], { cwd: root, encoding: "utf8" });
    if (run.status !== 0) {
      complaints.push(`${script} failed: ${run.stderr.trim()}`);
      continue;
    }
    const after = digests(root, files);
    for (const file of new Set([...before.keys(), ...after.keys()])) {
      if (before.get(file) !== after.get(file)) complaints.push(`${file} was stale: ${script} rewrote it`);
    }
  }
  return complaints;
}
