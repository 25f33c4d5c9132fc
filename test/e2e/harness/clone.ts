import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  args?: readonly string[];
  env?: Record<string, string>;
  /** CommonJS source that runs before the bootstrap, to make the machine look different. */
  before?: string;
  /** Is given the process once it has printed something to stdout. */
  onFirstOutput?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** A clone of nothing but the bootstrap, with scripts of the test's own and a lock file without dependencies. */
export function createClone(scripts: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), "memo-clone-"));
  mkdirSync(join(root, "scripts"));
  cpSync(join(ROOT, "scripts/bootstrap.cjs"), join(root, "scripts/bootstrap.cjs"));
  cpSync(join(ROOT, "scripts/bootstrap"), join(root, "scripts/bootstrap"), { recursive: true });
  const manifest = { name: "clone", version: "1.0.0", type: "module" };
  writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
  const lock = { name: "clone", version: "1.0.0", lockfileVersion: 3, packages: { "": manifest } };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
  for (const [name, source] of Object.entries(scripts)) {
    writeFileSync(join(root, "scripts", `${name}.ts`), source);
  }

  return {
    root,
    remove: () => rmSync(root, { recursive: true, force: true }),

    /** Runs `node scripts/bootstrap.cjs <args>` to its end. */
    run(options: RunOptions): Promise<Outcome> {
      const flags: string[] = [];
      if (options.before !== undefined) {
        const path = join(root, "before.cjs");
        writeFileSync(path, options.before);
        flags.push("--require", path);
      }
      const child = spawn(process.execPath, [...flags, "scripts/bootstrap.cjs", ...(options.args ?? [])], {
        cwd: root,
        env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...options.env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const outcome: Outcome = { code: null, stdout: "", stderr: "" };
      child.stdout.once("data", () => options.onFirstOutput?.((signal) => child.kill(signal)));
      child.stdout.on("data", (chunk: Buffer) => {
        outcome.stdout += chunk.toString();
      });
      child.stderr.on("data", (chunk: Buffer) => {
        outcome.stderr += chunk.toString();
      });
      return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code) => resolve({ ...outcome, code }));
      });
    },
  };
}

/** An npm of the given version whose CLI is the given source; returns the path of the CLI. */
export function createFakeNpm(root: string, version: string, source: string): string {
  const folder = join(root, `npm-${version}`);
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "npm", version }));
  writeFileSync(join(folder, "bin/npm-cli.js"), source);
  return join(folder, "bin/npm-cli.js");
}
