import { decode, encode } from "@ipld/dag-cbor";
import type { Hex } from "viem";
import type { Order } from "../../protocol/order.ts";
import { orderCodec } from "../../protocol/wire/codecs.ts";
import type { MetadataDatabase } from "./database.ts";

/** A slot whose bytes are kept: of an order that this provider has signed, or one that it rebuilt and took over. */
export type HeldSlot = {
  readonly id: Hex;
  readonly uploadId: Hex;
  readonly slot: number;
  readonly order: Order;
  /** 64 bytes, EIP-2098; empty for a slot that was taken over. */
  readonly signature: Uint8Array;
  /** Whether a final block has opened it. */
  readonly opened: boolean;
};

export type OrderTable = {
  /** Keeps an order before its signature leaves; again changes nothing. */
  insert(order: Omit<HeldSlot, "opened">): void;
  /** The slot, or any one of the order when `slot` is not given. */
  get(id: Hex, slot?: number): HeldSlot | undefined;
  /** All slots, of one upload when it is given. */
  list(uploadId?: Hex): HeldSlot[];
  unopened(): HeldSlot[];
  count(): number;
  markOpened(id: Hex, slot: number): void;
  remove(id: Hex, slot: number): void;
};

type OrderRow = {
  id: Hex;
  upload_id: Hex;
  slot: number;
  body: Uint8Array;
  signature: Uint8Array;
  opened: number;
};

/** Slots held. Several may be over one upload: a user may replace a provider of another slot. */
export function createOrderTable(database: MetadataDatabase): OrderTable {
  const insert = database.prepare(
    `INSERT OR IGNORE INTO orders (id, upload_id, slot, body, signature)
     VALUES (@id, @uploadId, @slot, @body, @signature)`,
  );
  const get = database.prepare<[Hex, number | null], OrderRow>(
    "SELECT * FROM orders WHERE id = ? AND slot = COALESCE(?, slot) ORDER BY slot LIMIT 1",
  );
  const all = database.prepare<[], OrderRow>("SELECT * FROM orders ORDER BY id, slot");
  const ofUpload = database.prepare<[Hex], OrderRow>("SELECT * FROM orders WHERE upload_id = ? ORDER BY id");
  const unopened = database.prepare<[], OrderRow>("SELECT * FROM orders WHERE opened = 0 ORDER BY id");
  const count = database.prepare<[], number>("SELECT COUNT(*) FROM orders WHERE opened = 1").pluck();
  const markOpened = database.prepare("UPDATE orders SET opened = 1 WHERE id = ? AND slot = ?");
  const remove = database.prepare("DELETE FROM orders WHERE id = ? AND slot = ?");
  return {
    insert: ({ order, ...rest }) => void insert.run({ ...rest, body: encode(orderCodec.encode(order)) }),
    get(id, slot) {
      const row = get.get(id, slot ?? null);
      return row && toOrder(row);
    },
    list: (uploadId) => (uploadId === undefined ? all.all() : ofUpload.all(uploadId)).map(toOrder),
    unopened: () => unopened.all().map(toOrder),
    count: () => count.get() ?? 0,
    markOpened: (id, slot) => void markOpened.run(id, slot),
    remove: (id, slot) => void remove.run(id, slot),
  };
}

function toOrder({ upload_id: uploadId, body, opened, ...same }: OrderRow): HeldSlot {
  return { ...same, uploadId, order: orderCodec.decode(decode(body)), opened: opened === 1 };
}
