import Database from "better-sqlite3";
import type { Address, Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import type { Restored } from "./effects.ts";
import type { Equivocation } from "./equivocation.ts";
import {
  decodeDraft,
  decodeLock,
  decodeSigned,
  encodeDraft,
  encodeLock,
  encodeSigned,
} from "./messageEncoding.ts";
import type { CommitMessage, Draft, Lock } from "./messages.ts";

/** Version of the journal file; another one is refused by name. */
const JOURNAL_VERSION = 1;

/** What is about to be signed. */
export type JournalEntry = {
  readonly epoch: number;
  readonly round: number;
  readonly type: Draft["type"];
  /** Digest that the signature covers. */
  readonly digest: Hex;
  readonly draft: Draft;
  readonly lock?: Lock;
};

/** Durable memory of what was signed. */
export type Journal = {
  /**
   * Returns once the entry is on disk. The same digest again is no change.
   * @throws JOURNAL_CONFLICT when another digest was recorded for this epoch, round and type
   */
  record(entry: JournalEntry): void;
  /** What was recorded of an epoch. */
  restore(epoch: number): Restored;
  /** Forgets epochs below. Only for those that the chain has certified: no vote on them is of use. */
  prune(below: number): void;
  /** Keeps the proof that a member signed twice until it is on chain; durable on return. */
  keepEquivocation(equivocation: Equivocation): void;
  /** What is kept of that kind. */
  equivocations(): readonly Equivocation[];
  dropEquivocation(equivocation: Equivocation): void;
  close(): void;
};

/**
 * Opens the journal of one keeper in one group. Every commit is synchronous.
 * @throws JOURNAL_FOREIGN (of another key, group or chain), UNSUPPORTED_VERSION, JOURNAL_CORRUPT
 */
export function openJournal(
  path: string,
  owner: { operator: Address; chainId: number; group: Address },
): Journal {
  const db = openDatabase(path);
  assertOwner(db, owner);
  const find = db.prepare<[number, number, string], { digest: Hex }>(
    "SELECT digest FROM signed WHERE epoch = ? AND round = ? AND type = ?",
  );
  const insert = db.prepare("INSERT INTO signed (epoch, round, type, digest, draft) VALUES (?, ?, ?, ?, ?)");
  const setLock = db.prepare("INSERT OR REPLACE INTO lock (epoch, lock) VALUES (?, ?)");
  const floor = db.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'floor'");
  const setFloor = db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('floor', ?)");

  const write = db.transaction((entry: JournalEntry) => {
    const { epoch, round, type, digest, draft, lock } = entry;
    if (epoch < Number(floor.get()?.value ?? 0)) {
      throw conflict(entry, "the journal has closed this epoch");
    }
    const earlier = find.get(epoch, round, type);
    if (earlier !== undefined && earlier.digest !== digest) {
      throw conflict(entry, `${earlier.digest} was signed before`);
    }
    if (lock !== undefined) setLock.run(epoch, encodeLock(lock));
    if (earlier === undefined) insert.run(epoch, round, type, digest, encodeDraft(draft));
  });

  return {
    record: (entry) => write.immediate(entry),
    restore(epoch) {
      const drafts = db
        .prepare<[number], { draft: Uint8Array }>(
          "SELECT draft FROM signed WHERE epoch = ? ORDER BY round, rowid",
        )
        .all(epoch);
      const lock = db
        .prepare<[number], { lock: Uint8Array }>("SELECT lock FROM lock WHERE epoch = ?")
        .get(epoch);
      return {
        drafts: drafts.map(({ draft }) => decodeDraft(new Uint8Array(draft))),
        lock: lock === undefined ? null : decodeLock(new Uint8Array(lock.lock)),
      };
    },
    prune: db.transaction((below: number) => {
      if (below <= Number(floor.get()?.value ?? 0)) return;
      setFloor.run(String(below));
      db.prepare("DELETE FROM signed WHERE epoch < ?").run(below);
      db.prepare("DELETE FROM lock WHERE epoch < ?").run(below);
    }),
    keepEquivocation({ first, second }) {
      db.prepare(
        "INSERT OR IGNORE INTO equivocation (epoch, round, member, first, second) VALUES (?, ?, ?, ?, ?)",
      ).run(...placeOf(first), encodeSigned(first), encodeSigned(second));
    },
    equivocations: () =>
      db
        .prepare<[], { first: Uint8Array; second: Uint8Array }>(
          "SELECT first, second FROM equivocation ORDER BY epoch, round, member",
        )
        .all()
        .map(({ first, second }) => ({ first: commitOf(first), second: commitOf(second) })),
    dropEquivocation({ first }) {
      db.prepare("DELETE FROM equivocation WHERE epoch = ? AND round = ? AND member = ?").run(
        ...placeOf(first),
      );
    },
    close: () => void db.close(),
  };
}

function placeOf({ certificate, member }: CommitMessage): [number, number, number] {
  return [certificate.epoch, certificate.round, member];
}

function commitOf(bytes: Uint8Array): CommitMessage {
  return decodeSigned(new Uint8Array(bytes)) as CommitMessage;
}

function openDatabase(path: string): Database.Database {
  try {
    const db = new Database(path);
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    const check = db.pragma("quick_check", { simple: true });
    if (check !== "ok") throw new Error(String(check));
    db.exec(`
      CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS signed (
        epoch INTEGER NOT NULL, round INTEGER NOT NULL, type TEXT NOT NULL,
        digest TEXT NOT NULL, draft BLOB NOT NULL, PRIMARY KEY (epoch, round, type));
      CREATE TABLE IF NOT EXISTS lock (epoch INTEGER PRIMARY KEY, lock BLOB NOT NULL);
      CREATE TABLE IF NOT EXISTS equivocation (
        epoch INTEGER NOT NULL, round INTEGER NOT NULL, member INTEGER NOT NULL,
        first BLOB NOT NULL, second BLOB NOT NULL, PRIMARY KEY (epoch, round, member));
    `);
    return db;
  } catch (cause) {
    throw new MemoError(
      "JOURNAL_CORRUPT",
      `The vote journal ${path} cannot be read. Do not delete it: a keeper without its journal could vote twice. Restore it from a copy, or wait until every epoch it may have voted in is certified and register a new operator key.`,
      { details: { path }, cause },
    );
  }
}

function assertOwner(
  db: Database.Database,
  owner: { operator: Address; chainId: number; group: Address },
): void {
  const get = db.prepare<[string], { value: string }>("SELECT value FROM meta WHERE key = ?");
  const set = db.prepare("INSERT INTO meta (key, value) VALUES (?, ?)");
  const version = get.get("version")?.value;
  if (version !== undefined && Number(version) !== JOURNAL_VERSION) {
    throw new MemoError(
      "UNSUPPORTED_VERSION",
      `The vote journal has version ${version}; this keeper knows ${JOURNAL_VERSION}.`,
    );
  }
  const name = `${owner.chainId}/${owner.group.toLowerCase()}/${owner.operator.toLowerCase()}`;
  const found = get.get("owner")?.value;
  if (found !== undefined && found !== name) {
    throw new MemoError(
      "JOURNAL_FOREIGN",
      `The vote journal belongs to ${found}, not to ${name}. Give each operator key its own data directory.`,
      { details: { found, expected: name } },
    );
  }
  if (version === undefined) set.run("version", String(JOURNAL_VERSION));
  if (found === undefined) set.run("owner", name);
}

function conflict({ epoch, round, type, digest }: JournalEntry, reason: string): MemoError {
  return new MemoError(
    "JOURNAL_CONFLICT",
    `The ${type} of epoch ${epoch}, round ${round} is not signed: ${reason}.`,
    { details: { epoch, round, type, digest } },
  );
}
