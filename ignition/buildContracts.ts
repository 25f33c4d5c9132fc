import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { MemoError } from "../protocol/errors.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const HARDHAT = "node_modules/hardhat/dist/src/cli.js";
/** As in `hardhat.config.ts`: a quick build lies beside what is deployed. */
const FOLDER = process.env.MEMO_QUICK_BUILD === "1" ? "cache/quick/" : "";
/** One artifact that is there if the others are. */
const ARTIFACT = `${FOLDER}artifacts/contracts/GroupFactory.sol/GroupFactory.json`;
/** Beside Hardhat's own cache: what was built last. */
const STAMP = `${FOLDER}cache/memo-built`;

/** Digest of everything that the artifacts are made of. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const files = [
    ...globSync("contracts/**/*.sol", { cwd: ROOT }).sort(),
    "hardhat.config.ts",
    "package-lock.json",
  ];
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(ROOT, file)));
  return hash.digest("hex");
}

/**
 * Compiles the contracts unless their artifacts are those of the sources as they are. A fresh clone has none.
 * @throws CONTRACTS_NOT_BUILT with the compiler's words
 */
export async function buildContracts(signal?: AbortSignal): Promise<void> {
  const wanted = fingerprint();
  const stamp = join(ROOT, STAMP);
  const isBuilt = existsSync(join(ROOT, ARTIFACT)) && existsSync(stamp);
  if (isBuilt && readFileSync(stamp, "utf8") === wanted) return;
  const args = ["--disable-warning=ExperimentalWarning", HARDHAT, "build", "--quiet", "--no-tests"];
  try {
    await promisify(execFile)(process.execPath, args, {
      cwd: ROOT,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    const { stdout = "", stderr = "" } = cause as { stdout?: string; stderr?: string };
    throw new MemoError(
      "CONTRACTS_NOT_BUILT",
      `The contracts do not compile:\n${stdout}${stderr}`.trimEnd(),
      {
        cause,
      },
    );
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}
