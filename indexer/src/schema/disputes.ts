import { index, onchainEnum, onchainTable } from "ponder";
import { place, stamp } from "./columns.ts";

/** `protected`: as `isProtected`, and not closed. `closed`: its collateral is slashed or released. */
export const recordState = onchainEnum("record_state", ["open", "protected", "appealed", "closed"]);
export const challengeState = onchainEnum("challenge_state", ["open", "answered", "unanswered"]);
/** `dropped`: the entry did nothing, with the reason. */
export const lostShardOutcome = onchainEnum("lost_shard_outcome", ["evicted", "dropped"]);

/** A provider is said to have lost shards. Id: `<provider>-<epoch>-<part>`. */
export const lostRecord = onchainTable(
  "lost_record",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    providerId: t.text().notNull(),
    epochId: t.text().notNull(),
    epoch: t.integer().notNull(),
    part: t.bigint().notNull(),
    state: recordState("state").notNull(),
    /** Whether an appeal won before keeps the collateral. */
    isProtected: t.boolean().notNull(),
    /** Slots that it evicted. */
    entryCount: t.integer().notNull(),
    /** What the shards of an appeal are drawn from. */
    draw: t.hex().notNull(),
    /** Appeals are possible until this second (Unix), and at least until this block. */
    deadline: t.bigint().notNull(),
    deadlineBlock: t.bigint().notNull(),
    /** Once closed: whether collateral was slashed. */
    slashed: t.boolean(),
    closedBlock: t.integer(),
    closedTransactionHash: t.hex(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byProvider: index().on(t.providerId),
    byEpoch: index().on(t.epochId),
    byState: index().on(t.state),
  }),
);

/** An entry of a lost leaf. Id: `<record>-<order>-<slot>`, or `<record>-dropped-<index>` if it did nothing. */
export const lostShard = onchainTable(
  "lost_shard",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    /** Without a row when every entry of the leaf was dropped. */
    recordId: t.text().notNull(),
    providerId: t.text().notNull(),
    outcome: lostShardOutcome("outcome").notNull(),
    /** Null for an entry that was dropped: its event does not tell which it was. */
    orderId: t.hex(),
    slotId: t.text(),
    slot: t.integer(),
    stripe: t.bigint(),
    handOverId: t.text(),
    /** Why it was dropped. */
    reason: t.text(),
    ...stamp(t),
  }),
  (t) => ({
    byRecord: index().on(t.recordId),
    byProvider: index().on(t.providerId),
    byOrder: index().on(t.orderId),
    bySlot: index().on(t.slotId),
    byHandOver: index().on(t.handOverId),
  }),
);

/** A provider proved that the drawn shards are there. Id: that of the record. */
export const appeal = onchainTable(
  "appeal",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    providerId: t.text().notNull(),
    /** Last epoch whose lost records slash nothing. */
    protectedTo: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress), byProvider: index().on(t.providerId) }),
);

/** Somebody demanded a proof of one shard. Id: `<group>-<challenge id>`. */
export const directChallenge = onchainTable(
  "direct_challenge",
  (t) => ({
    id: t.text().primaryKey(),
    ...place(t),
    challengeId: t.bigint().notNull(),
    stripe: t.bigint().notNull(),
    /** Who has to answer, and for which time as holder of the slot. */
    providerId: t.text().notNull(),
    assignmentId: t.text().notNull(),
    challenger: t.hex().notNull(),
    /** Whether the order's owner opened it in its own lane. */
    ownerLane: t.boolean().notNull(),
    /** Whether the answer has to bring the shard as a blob of its transaction. */
    asBlob: t.boolean().notNull(),
    state: challengeState("state").notNull(),
    /** Native wei: what was staked on it, what of it paid for the answer, and what was burnt. */
    bond: t.bigint().notNull(),
    reimbursed: t.bigint(),
    burnt: t.bigint(),
    /** Answers are possible until this second (Unix), and at least until this block. */
    deadline: t.bigint().notNull(),
    deadlineBlock: t.bigint().notNull(),
    /** What the point follows from at which the shard has to be opened. */
    draw: t.hex().notNull(),
    answeredBy: t.hex(),
    /** Of an unanswered one: token wei for the challenger, and whether it took the slot from its holder. */
    reward: t.bigint(),
    evicted: t.boolean(),
    closedBlock: t.integer(),
    closedTransactionHash: t.hex(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOrder: index().on(t.orderId),
    bySlot: index().on(t.slotId),
    byProvider: index().on(t.providerId),
    byChallenger: index().on(t.challenger),
    byState: index().on(t.state),
  }),
);

/** A keeper signed two results of one round. Id: `<keeper>-<block>-<log index>`. */
export const equivocation = onchainTable(
  "equivocation",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    keeperId: t.text().notNull(),
    epochId: t.text().notNull(),
    epoch: t.bigint().notNull(),
    round: t.bigint().notNull(),
    reporter: t.hex().notNull(),
    /** The keeper's whole stake, and what of it the reporter got; the rest was burnt. */
    slashed: t.bigint().notNull(),
    reward: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byKeeper: index().on(t.keeperId),
    byEpoch: index().on(t.epochId),
  }),
);
