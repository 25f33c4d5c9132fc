import { index, onchainEnum, onchainTable } from "ponder";
import { place, stamp } from "./columns.ts";

/** `void`: given up for good. */
export const slotState = onchainEnum("slot_state", ["held", "vacant", "void"]);
/** How a slot left its holder: declared lost by keepers, a direct challenge without an answer, or a clean exit. */
export const handOverCause = onchainEnum("hand_over_cause", ["lost", "challenge", "exit"]);
/** What became of the former holder's collateral of the slot. */
export const collateralState = onchainEnum("collateral_state", ["disputed", "slashed", "released"]);
/**
 * `open`: neither taken nor known to be late; it can be accepted while epoch ≤ deadline. `void`: the slot was given
 * up or the order closed.
 */
export const offerState = onchainEnum("offer_state", ["open", "accepted", "expired", "void"]);
export const bonusState = onchainEnum("bonus_state", ["pending", "paid", "forfeited"]);

/** One of the n places of an order. Id: `<order>-<slot>`. */
export const slot = onchainTable(
  "slot",
  (t) => ({
    id: t.text().primaryKey(),
    orderId: t.hex().notNull(),
    slot: t.integer().notNull(),
    state: slotState("state").notNull(),
    /** Who holds it; null while nobody does. */
    providerId: t.text(),
    /** First epoch in which the holder is, or the last one was, challenged and paid for it. */
    since: t.bigint().notNull(),
    /** Who held it before, from which epoch, and the first that it is not paid for; null if it never changed hands. */
    formerId: t.text(),
    formerSince: t.bigint(),
    until: t.bigint(),
    /** The offer that may still be accepted, and those that were not in this vacancy. */
    offerId: t.text(),
    expiries: t.integer().notNull(),
    /** Epochs that its holders were paid for, and what they were paid. */
    paidEpochs: t.integer().notNull(),
    earned: t.bigint().notNull(),
  }),
  (t) => ({
    byOrder: index().on(t.orderId),
    byProvider: index().on(t.providerId),
    byFormer: index().on(t.formerId),
    byState: index().on(t.state),
  }),
);

/** Somebody's time as holder of a slot. Id: `<slot id>-<since>`. */
export const slotAssignment = onchainTable(
  "slot_assignment",
  (t) => ({
    id: t.text().primaryKey(),
    ...place(t),
    providerId: t.text().notNull(),
    since: t.bigint().notNull(),
    /** First epoch that it is not paid for; null while it holds the slot. */
    until: t.bigint(),
    /** The hand-over that ended it. */
    handOverId: t.text(),
    paidEpochs: t.integer().notNull(),
    earned: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byOrder: index().on(t.orderId),
    bySlot: index().on(t.slotId),
    byProvider: index().on(t.providerId),
    byHandOver: index().on(t.handOverId),
  }),
);

/** A slot left its holder: an eviction, or a clean exit. Id: `<slot id>-<until>`. */
export const handOver = onchainTable(
  "hand_over",
  (t) => ({
    id: t.text().primaryKey(),
    ...place(t),
    cause: handOverCause("cause").notNull(),
    /** Who held the slot. */
    providerId: t.text().notNull(),
    /** First epoch of that holder, and the first that it is not paid for. */
    since: t.bigint().notNull(),
    until: t.bigint().notNull(),
    /** The lost record, or the direct challenge, that it followed from. */
    recordId: t.text(),
    challengeId: t.text(),
    collateral: collateralState("collateral").notNull(),
    /** What is held for whoever repairs it: of slashed collateral, and taken out of the order. */
    pot: t.bigint().notNull(),
    reserved: t.bigint().notNull(),
    /** Whether the slot was given up instead of repaired. */
    voided: t.boolean().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOrder: index().on(t.orderId),
    bySlot: index().on(t.slotId),
    byProvider: index().on(t.providerId),
    byRecord: index().on(t.recordId),
    byChallenge: index().on(t.challengeId),
    byCollateral: index().on(t.collateral),
  }),
);

/** Keepers ask a provider to rebuild a slot. Id: `<slot id>-<epoch>`. */
export const repairOffer = onchainTable(
  "repair_offer",
  (t) => ({
    id: t.text().primaryKey(),
    ...place(t),
    providerId: t.text().notNull(),
    epochId: t.text().notNull(),
    epoch: t.integer().notNull(),
    /** Last epoch in which it can be accepted. */
    deadline: t.bigint().notNull(),
    state: offerState("state").notNull(),
    closedBlock: t.integer(),
    closedTransactionHash: t.hex(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOrder: index().on(t.orderId),
    bySlot: index().on(t.slotId),
    byProvider: index().on(t.providerId),
    byEpoch: index().on(t.epochId),
    byState: index().on(t.state),
  }),
);

/** A provider took a slot that it had rebuilt. Id: that of the hand-over. */
export const repair = onchainTable(
  "repair",
  (t) => ({
    id: t.text().primaryKey(),
    ...place(t),
    providerId: t.text().notNull(),
    offerId: t.text(),
    /** First epoch in which it is challenged and paid. */
    since: t.bigint().notNull(),
    /** The bonus for having proven every shard: paid to the provider, and what was not needed of the reserve. */
    bonusState: bonusState("bonus_state").notNull(),
    bonus: t.bigint().notNull(),
    refunded: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOrder: index().on(t.orderId),
    bySlot: index().on(t.slotId),
    byProvider: index().on(t.providerId),
    byOffer: index().on(t.offerId),
  }),
);
