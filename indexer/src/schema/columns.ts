import type { PgColumnsBuilders } from "ponder";

/** The event that made a row. */
export const stamp = (t: PgColumnsBuilders) => ({
  block: t.integer().notNull(),
  timestamp: t.bigint().notNull(),
  transactionHash: t.hex().notNull(),
});

/** A slot of an order, by the ids of both. */
export const place = (t: PgColumnsBuilders) => ({
  groupAddress: t.hex().notNull(),
  orderId: t.hex().notNull(),
  slotId: t.text().notNull(),
  slot: t.integer().notNull(),
});
