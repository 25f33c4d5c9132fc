import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Licences under which a dependency may be used, installed and shipped beside Apache-2.0. */
const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "Apache-2.0 WITH LLVM-exception",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "Python-2.0",
  "Unlicense",
]);

/** Packages whose manifest names no licence, read by hand in their repository. */
const READ_BY_HAND = new Map([
  ["@nomicfoundation/ignition-ui", "MIT"],
  ["memorystream", "MIT"],
]);

interface LockFile {
  packages: Record<string, { license?: string; link?: boolean }>;
}

/** Whether one alternative of an SPDX expression without AND is allowed. */
export function isAllowedLicence(expression: string): boolean {
  return expression
    .replace(/^\(|\)$/g, "")
    .split(" OR ")
    .some((licence) => ALLOWED.has(licence.trim()));
}

/** One line for each package of the lock file whose licence is not on the list. */
export async function findForeignLicences(root: string): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as LockFile;
  const complaints: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === "" || entry.link) continue;
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const licence = entry.license ?? READ_BY_HAND.get(name);
    if (licence === undefined || !isAllowedLicence(licence)) {
      complaints.push(`${path}: ${licence ?? "no licence named"}`);
    }
  }
  return complaints;
}
