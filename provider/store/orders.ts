import { decode, encode } from "@ipld/dag-cbor";
import type { Hex } from "viem";
import type { Order } from "../../protocol/order.ts";
import { orderCodec } from "../../protocol/wire/codecs.ts";
import type { MetadataDatabase } from "./database.ts";

/** An order that this provider has signed. */
export type SignedOrder = {
  readonly id: Hex;
  readonly uploadId: Hex;
  readonly slot: number;
  readonly order: Order;
  /** 64 bytes, EIP-2098. */
  readonly signature: Uint8Array;
  /** Whether a final block has opened it. */
  readonly opened: boolean;
};

export type OrderTable = {
  /** Keeps an order before its signature leaves; again changes nothing. */
  insert(order: Omit<SignedOrder, "opened">): void;
  get(id: Hex): SignedOrder | undefined;
  /** All orders, of one upload when it is given. */
  list(uploadId?: Hex): SignedOrder[];
  unopened(): SignedOrder[];
  count(): number;
  markOpened(id: Hex): void;
  remove(id: Hex): void;
};

type OrderRow = {
  id: Hex;
  upload_id: Hex;
  slot: number;
  body: Uint8Array;
  signature: Uint8Array;
  opened: number;
};

/** Signed orders. Several may be over one upload: a user may replace a provider of another slot. */
export function createOrderTable(database: MetadataDatabase): OrderTable {
  const insert = database.prepare(
    `INSERT OR IGNORE INTO orders (id, upload_id, slot, body, signature)
     VALUES (@id, @uploadId, @slot, @body, @signature)`,
  );
  const get = database.prepare<[Hex], OrderRow>("SELECT * FROM orders WHERE id = ?");
  const all = database.prepare<[], OrderRow>("SELECT * FROM orders ORDER BY id");
  const ofUpload = database.prepare<[Hex], OrderRow>("SELECT * FROM orders WHERE upload_id = ? ORDER BY id");
  const unopened = database.prepare<[], OrderRow>("SELECT * FROM orders WHERE opened = 0 ORDER BY id");
  const count = database.prepare<[], number>("SELECT COUNT(*) FROM orders WHERE opened = 1").pluck();
  const markOpened = database.prepare("UPDATE orders SET opened = 1 WHERE id = ?");
  const remove = database.prepare("DELETE FROM orders WHERE id = ?");
  return {
    insert: ({ order, ...rest }) => void insert.run({ ...rest, body: encode(orderCodec.encode(order)) }),
    get(id) {
      const row = get.get(id);
      return row && toOrder(row);
    },
    list: (uploadId) => (uploadId === undefined ? all.all() : ofUpload.all(uploadId)).map(toOrder),
    unopened: () => unopened.all().map(toOrder),
    count: () => count.get() ?? 0,
    markOpened: (id) => void markOpened.run(id),
    remove: (id) => void remove.run(id),
  };
}

function toOrder({ upload_id: uploadId, body, opened, ...same }: OrderRow): SignedOrder {
  return { ...same, uploadId, order: orderCodec.decode(decode(body)), opened: opened === 1 };
}
