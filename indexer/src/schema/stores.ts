import { index, onchainTable } from "ponder";
import { stamp } from "./columns.ts";

/** A key-value store. Id: its number. */
export const store = onchainTable(
  "store",
  (t) => ({
    id: t.bigint().primaryKey(),
    owner: t.hex().notNull(),
    /** Who may take it over; null when nobody was named. */
    pendingOwner: t.hex(),
    /** Rises with every change of members, operators or policy. */
    configuration: t.bigint().notNull(),
    /** Rises with every manifest; null before the first. */
    manifestVersion: t.bigint(),
    manifestHash: t.hex(),
    partitions: t.integer().notNull(),
    replicas: t.integer().notNull(),
    writeQuorum: t.integer().notNull(),
    /** Default of reads and of writes: 0 strong, 1 session, 2 eventual. */
    reads: t.integer().notNull(),
    writes: t.integer().notNull(),
    memberCount: t.integer().notNull(),
    /** Nothing of it changes any more. */
    closed: t.boolean().notNull(),
    ...stamp(t),
  }),
  (t) => ({ byOwner: index().on(t.owner) }),
);

/** A member of a store, present or former. Id: `<store>-<member>`. */
export const storeMember = onchainTable(
  "store_member",
  (t) => ({
    id: t.text().primaryKey(),
    storeId: t.bigint().notNull(),
    memberId: t.bigint().notNull(),
    operator: t.hex().notNull(),
    endpoint: t.text().notNull(),
    /** Whether it still belongs to the store. */
    present: t.boolean().notNull(),
    /** The number that it had before it lost its disk. */
    formerId: t.text(),
    ...stamp(t),
  }),
  (t) => ({ byStore: index().on(t.storeId), byOperator: index().on(t.operator) }),
);
