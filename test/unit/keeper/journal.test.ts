import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Hex, keccak256, stringToBytes } from "viem";
import { type JournalEntry, openJournal } from "../../../keeper/consensus/journal.ts";
import { valueDigest } from "../../../keeper/consensus/messageEncoding.ts";
import { EPOCH, prepare, valueBy } from "./fixtures.ts";

const owner = { operator: `0x${"aa".repeat(20)}`, chainId: 31_337, group: `0x${"bb".repeat(20)}` } as const;
const digest = (text: string): Hex => keccak256(stringToBytes(text));
const directory = mkdtempSync(join(tmpdir(), "memo-journal-"));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const newPath = () => join(directory, `${++files}.sqlite`);

function entry(round: number, text: string, epoch = EPOCH): JournalEntry {
  const draft = { type: "prepare", epoch, round, digest: digest(text), member: 1 } as const;
  return { epoch, round, type: "prepare", digest: digest(text), draft };
}

describe("the vote journal", () => {
  it("gives back after a restart what was recorded, in order, with the lock", () => {
    const path = newPath();
    const first = openJournal(path, owner);
    const value = valueBy([0, 1, 2]);
    const lock = {
      round: 1,
      digest: valueDigest(value),
      value,
      prepares: [0, 1, 2].map((member) => prepare(member, 1, value)),
    };
    first.record(entry(0, "a"));
    first.record({ ...entry(1, "b"), lock });
    first.close();
    const second = openJournal(path, owner);
    const restored = second.restore(EPOCH);
    assert.deepEqual(restored.drafts, [entry(0, "a").draft, entry(1, "b").draft]);
    assert.deepEqual(restored.lock, lock);
    assert.deepEqual(second.restore(EPOCH + 1), { drafts: [], lock: null });
    second.close();
  });

  it("refuses another digest for the same epoch, round and type, also after a restart", () => {
    const path = newPath();
    const first = openJournal(path, owner);
    first.record(entry(0, "a"));
    first.record(entry(0, "a"));
    assert.throws(() => first.record(entry(0, "b")), { code: "JOURNAL_CONFLICT" });
    first.close();
    const second = openJournal(path, owner);
    assert.throws(() => second.record(entry(0, "b")), { code: "JOURNAL_CONFLICT" });
    second.record(entry(1, "b"));
    second.close();
  });

  it("does not keep the lock of a refused entry", () => {
    const journal = openJournal(newPath(), owner);
    journal.record(entry(0, "a"));
    const value = valueBy([0, 1, 2]);
    const lock = { round: 0, digest: valueDigest(value), value, prepares: [] };
    assert.throws(() => journal.record({ ...entry(0, "b"), lock }), { code: "JOURNAL_CONFLICT" });
    assert.equal(journal.restore(EPOCH).lock, null);
    journal.close();
  });

  it("never signs again in an epoch that it has forgotten", () => {
    const path = newPath();
    const first = openJournal(path, owner);
    first.record(entry(0, "a"));
    first.prune(EPOCH + 1);
    assert.deepEqual(first.restore(EPOCH).drafts, []);
    assert.throws(() => first.record(entry(0, "b")), { code: "JOURNAL_CONFLICT" });
    first.close();
    const second = openJournal(path, owner);
    second.prune(0);
    assert.throws(() => second.record(entry(3, "c")), { code: "JOURNAL_CONFLICT" });
    second.record(entry(0, "d", EPOCH + 1));
    second.close();
  });

  it("is refused to another key, group and chain", () => {
    const path = newPath();
    openJournal(path, owner).close();
    for (const other of [
      { operator: `0x${"ab".repeat(20)}` },
      { group: `0x${"bc".repeat(20)}` },
      { chainId: 1 },
    ] as const) {
      assert.throws(() => openJournal(path, { ...owner, ...other }), { code: "JOURNAL_FOREIGN" });
    }
  });

  it("is refused when it is damaged", () => {
    const path = newPath();
    writeFileSync(path, Buffer.alloc(8_192, 7));
    assert.throws(() => openJournal(path, owner), { code: "JOURNAL_CORRUPT" });
  });
});
