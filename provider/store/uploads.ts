import type { Address, Hex } from "viem";
import { COMMITMENT_BYTES, SHARD_BYTES } from "../../protocol/constants.ts";
import type { MetadataDatabase } from "./database.ts";

/** What a user asked room for: one slot of an order to come. */
export type Upload = {
  readonly id: Hex;
  /** libp2p peer that reserved it; nobody else may write to it. */
  readonly peer: string;
  readonly slot: number;
  readonly owner: Address;
  readonly payer: Address;
  /** Most stripes that the order may have; how many it has once one is signed. */
  readonly stripes: number;
  readonly policy: number;
  readonly startEpoch: number;
  readonly endEpoch: number;
  /** Unix seconds of chain time until which the order must have opened. */
  readonly openBy: number;
  readonly price: bigint;
  /** Bytes that count against the quota. */
  readonly bytes: number;
};

/** Stripes whose shards are fixed: committed to, and proven to the user once `proven`. */
export type Window = {
  readonly firstStripe: number;
  readonly count: number;
  /** count × 48 bytes. */
  readonly commitments: Uint8Array;
  /** The same as count × 96 bytes. */
  readonly points: Uint8Array;
  /** count × 32 bytes: sha2-256 of each shard. */
  readonly digests: Uint8Array;
  readonly proven: boolean;
};

export type UploadTable = {
  insert(upload: Upload): void;
  get(id: Hex): Upload | undefined;
  ids(): Hex[];
  /** Bytes of all uploads, of one peer's uploads that no order has taken over yet when `peer` is given. */
  bytes(peer?: string): number;
  /** Uploads past `time` that no order, signed or open, and no repair needs. */
  expired(time: number): Hex[];
  remove(id: Hex): void;
  /** Gives back the room above `stripes`. */
  shrink(id: Hex, stripes: number): void;
  windows(id: Hex): Window[];
  windowOf(id: Hex, stripe: number): Window | undefined;
  insertWindow(id: Hex, window: Omit<Window, "proven">): void;
  markProven(id: Hex, firstStripe: number): void;
  /** Commitments of one slot, stripes × 48 bytes, zeros where they are not known yet. */
  slotCommitments(id: Hex, slot: number): Uint8Array | undefined;
  /** Commitment of one stripe of a slot, without reading those of the others. */
  commitmentAt(id: Hex, slot: number, stripe: number): Uint8Array | undefined;
  /** Fills in a range of one slot's commitments. */
  putSlotCommitments(upload: Upload, slot: number, firstStripe: number, commitments: Uint8Array): void;
};

type UploadRow = {
  id: Hex;
  peer: string;
  slot: number;
  owner: Address;
  payer: Address;
  stripes: number;
  policy: number;
  start_epoch: number;
  end_epoch: number;
  open_by: number;
  price: string;
  bytes: number;
};

type WindowRow = Omit<Window, "firstStripe" | "proven"> & { first_stripe: number; proven: number };

