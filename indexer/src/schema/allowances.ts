import { index, onchainTable } from "ponder";
import { stamp } from "./columns.ts";

/** What somebody may spend of a payer's balance. Id: `<payer>-<agent>`. */
export const agent = onchainTable(
  "agent",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    payerId: t.text().notNull(),
    agent: t.hex().notNull(),
    /** What is left, and the Unix second from which it is worth nothing. */
    budget: t.bigint().notNull(),
    expiresAt: t.bigint().notNull(),
    /** What it spent in all, and how often. */
    spent: t.bigint().notNull(),
    spendCount: t.integer().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byPayer: index().on(t.payerId),
    byAgent: index().on(t.agent),
  }),
);

/** An agent spent of its payer's balance. Id: `<agent>-<block>-<log index>`. */
export const agentSpend = onchainTable(
  "agent_spend",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    agentId: t.text().notNull(),
    amount: t.bigint().notNull(),
    /** What was left. */
    budget: t.bigint().notNull(),
    /** The order's id, or the hash of payer, provider and channel of a voucher. */
    purpose: t.hex().notNull(),
    /** Null for a voucher. */
    orderId: t.hex(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byAgent: index().on(t.agentId),
    byOrder: index().on(t.orderId),
  }),
);

/** Terms on which an order may go on without its payer's signature. Id: `<payer>-<order>`. */
export const renewal = onchainTable(
  "renewal",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    payerId: t.text().notNull(),
    orderId: t.hex().notNull(),
    maxPrice: t.bigint().notNull(),
    /** Epochs of each continuation. */
    epochs: t.bigint().notNull(),
    /** Continuations that may still follow this order; 0 once the terms were passed on or taken back. */
    left: t.integer().notNull(),
    /** The order that the terms were passed on to. */
    nextOrderId: t.hex(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byPayer: index().on(t.payerId),
    byOrder: index().on(t.orderId),
  }),
);

/** What a payer's vouchers of one channel have paid to a provider. Id: `<payer>-<provider id>-<channel>`. */
export const voucherChannel = onchainTable(
  "voucher_channel",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    payerId: t.text().notNull(),
    providerId: t.text().notNull(),
    channel: t.bigint().notNull(),
    redeemed: t.bigint().notNull(),
    redemptions: t.integer().notNull(),
    /** Who signed the voucher that paid last: the payer or an agent. */
    signer: t.hex().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byPayer: index().on(t.payerId),
    byProvider: index().on(t.providerId),
  }),
);

/** An order that its owner or payer has made void before anybody opened it. Id: the order id. */
export const cancelledOrder = onchainTable(
  "cancelled_order",
  (t) => ({
    id: t.hex().primaryKey(),
    groupAddress: t.hex().notNull(),
    by: t.hex().notNull(),
    ...stamp(t),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress), byActor: index().on(t.by) }),
);

/** Who may demand an owner's shards as blobs. Id: `<group>-<owner>-<demander>`. */
export const demander = onchainTable(
  "demander",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    owner: t.hex().notNull(),
    demander: t.hex().notNull(),
    approved: t.boolean().notNull(),
    ...stamp(t),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress), byOwner: index().on(t.owner) }),
);

/** A provider or keeper was given another operator key. Id: `<provider or keeper>-<block>-<log index>`. */
export const operatorChange = onchainTable(
  "operator_change",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    /** One of the two. */
    providerId: t.text(),
    keeperId: t.text(),
    operator: t.hex().notNull(),
    former: t.hex().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byProvider: index().on(t.providerId),
    byKeeper: index().on(t.keeperId),
    byOperator: index().on(t.operator),
  }),
);
