import Database from "better-sqlite3";
import { MemoError } from "../errors.ts";
import type { RawBlock } from "./rawBlocks.ts";

/** Version of the tables below; a store of a newer program is refused. */
const STORE_VERSION = 1;

/** Durable final blocks of one group, without gaps. */
export type BlockStore = {
  first(): RawBlock | undefined;
  last(): RawBlock | undefined;
  /** Blocks from `from` on, in order, at most `count`. */
  read(from: number, count: number): RawBlock[];
  /**
   * Adds the blocks that follow the last one, all or none, durably.
   * @throws STORE_GAP when they do not follow
   */
  append(blocks: readonly RawBlock[]): void;
  close(): void;
};

type Row = {
  number: number;
  hash: string;
  parent_hash: string;
  timestamp: number;
  prev_randao: string;
  logs: string;
};

/**
 * Opens or creates a store of blocks (`:memory:` for none on disk).
 * @throws STORE_VERSION_NEWER, STORE_FOREIGN when it holds the blocks of something else, STORE_UNUSABLE
 */
export function openBlockStore(options: {
  path: string;
  /** What the blocks are about: chain, contracts and first block. */
  subject: string;
}): BlockStore {
  const { path, subject } = options;
  const database = openDatabase(path);
  try {
    prepare(database, path, subject);
  } catch (error) {
    database.close();
    throw error;
  }
  const selectFirst = database.prepare<[], Row>("SELECT * FROM blocks ORDER BY number LIMIT 1");
  const selectLast = database.prepare<[], Row>("SELECT * FROM blocks ORDER BY number DESC LIMIT 1");
  const select = database.prepare<[number, number], Row>(
    "SELECT * FROM blocks WHERE number >= ? ORDER BY number LIMIT ?",
  );
  const insert = database.prepare<Row>(
    "INSERT INTO blocks VALUES (@number, @hash, @parent_hash, @timestamp, @prev_randao, @logs)",
  );
  const last = () => fromRow(selectLast.get());
  const append = database.transaction((blocks: readonly RawBlock[]) => {
    let before = last();
    for (const block of blocks) {
      if (before !== undefined && (block.number !== before.number + 1 || block.parentHash !== before.hash)) {
        throw new MemoError("STORE_GAP", `Block ${block.number} does not follow block ${before.number}.`, {
          details: { path, number: block.number, last: before.number },
        });
      }
      insert.run(toRow(block));
      before = block;
    }
  });
  return {
    first: () => fromRow(selectFirst.get()),
    last,
    read: (from, count) => select.all(from, count).map((row) => fromRow(row)!),
    append: (blocks) => append.immediate(blocks),
    close: () => void database.close(),
  };
}

function openDatabase(path: string): Database.Database {
  try {
    const database = new Database(path);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    return database;
  } catch (cause) {
    throw new MemoError(
      "STORE_UNUSABLE",
      `The block store ${path} cannot be opened. Check the path and the disk.`,
      {
        details: { path },
        cause,
      },
    );
  }
}

function prepare(database: Database.Database, path: string, subject: string): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > STORE_VERSION) {
    throw new MemoError(
      "STORE_VERSION_NEWER",
      `The block store ${path} has version ${version}, this program reads up to ${STORE_VERSION}. Use a newer program.`,
      { details: { path, version } },
    );
  }
  if (version === 0) {
    database.transaction(() => {
      database.exec(`
        CREATE TABLE subject (text TEXT NOT NULL) STRICT;
        CREATE TABLE blocks (
          number INTEGER PRIMARY KEY,
          hash TEXT NOT NULL,
          parent_hash TEXT NOT NULL,
          timestamp INTEGER NOT NULL,
          prev_randao TEXT NOT NULL,
          logs TEXT NOT NULL
        ) STRICT`);
      database.prepare("INSERT INTO subject VALUES (?)").run(subject);
      database.pragma(`user_version = ${STORE_VERSION}`);
    })();
  }
  const held = database.prepare<[], { text: string }>("SELECT text FROM subject").get()?.text;
  if (held === subject) return;
  throw new MemoError(
    "STORE_FOREIGN",
    `The block store ${path} belongs to another chain or group. Give this node a data directory of its own.`,
    { details: { path, held, wanted: subject } },
  );
}

function toRow(block: RawBlock): Row {
  return {
    number: block.number,
    hash: block.hash,
    parent_hash: block.parentHash,
    timestamp: block.timestamp,
    prev_randao: block.prevRandao,
    logs: JSON.stringify(block.logs),
  };
}

function fromRow(row: Row | undefined): RawBlock | undefined {
  if (row === undefined) return undefined;
  return {
    number: row.number,
    hash: row.hash as RawBlock["hash"],
    parentHash: row.parent_hash as RawBlock["hash"],
    timestamp: row.timestamp,
    prevRandao: row.prev_randao as RawBlock["hash"],
    logs: JSON.parse(row.logs),
  };
}
