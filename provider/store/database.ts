import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { MemoError } from "../../protocol/errors.ts";

export type MetadataDatabase = Database.Database;

/** Version of the tables below. A newer one is refused by name, an older one is migrated. */
export const SCHEMA_VERSION = 3;

/** What makes each version of the one before, in order. */
const MIGRATIONS = [
  `
CREATE TABLE binding (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  chain_id INTEGER NOT NULL,
  settlement TEXT NOT NULL
) STRICT;

CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  peer TEXT NOT NULL,
  slot INTEGER NOT NULL,
  owner TEXT NOT NULL,
  payer TEXT NOT NULL,
  stripes INTEGER NOT NULL,
  policy INTEGER NOT NULL,
  start_epoch INTEGER NOT NULL,
  end_epoch INTEGER NOT NULL,
  open_by INTEGER NOT NULL,
  price TEXT NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE windows (
  upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  first_stripe INTEGER NOT NULL,
  count INTEGER NOT NULL,
  commitments BLOB NOT NULL,
  points BLOB NOT NULL,
  digests BLOB NOT NULL,
  proven INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (upload_id, first_stripe)
) STRICT;

CREATE TABLE slot_commitments (
  upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  slot INTEGER NOT NULL,
  commitments BLOB NOT NULL,
  PRIMARY KEY (upload_id, slot)
) STRICT;

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  slot INTEGER NOT NULL,
  body BLOB NOT NULL,
  signature BLOB NOT NULL,
  opened INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX orders_by_upload ON orders (upload_id);

CREATE TABLE answers (
  epoch INTEGER PRIMARY KEY,
  message BLOB NOT NULL,
  openings BLOB NOT NULL
) STRICT;

CREATE TABLE covers (
  epoch INTEGER PRIMARY KEY,
  cover BLOB NOT NULL
) STRICT;
`,
  // A provider that lost a slot may be given another one of the same order while it still keeps the first one's bytes.
  `
ALTER TABLE orders RENAME TO orders_1;
DROP INDEX orders_by_upload;
CREATE TABLE orders (
  id TEXT NOT NULL,
  slot INTEGER NOT NULL,
  upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  body BLOB NOT NULL,
  signature BLOB NOT NULL,
  opened INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (id, slot)
) STRICT;
CREATE INDEX orders_by_upload ON orders (upload_id);
INSERT INTO orders SELECT id, slot, upload_id, body, signature, opened FROM orders_1;
DROP TABLE orders_1;

CREATE TABLE repairs (
  order_id TEXT NOT NULL,
  slot INTEGER NOT NULL,
  upload_id TEXT REFERENCES uploads (id) ON DELETE SET NULL,
  deadline INTEGER NOT NULL,
  refused TEXT,
  PRIMARY KEY (order_id, slot)
) STRICT;
CREATE INDEX repairs_by_upload ON repairs (upload_id);
`,
  // The operator key of a provider may be replaced; what is kept here stays the provider's.
  "ALTER TABLE binding ADD COLUMN provider_id INTEGER;",
];

/**
 * Opens the provider's metadata in `directory`: write-ahead log, every commit synced, one process only.
 * @throws STORE_TOO_NEW when a newer version of the program wrote it
 * @throws DATA_DIR_IN_USE when another process has it open
 */
export function openDatabase(directory: string): MetadataDatabase {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const database = new Database(join(directory, "provider.sqlite"), { timeout: 500 });
  try {
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    migrate(database, directory);
    return database;
  } catch (error) {
    database.close();
    throw inUse(error, directory) ?? error;
  }
}

function migrate(database: MetadataDatabase, directory: string): void {
  const version = database.pragma("user_version", { simple: true }) as number;
  if (version > SCHEMA_VERSION) {
    throw new MemoError(
      "STORE_TOO_NEW",
      `${directory} was written by a newer memo-provider (store version ${version}, this one knows ${SCHEMA_VERSION}). Install the newer one.`,
      { details: { directory, version, known: SCHEMA_VERSION } },
    );
  }
  if (version === SCHEMA_VERSION) return;
  database.transaction(() => {
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
}

function inUse(error: unknown, directory: string): MemoError | undefined {
  if ((error as { code?: string }).code !== "SQLITE_BUSY") return undefined;
  return new MemoError(
    "DATA_DIR_IN_USE",
    `Another process uses ${directory}. Stop it, or give this one a data directory of its own.`,
    { details: { directory }, cause: error },
  );
}
