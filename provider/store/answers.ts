import type { MetadataDatabase } from "./database.ts";

/** What this provider answered to a challenge, so that it can say the same again after a restart. */
export type Answer = {
  readonly epoch: number;
  /** The proof message as it was sent. */
  readonly message: Uint8Array;
  /** The challenged shards, encoded by prove/openings.ts: what the openings are made of. */
  readonly openings: Uint8Array;
};

export type AnswerTable = {
  /** Keeps an answer before it is sent; the first one of an epoch stays. */
  insert(answer: Answer): void;
  get(epoch: number): Answer | undefined;
  /** Forgets answers of epochs before `epoch`. */
  prune(epoch: number): void;
  /** Cover of this provider in a certified epoch, checked against its root by whoever stores it. */
  insertCover(epoch: number, cover: Uint8Array): void;
  cover(epoch: number): Uint8Array | undefined;
};

/** Proofs given and verdicts received. */
export function createAnswerTable(database: MetadataDatabase): AnswerTable {
  const insert = database.prepare("INSERT OR IGNORE INTO answers VALUES (@epoch, @message, @openings)");
  const get = database.prepare<[number], Answer>("SELECT * FROM answers WHERE epoch = ?");
  const prune = database.prepare("DELETE FROM answers WHERE epoch < ?");
  const insertCover = database.prepare("INSERT OR IGNORE INTO covers VALUES (?, ?)");
  const cover = database.prepare<[number], Uint8Array>("SELECT cover FROM covers WHERE epoch = ?").pluck();
  return {
    insert: (answer) => void insert.run(answer),
    get: (epoch) => get.get(epoch),
    prune: (epoch) => void prune.run(epoch),
    insertCover: (epoch, bytes) => void insertCover.run(epoch, bytes),
    cover: (epoch) => cover.get(epoch),
  };
}
