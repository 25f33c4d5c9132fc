import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatTable } from "../../../scripts/bench/table.ts";
import { compareWithFile } from "../../../scripts/story/compare.ts";
import { formatBytes, formatTokens } from "../../../scripts/story/format.ts";
import { sumSamples } from "../../../scripts/story/metrics.ts";

const folder = mkdtempSync(join(tmpdir(), "memo-story-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "file");
const content = Buffer.from("what was stored, byte for byte");
writeFileSync(path, content);
const whole = { from: 0, to: content.length };

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

test("a stream that is the file matches, however it is cut, and so does one that is a range of it", async () => {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const result = await compareWithFile(chunks(content, 7), path, whole);
  assert.deepEqual(result, { bytes: content.length, sha256, match: true });
  const range = await compareWithFile(chunks(content.subarray(5, 12), 3), path, { from: 5, to: 12 });
  assert.equal(range.match, true);
});

test("one wrong byte, a byte too few or too many, and another place in the file do not match", async () => {
  const wrong = Buffer.from(content);
  wrong[20]! ^= 1;
  for (const stream of [wrong, content.subarray(0, -1), Buffer.concat([content, Buffer.of(0)])]) {
    assert.equal((await compareWithFile(chunks(stream, 7), path, whole)).match, false);
  }
  const elsewhere = await compareWithFile(chunks(content.subarray(4, 11), 3), path, { from: 5, to: 12 });
  assert.equal(elsewhere.match, false);
});

test("samples of one counter are summed by their labels", () => {
  const text = [
    "# HELP keeper_proofs_total Proofs",
    'keeper_proofs_total{outcome="valid"} 3',
    'keeper_proofs_total{outcome="PROOF_INVALID"} 5',
    'keeper_proofs_total_other{outcome="valid"} 7',
    "provider_proof_bytes_total 496",
  ].join("\n");
  assert.equal(sumSamples(text, "keeper_proofs_total", { outcome: "valid" }), 3);
  assert.equal(sumSamples(text, "keeper_proofs_total", {}), 8);
  assert.equal(sumSamples(text, "provider_proof_bytes_total", {}), 496);
});

test("bytes and tokens read as people write them", () => {
  assert.deepEqual([0, 999, 9_237_611, 20_000_000].map(formatBytes), ["0 B", "999 B", "9.24 MB", "20.0 MB"]);
  assert.deepEqual([0n, 14n * 10n ** 14n, 10n ** 16n, 12n * 10n ** 20n].map(formatTokens), [
    "0",
    "0.0014",
    "0.0100",
    "1,200",
  ]);
});

test("the table says what was measured, the goal and whether it is met", () => {
  const rows = [
    { area: "challenge", name: "prove", value: 120.4, unit: "ms", goal: "≤ 150", met: true },
    { area: "gas", name: "open", value: 285_496, unit: "gas" },
  ];
  const lines = formatTable(rows).split("\n");
  assert.equal(lines.length, 4);
  assert.match(lines[2] ?? "", /^challenge\s+prove\s+120 ms\s+≤ 150 {2}✓$/);
  assert.match(lines[3] ?? "", /^gas\s+open\s+285,496 gas$/);
});
