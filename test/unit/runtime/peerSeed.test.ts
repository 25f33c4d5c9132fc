import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { loadPeerSeed } from "../../../protocol/runtime/peerSeed.ts";

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "memo-peer-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe("the peer key", () => {
  it("is made once and stays, readable by its owner only", async (t) => {
    const dataDir = join(makeDirectory(t), "data");
    const seed = await loadPeerSeed({ dataDir });
    assert.match(seed, /^0x[0-9a-f]{64}$/);
    assert.equal(await loadPeerSeed({ dataDir }), seed);
    assert.notEqual(await loadPeerSeed({ dataDir: makeDirectory(t) }), seed);
    assert.deepEqual(readdirSync(dataDir), ["peer.key"]);
    assert.equal(statSync(join(dataDir, "peer.key")).mode & 0o777, 0o600);
  });

  it("is the one of the settings when they name one, and no file is made then", async (t) => {
    const dataDir = join(makeDirectory(t), "data");
    const peerSeed = `0x${"5e".repeat(32)}` as const;
    assert.equal(await loadPeerSeed({ dataDir, peerSeed }), peerSeed);
    assert.throws(() => readdirSync(dataDir), { code: "ENOENT" });
  });

  it("is never replaced when its file is damaged", async (t) => {
    const dataDir = makeDirectory(t);
    writeFileSync(join(dataDir, "peer.key"), "0x12", { mode: 0o600 });
    await assert.rejects(loadPeerSeed({ dataDir }), { code: "KEY_FILE_INVALID" });
  });
});
