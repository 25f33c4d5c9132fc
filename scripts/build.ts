import { spawnSync } from "node:child_process";
import { cpSync, globSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/*
 * Emits dist/ for the npm package: JavaScript and types, because Node refuses TypeScript under node_modules, and the
 * files that modules load from beside themselves. In the repository nothing needs it.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = ["protocol", "provider", "keeper", "client"];

rmSync(join(ROOT, "dist"), { recursive: true, force: true });
const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  cwd: ROOT,
  stdio: "inherit",
});
if (tsc.status === 0) {
  for (const source of SOURCES) {
    for (const asset of globSync(`${source}/**/*.{wasm,json,js,mjs,proto}`, { cwd: ROOT })) {
      cpSync(join(ROOT, asset), join(ROOT, "dist", asset));
    }
  }
}
process.exitCode = tsc.status ?? 1;
