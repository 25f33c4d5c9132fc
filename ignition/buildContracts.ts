import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { MemoError } from "../protocol/errors.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const HARDHAT = fileURLToPath(new URL("../node_modules/hardhat/dist/src/cli.js", import.meta.url));
/** Bytes of compiler output that are kept. */
const OUTPUT_MAX = 4_194_304;

/**
 * Compiles what has changed; on a fresh clone that is everything. In a process of its own, because the
 * compiler's warnings about dependencies would end up in the caller's output.
 * @throws CONTRACTS_NOT_BUILT with what the compiler said
 */
export async function buildContracts(): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [HARDHAT, "build", "--no-tests"], {
      cwd: ROOT,
      maxBuffer: OUTPUT_MAX,
    });
  } catch (error) {
    const said = error as { stdout?: string; stderr?: string };
    throw new MemoError(
      "CONTRACTS_NOT_BUILT",
      `The contracts do not compile: ${said.stderr?.trim() || said.stdout?.trim() || String(error)}`,
      { cause: error },
    );
  }
}
