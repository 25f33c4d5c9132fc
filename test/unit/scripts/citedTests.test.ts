import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

const ROOT = new URL("../../../", import.meta.url);
const PAGE = "docs/threat-model.md";
const CITATION = /`(test\/[\w./-]+)`: "([^"]+)"/g;

const page = await readFile(new URL(PAGE, ROOT), "utf8");
const cited = [...page.matchAll(CITATION)].map(([, path, name]) => ({ path: path!, name: name! }));

/** Whether a source has a test of exactly that name. */
function hasTest(source: string, name: string): boolean {
  return source.includes(`"${name}"`) || source.includes(`function ${name}(`);
}

describe("the threat model", () => {
  it("names a test in every row of its table of losses", () => {
    const [, table = ""] = page.split("## Who can lose what to whom");
    const rows = table
      .split("\n## ")[0]!
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .slice(2);
    assert.ok(rows.length > 20);
    for (const row of rows) assert.match(row, /`test\/[^`]+`: "/, row);
  });

  for (const { path, name } of cited) {
    it(`cites a test that exists: ${path}: ${name}`, async () => {
      assert.ok(hasTest(await readFile(new URL(path, ROOT), "utf8"), name), `${path} has no test "${name}"`);
    });
  }
});
