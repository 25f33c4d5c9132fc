import type { Hex } from "viem";
import { SHARD_BYTES } from "../../protocol/constants.ts";
import type { Order } from "../../protocol/order.ts";
import type { MetadataDatabase } from "./database.ts";
import type { OrderTable } from "./orders.ts";
import type { Upload, UploadTable } from "./uploads.ts";

/** A slot that was offered to this provider and is being rebuilt. */
export type Repair = {
  readonly orderId: Hex;
  readonly slot: number;
  /** Where the shards go; undefined when the offer was refused. */
  readonly uploadId: Hex | undefined;
  /** Last epoch in which the offer can be accepted. */
  readonly deadline: number;
  /** Code of the reason why this offer will never be accepted. */
  readonly refused: string | undefined;
};

export type RepairTable = {
  get(orderId: Hex, slot: number): Repair | undefined;
  list(): Repair[];
  /** Makes room for a slot and notes the repair, both or neither; over what is kept of that slot already, if anything. */
  begin(offer: { orderId: Hex; slot: number; order: Order; deadline: number; openBy: number }): Repair;
  /** The slot is this provider's now: it is kept like one whose order was signed. */
  adopt(repair: Repair, order: Order): void;
  /** The offer will not be taken: forgets what was rebuilt, remembers the refusal. @returns the upload that nobody needs */
  refuse(repair: Repair, code: string): Hex | undefined;
  /** The offer is over. @returns the upload that nobody needs any more */
  remove(repair: Repair): Hex | undefined;
};

type RepairRow = {
  order_id: Hex;
  slot: number;
  upload_id: Hex | null;
  deadline: number;
  refused: string | null;
};

/** No libp2p peer is called so: what is rebuilt here nobody can write to. */
const NO_PEER = "";

/** Repairs under way. */
export function createRepairTable(
  database: MetadataDatabase,
  tables: { uploads: UploadTable; orders: OrderTable; newId(): Hex },
): RepairTable {
  const { uploads, orders } = tables;
  const insert = database.prepare("INSERT OR REPLACE INTO repairs VALUES (?, ?, ?, ?, NULL)");
  const get = database.prepare<[Hex, number], RepairRow>(
    "SELECT * FROM repairs WHERE order_id = ? AND slot = ?",
  );
  const list = database.prepare<[], RepairRow>("SELECT * FROM repairs ORDER BY deadline, order_id, slot");
  const refuse = database.prepare(
    "UPDATE repairs SET upload_id = NULL, refused = ? WHERE order_id = ? AND slot = ?",
  );
  const remove = database.prepare("DELETE FROM repairs WHERE order_id = ? AND slot = ?");

  const unneeded = ({ uploadId }: Repair) =>
    uploadId !== undefined && orders.list(uploadId).length === 0 ? uploadId : undefined;
  const drop = (repair: Repair) => {
    const upload = unneeded(repair);
    if (upload !== undefined) uploads.remove(upload);
    return upload;
  };

  return {
    get(orderId, slot) {
      const row = get.get(orderId, slot);
      return row && toRepair(row);
    },
    list: () => list.all().map(toRepair),
    begin: database.transaction((offer) => {
      const { orderId, slot, order, deadline, openBy } = offer;
      const uploadId = orders.get(orderId, slot)?.uploadId ?? tables.newId();
      if (uploads.get(uploadId) === undefined) uploads.insert(roomFor(uploadId, slot, order, openBy));
      insert.run(orderId, slot, uploadId, deadline);
      return { orderId, slot, uploadId, deadline, refused: undefined };
    }),
    adopt: database.transaction((repair, order) => {
      const { orderId, slot, uploadId } = repair;
      if (uploadId !== undefined) {
        orders.insert({ id: orderId, uploadId, slot, order, signature: new Uint8Array() });
        orders.markOpened(orderId, slot);
      }
      remove.run(orderId, slot);
    }),
    refuse: database.transaction((repair, code) => {
      refuse.run(code, repair.orderId, repair.slot);
      return drop(repair);
    }),
    remove: database.transaction((repair) => {
      remove.run(repair.orderId, repair.slot);
      return drop(repair);
    }),
  };
}

function roomFor(id: Hex, slot: number, order: Order, openBy: number): Upload {
  const { owner, payer, stripes, policy, startEpoch, endEpoch, price } = order;
  const bytes = stripes * SHARD_BYTES;
  return {
    id,
    peer: NO_PEER,
    slot,
    owner,
    payer,
    stripes,
    policy,
    startEpoch,
    endEpoch,
    openBy,
    price,
    bytes,
  };
}

function toRepair(row: RepairRow): Repair {
  return {
    orderId: row.order_id,
    slot: row.slot,
    uploadId: row.upload_id ?? undefined,
    deadline: row.deadline,
    refused: row.refused ?? undefined,
  };
}
