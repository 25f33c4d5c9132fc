import { readFile } from "node:fs/promises";

/** Version of the package that runs; `unknown` when its package file is not where it belongs. */
export async function packageVersion(): Promise<string> {
  // The package file is two levels above in the repository and three above in the package's dist/.
  for (const path of ["../../package.json", "../../../package.json"]) {
    const text = await readFile(new URL(path, import.meta.url), "utf8").catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  return "unknown";
}
