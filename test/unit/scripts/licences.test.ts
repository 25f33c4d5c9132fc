import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findForeignLicences, isAllowedLicence } from "../../../scripts/checks/licences.ts";

test("one allowed alternative is enough", () => {
  assert.ok(isAllowedLicence("MIT"));
  assert.ok(isAllowedLicence("(GPL-3.0-only OR MIT)"));
  assert.equal(isAllowedLicence("GPL-3.0-only"), false);
  assert.equal(isAllowedLicence("(MIT AND GPL-3.0-only)"), false);
});

test("packages with a licence that is not on the list, or none, are named with their path", async () => {
  const root = mkdtempSync(join(tmpdir(), "memo-licences-"));
  const packages = {
    "": { license: "Apache-2.0" },
    "node_modules/good": { license: "ISC" },
    "node_modules/good/node_modules/bad": { license: "AGPL-3.0" },
    "node_modules/silent": {},
  };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }));
  try {
    assert.deepEqual(await findForeignLicences(root), [
      "node_modules/good/node_modules/bad: AGPL-3.0",
      "node_modules/silent: no licence named",
    ]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
