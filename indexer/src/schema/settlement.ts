import { index, onchainEnum, onchainTable } from "ponder";
import { stamp } from "./columns.ts";

/** `gap`: without certificate, paid as the next certified one says; `dead`: of a gap too long, never paid. */
export const epochState = onchainEnum("epoch_state", ["certified", "finished", "lapsed", "gap", "dead"]);

export const exceptionOutcome = onchainEnum("exception_outcome", ["applied", "skipped"]);

/** A roster, in force from its term until that of the next row. Id: `<group>-<term>`. */
export const roster = onchainTable(
  "roster",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    /** First term that it is in force for. */
    term: t.integer().notNull(),
    previousId: t.text(),
    memberCount: t.integer().notNull(),
    quorum: t.integer().notNull(),
    ...stamp(t),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress) }),
);

/** A member of a roster. Id: `<roster>-<roster index>`. */
export const rosterMember = onchainTable(
  "roster_member",
  (t) => ({
    id: t.text().primaryKey(),
    rosterId: t.text().notNull(),
    keeperId: t.text().notNull(),
    rosterIndex: t.integer().notNull(),
    operator: t.hex().notNull(),
  }),
  (t) => ({ byRoster: index().on(t.rosterId), byKeeper: index().on(t.keeperId) }),
);

/**
 * An epoch of a group that has a certificate, or (up to 256 of them per gap) was passed over by one.
 * Id: `<group>-<epoch>`.
 */
export const epoch = onchainTable(
  "epoch",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    epoch: t.integer().notNull(),
    /** Unix seconds. */
    startsAt: t.bigint().notNull(),
    state: epochState("state").notNull(),
    /** The next certified epoch, which pays this one, if this is a gap epoch. */
    certifiedBy: t.integer(),
    term: t.integer().notNull(),
    rosterId: t.text(),
    /** The certificate; null for a gap epoch. */
    round: t.bigint(),
    resultsRoot: t.hex(),
    exceptionsRoot: t.hex(),
    exceptionCount: t.bigint(),
    exceptionsApplied: t.bigint().notNull(),
    missed: t.integer().notNull(),
    /** Slots that its lost leaves evicted, and those that it offered. */
    evicted: t.integer().notNull(),
    offered: t.integer().notNull(),
    /** Roster indexes. */
    leader: t.integer(),
    signers: t.integer().array(),
    absent: t.integer().array(),
    submitter: t.hex(),
    /** Gas of the transaction that certified it. */
    certifyGas: t.integer(),
    /** Uncertified epochs just before it, and those of them that are unpaid for good. */
    gap: t.integer(),
    dead: t.integer(),
    finishedBlock: t.integer(),
    finishedTransactionHash: t.hex(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byRoster: index().on(t.rosterId),
    byState: index().on(t.state),
  }),
);

/**
 * A leaf under a certificate's exceptionsRoot that was applied or skipped.
 * Id: `<group>-<epoch>-` and then `missed-<provider id>`, `lost-<provider id>-<part>`, `offer-<order>-<slot>` or
 * `skipped-<leaf index>`.
 */
export const exception = onchainTable(
  "exception",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    epochId: t.text().notNull(),
    epoch: t.integer().notNull(),
    /** `missed`, `lost` or `offer`; otherwise the number of a kind that this version does not know. */
    kind: t.text().notNull(),
    outcome: exceptionOutcome("outcome").notNull(),
    /** Why it was skipped. */
    reason: t.text(),
    providerId: t.text().notNull(),
    /** First epoch that it counts for: earlier than `epoch` when gap epochs lie before it. */
    fromEpoch: t.integer(),
    /** What it made. */
    recordId: t.text(),
    offerId: t.text(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byEpoch: index().on(t.epochId),
    byProvider: index().on(t.providerId),
  }),
);
