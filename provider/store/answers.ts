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
  /** Result leaf of this provider in a certified epoch, checked against its root by whoever stores it. */
  insertLeaf(epoch: number, leaf: Uint8Array): void;
  leaf(epoch: number): Uint8Array | undefined;
};

/** Proofs given and verdicts received. */
export function createAnswerTable(database: MetadataDatabase): AnswerTable {
  const insert = database.prepare("INSERT OR IGNORE INTO answers VALUES (@epoch, @message, @openings)");
  const get = database.prepare<[number], Answer>("SELECT * FROM answers WHERE epoch = ?");
  const pruneAnswers = database.prepare("DELETE FROM answers WHERE epoch < ?");
  const pruneLeaves = database.prepare("DELETE FROM result_leaves WHERE epoch < ?");
  const insertLeaf = database.prepare("INSERT OR IGNORE INTO result_leaves VALUES (?, ?)");
  const leaf = database
    .prepare<[number], Uint8Array>("SELECT leaf FROM result_leaves WHERE epoch = ?")
    .pluck();
  return {
    insert: (answer) => void insert.run(answer),
    get: (epoch) => get.get(epoch),
    prune: database.transaction((epoch) => {
      pruneAnswers.run(epoch);
      pruneLeaves.run(epoch);
    }),
    insertLeaf: (epoch, bytes) => void insertLeaf.run(epoch, bytes),
    leaf: (epoch) => leaf.get(epoch),
  };
}