/** Uploads, their windows and the commitments of all slots. */
export function createUploadTable(database: MetadataDatabase): UploadTable {
  const insert = database.prepare(
    `INSERT INTO uploads VALUES (@id, @peer, @slot, @owner, @payer, @stripes, @policy, @startEpoch,
     @endEpoch, @openBy, @price, @bytes)`,
  );
  const get = database.prepare<[Hex], UploadRow>("SELECT * FROM uploads WHERE id = ?");
  const ids = database.prepare<[], Hex>("SELECT id FROM uploads").pluck();
  const allBytes = database.prepare<[], number>("SELECT COALESCE(SUM(bytes), 0) FROM uploads").pluck();
  const peerBytes = database
    .prepare<[string], number>(
      `SELECT COALESCE(SUM(bytes), 0) FROM uploads WHERE peer = ?
       AND NOT EXISTS (SELECT 1 FROM orders WHERE upload_id = uploads.id AND opened = 1)`,
    )
    .pluck();
  const expired = database
    .prepare<[number], Hex>(
      `SELECT id FROM uploads WHERE open_by <= ?
       AND NOT EXISTS (SELECT 1 FROM orders WHERE upload_id = uploads.id)
       AND NOT EXISTS (SELECT 1 FROM repairs WHERE upload_id = uploads.id)`,
    )
    .pluck();
  const remove = database.prepare("DELETE FROM uploads WHERE id = ?");
  const shrink = database.prepare("UPDATE uploads SET stripes = ?, bytes = ? WHERE id = ?");
  const shrinkCommitments = database.prepare(
    "UPDATE slot_commitments SET commitments = substr(commitments, 1, ?) WHERE upload_id = ?",
  );
  const windows = database.prepare<[Hex], WindowRow>(
    "SELECT * FROM windows WHERE upload_id = ? ORDER BY first_stripe",
  );
  const windowAt = database.prepare<[Hex, number], WindowRow>(
    "SELECT * FROM windows WHERE upload_id = ? AND first_stripe <= ? ORDER BY first_stripe DESC LIMIT 1",
  );
  const insertWindow = database.prepare(
    `INSERT INTO windows (upload_id, first_stripe, count, commitments, points, digests)
     VALUES (@id, @firstStripe, @count, @commitments, @points, @digests)`,
  );
  const markProven = database.prepare(
    "UPDATE windows SET proven = 1 WHERE upload_id = ? AND first_stripe = ?",
  );
  const slotCommitments = database
    .prepare<[Hex, number], Uint8Array>(
      "SELECT commitments FROM slot_commitments WHERE upload_id = ? AND slot = ?",
    )
    .pluck();
  const commitmentAt = database
    .prepare<[number, number, Hex, number], Uint8Array>(
      "SELECT substr(commitments, ?, ?) FROM slot_commitments WHERE upload_id = ? AND slot = ?",
    )
    .pluck();
  const putSlotCommitments = database.prepare("INSERT OR REPLACE INTO slot_commitments VALUES (?, ?, ?)");

  return {
    insert: (upload) => void insert.run({ ...upload, price: upload.price.toString() }),
    get(id) {
      const row = get.get(id);
      return row && toUpload(row);
    },
    ids: () => ids.all(),
    bytes: (peer) => (peer === undefined ? allBytes.get() : peerBytes.get(peer)) ?? 0,
    expired: (time) => expired.all(time),
    remove: (id) => void remove.run(id),
    shrink: database.transaction((id, stripes) => {
      shrink.run(stripes, stripes * SHARD_BYTES, id);
      shrinkCommitments.run(stripes * COMMITMENT_BYTES, id);
    }),
    windows: (id) => windows.all(id).map(toWindow),
    windowOf(id, stripe) {
      const row = windowAt.get(id, stripe);
      return row !== undefined && stripe < row.first_stripe + row.count ? toWindow(row) : undefined;
    },
    insertWindow: (id, window) => void insertWindow.run({ ...window, id }),
    markProven: (id, firstStripe) => void markProven.run(id, firstStripe),
    slotCommitments: (id, slot) => slotCommitments.get(id, slot),
    commitmentAt(id, slot, stripe) {
      const bytes = commitmentAt.get(stripe * COMMITMENT_BYTES + 1, COMMITMENT_BYTES, id, slot);
      return bytes?.length === COMMITMENT_BYTES ? bytes : undefined;
    },
    putSlotCommitments: database.transaction((upload, slot, firstStripe, commitments) => {
      const known = slotCommitments.get(upload.id, slot) ?? new Uint8Array(upload.stripes * COMMITMENT_BYTES);
      known.set(commitments, firstStripe * COMMITMENT_BYTES);
      putSlotCommitments.run(upload.id, slot, known);
    }),
  };
}

function toUpload(row: UploadRow): Upload {
  const { start_epoch: startEpoch, end_epoch: endEpoch, open_by: openBy, price, ...same } = row;
  return { ...same, startEpoch, endEpoch, openBy, price: BigInt(price) };
}

function toWindow(row: WindowRow): Window {
  const { first_stripe: firstStripe, count, commitments, points, digests, proven } = row;
  return { firstStripe, count, commitments, points, digests, proven: proven === 1 };
}
