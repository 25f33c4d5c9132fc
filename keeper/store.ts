import { decode, encode } from "@ipld/dag-cbor";
import Database from "better-sqlite3";
import type { Certificate } from "../protocol/certificate.ts";
import { MemoError } from "../protocol/errors.ts";
import type { ExceptionLeaf } from "../protocol/results/exceptions.ts";
import type { ResultLeaf } from "../protocol/results/results.ts";
import { decodeProofMessage, encodeProofMessage } from "../protocol/wire/proofMessage.ts";
import type { ProofStore } from "./challenge/epochProofs.ts";
import type { HeldProof } from "./consensus/messages.ts";

const STORE_VERSION = 2;
/** Proof messages kept of one provider in one epoch. */
const MESSAGES_KEPT = 4;

/** What this keeper knows of an epoch that was decided or certified. */
export type EpochRecord = {
  readonly epoch: number;
  readonly certificate: Certificate;
  /** Members whose commits made it, as a bitmap; 0 when the record was fetched from others. */
  readonly signers: number;
  /** 64-byte compact signatures, ascending by member. */
  readonly signatures: readonly Uint8Array[];
  /** Leaves under `resultsRoot`. */
  readonly results: readonly ResultLeaf[];
  /** Leaves under `exceptionsRoot` with what their hashes stand for; none while they are not known. */
  readonly exceptions: readonly ExceptionLeaf[];
};

/** Proofs and results of a keeper. Lost, it is filled again from peers; the vote journal is not in it. */
export type KeeperStore = ProofStore & {
  saveRecord(record: EpochRecord): void;
  record(epoch: number): EpochRecord | undefined;
  /** Records of the newest epochs, newest first. */
  records(limit: number): EpochRecord[];
  /** Forgets proofs of epochs below. */
  pruneProofs(below: number): void;
  close(): void;
};

/**
 * Opens the store.
 * @throws STORE_VERSION_NEWER, STORE_UNUSABLE
 */
export function openKeeperStore(path: string): KeeperStore {
  const db = open(path);
  const saveProof = db.prepare("INSERT INTO proof (epoch, provider, held) VALUES (?, ?, ?)");
  const saveMessage = db.prepare(
    "INSERT OR IGNORE INTO message (epoch, provider, bytes) SELECT @epoch, @provider, @bytes WHERE (SELECT count(*) FROM message WHERE epoch = @epoch AND provider = @provider) < @kept",
  );
  const save = db.transaction((epoch: number, proof: HeldProof, message: Uint8Array | null) => {
    saveProof.run(epoch, proof.provider, encode(proof));
    if (message !== null)
      saveMessage.run({ epoch, provider: proof.provider, bytes: message, kept: MESSAGES_KEPT });
  });
  const toRecord = ({ epoch, body }: { epoch: number; body: Uint8Array }): EpochRecord => {
    const record = decode<Omit<EpochRecord, "epoch">>(new Uint8Array(body));
    // Version 1 kept no exceptions.
    return { ...record, epoch, exceptions: record.exceptions ?? [] };
  };

  return {
    save: (epoch, proof, message) =>
      save.immediate(epoch, proof, message === null ? null : encodeProofMessage(message)),
    load: (epoch) =>
      db
        .prepare<[number], { held: Uint8Array }>("SELECT held FROM proof WHERE epoch = ? ORDER BY rowid")
        .all(epoch)
        .map(({ held }) => decode<HeldProof>(new Uint8Array(held))),
    messages: (epoch, provider) =>
      db
        .prepare<[number, number], { bytes: Uint8Array }>(
          "SELECT bytes FROM message WHERE epoch = ? AND provider = ? ORDER BY rowid",
        )
        .all(epoch, provider)
        .map(({ bytes }) => decodeProofMessage(new Uint8Array(bytes))),
    saveRecord({ epoch, ...body }) {
      db.prepare("INSERT OR REPLACE INTO record (epoch, body) VALUES (?, ?)").run(epoch, encode(body));
    },
    record(epoch) {
      const row = db
        .prepare<[number], { epoch: number; body: Uint8Array }>(
          "SELECT epoch, body FROM record WHERE epoch = ?",
        )
        .get(epoch);
      return row === undefined ? undefined : toRecord(row);
    },
    records: (limit) =>
      db
        .prepare<[number], { epoch: number; body: Uint8Array }>(
          "SELECT epoch, body FROM record ORDER BY epoch DESC LIMIT ?",
        )
        .all(limit)
        .map(toRecord),
    pruneProofs: db.transaction((below: number) => {
      db.prepare("DELETE FROM proof WHERE epoch < ?").run(below);
      db.prepare("DELETE FROM message WHERE epoch < ?").run(below);
    }),
    close: () => void db.close(),
  };
}

function open(path: string): Database.Database {
  let db: Database.Database;
  try {
    db = new Database(path);
    db.pragma("journal_mode = WAL");
    // An inventory names proofs; what it names must outlive a crash of the machine.
    db.pragma("synchronous = FULL");
  } catch (cause) {
    throw new MemoError(
      "STORE_UNUSABLE",
      `The store ${path} cannot be opened. Move it away to have it made anew from peers.`,
      { details: { path }, cause },
    );
  }
  const version = Number(db.pragma("user_version", { simple: true }));
  if (version > STORE_VERSION) {
    throw new MemoError(
      "STORE_VERSION_NEWER",
      `The store ${path} has version ${version}, this program reads up to ${STORE_VERSION}. Use a newer program.`,
      { details: { path, version } },
    );
  }
  db.exec(`
    CREATE TABLE IF NOT EXISTS proof (epoch INTEGER NOT NULL, provider INTEGER NOT NULL, held BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS proof_by_epoch ON proof (epoch);
    CREATE TABLE IF NOT EXISTS message (
      epoch INTEGER NOT NULL, provider INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (epoch, provider, bytes));
    CREATE TABLE IF NOT EXISTS record (epoch INTEGER PRIMARY KEY, body BLOB NOT NULL);
    PRAGMA user_version = ${STORE_VERSION};
  `);
  return db;
}
