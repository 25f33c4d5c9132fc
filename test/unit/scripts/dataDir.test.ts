import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { prepareDataDir, releaseDataDir } from "../../../scripts/embedded/dataDir.ts";

const folder = mkdtempSync(join(tmpdir(), "memo-data-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("a new directory is made, and the next network empties it", () => {
  const path = join(folder, "new", "network");
  prepareDataDir(path);
  writeFileSync(join(path, "left-over"), "x");
  releaseDataDir(path);
  prepareDataDir(path);
  assert.equal(existsSync(join(path, "left-over")), false);
});

test("an empty directory is taken", () => {
  const path = join(folder, "empty");
  mkdirSync(path);
  prepareDataDir(path);
});

test("a directory with somebody's files is refused and left as it is", () => {
  const path = join(folder, "photos");
  mkdirSync(path);
  writeFileSync(join(path, "holiday.jpg"), "x");
  assert.throws(() => prepareDataDir(path), { code: "DATA_DIR_NOT_OURS" });
  assert.ok(existsSync(join(path, "holiday.jpg")));
});

test("a file in its place is refused", () => {
  const path = join(folder, "file");
  writeFileSync(path, "x");
  assert.throws(() => prepareDataDir(path), { code: "DATA_DIR_NOT_OURS" });
});

test("a directory whose network still runs is refused, and one whose network was killed is taken over", () => {
  const path = join(folder, "running");
  prepareDataDir(path);
  writeFileSync(join(path, "precious"), "x");
  assert.throws(() => prepareDataDir(path), { code: "DATA_DIR_IN_USE" });
  assert.ok(existsSync(join(path, "precious")));
  writeFileSync(join(path, ".memo-network"), "Process 4194305");
  prepareDataDir(path);
  assert.equal(existsSync(join(path, "precious")), false);
});
