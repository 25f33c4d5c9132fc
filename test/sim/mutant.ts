import assert from "node:assert/strict";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Loads a module of the project with one piece of its source replaced, to see that tests notice. Its
 * imports stay those of the project.
 */
export async function loadMutant<Module>(source: URL, original: string, mutated: string): Promise<Module> {
  const text = await readFile(source, "utf8");
  assert.equal(
    text.split(original).length,
    2,
    `${basename(source.pathname)} must hold the mutated piece once`,
  );
  const rebased = text
    .replace(original, mutated)
    .replace(/from "(\.{1,2}\/[^"]+)"/g, (_all, path: string) => `from "${new URL(path, source).href}"`)
    .replace(/from "((?:@|[a-z])[^":]*)"/g, (_all, name: string) => `from "${import.meta.resolve(name)}"`);
  const path = join(await mkdtemp(join(tmpdir(), "memo-mutant-")), basename(source.pathname));
  await writeFile(path, rebased);
  return (await import(pathToFileURL(path).href)) as Module;
}
