import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Totals, totalsOfNodeTest, totalsOfSolidity } from "./totals.ts";

const HARDHAT = "node_modules/hardhat/dist/src/cli.js";
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning"];
/** Milliseconds after which a test that waits for ever has failed; the longest takes a quarter of it. */
const TEST_TIMEOUT_MS = 600_000;

/** Runs Node with the given arguments, streams what it prints and returns it with the exit code. */
async function runNode(
  args: readonly string[],
  root: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ output: string; code: number }> {
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    process.stdout.write(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
  const stop = (signal: NodeJS.Signals) => child.kill(signal);
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve(status ?? 1));
  });
  process.off("SIGINT", stop).off("SIGTERM", stop);
  return { output, code };
}

/** Runs files with node:test, `concurrency` files at a time; `flags` are Node's. */
export async function runNodeTests(
  files: readonly string[],
  concurrency: number,
  root: string,
  flags: readonly string[] = [],
): Promise<Totals> {
  const folder = await mkdtemp(join(tmpdir(), "memo-totals-"));
  const destination = join(folder, "totals.json");
  try {
    await runNode(
      [
        ...NODE_FLAGS,
        ...flags,
        "--test",
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${TEST_TIMEOUT_MS}`,
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        `--test-reporter=${join(root, "scripts/testing/totalsReporter.ts")}`,
        `--test-reporter-destination=${destination}`,
        ...files,
      ],
      root,
    );
    return totalsOfNodeTest(await readFile(destination, "utf8").catch(() => ""));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs the Solidity tests in Hardhat, with one of the profiles and seeds of its configuration. On the quick build: the
 * handlers take minutes through the IR, and so both pipelines of the compiler are tried.
 */
export async function runSolidityTests(root: string, long?: { seed: string }): Promise<Totals> {
  const { output, code } = await runNode(
    [...NODE_FLAGS, HARDHAT, "test", "solidity", ...(long === undefined ? [] : ["--test-profile", "long"])],
    root,
    { ...process.env, MEMO_QUICK_BUILD: "1", ...(long === undefined ? {} : { MEMO_FUZZ_SEED: long.seed }) },
  );
  return totalsOfSolidity(stripVTControlCharacters(output), code);
}
