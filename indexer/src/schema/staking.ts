import { index, onchainTable } from "ponder";
import { stamp } from "./columns.ts";

/** Id: `<group>-<provider id>`. */
export const provider = onchainTable(
  "provider",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    providerId: t.integer().notNull(),
    owner: t.hex().notNull(),
    /** Who may take ownership over; null when nobody was named. */
    pendingOwner: t.hex(),
    operator: t.hex().notNull(),
    /** Multiaddr with the peer id. */
    endpoint: t.text().notNull(),
    /** Failure domain. */
    domain: t.hex().notNull(),
    /** Token wei per 2^32 shard-epochs. */
    ask: t.bigint().notNull(),
    repairs: t.boolean().notNull(),
    stake: t.bigint().notNull(),
    /** The part of the stake that slots lock. */
    collateral: t.bigint().notNull(),
    /** Stake on its way out, and the Unix second from which it can be taken. */
    unbonding: t.bigint().notNull(),
    withdrawableAt: t.bigint(),
    /** Slots that it holds in orders that are not closed. */
    slotCount: t.integer().notNull(),
    /** Shards in those slots. */
    shards: t.bigint().notNull(),
    /** Whether it asked to leave: its slots are offered to others. */
    exiting: t.boolean().notNull(),
    /** First epoch in which it can take slots again after it was slashed, 0 before that; and how often it was. */
    jailedUntil: t.bigint().notNull(),
    jailCount: t.integer().notNull(),
    /** Certified epochs in which it missed. */
    missedEpochs: t.integer().notNull(),
    /** Slots taken from it, and those that it handed over in leaving. */
    slotsLost: t.integer().notNull(),
    slotsLeft: t.integer().notNull(),
    lostRecordCount: t.integer().notNull(),
    /** Lost records that it appealed. */
    appealsWon: t.integer().notNull(),
    /** Last epoch whose lost records slash nothing; null without an appeal. */
    protectedTo: t.bigint(),
    /** Repair offers made to it, and those that it let pass. */
    offersReceived: t.integer().notNull(),
    offersExpired: t.integer().notNull(),
    /** Slots that it rebuilt and took. */
    slotsRepaired: t.integer().notNull(),
    /** Direct challenges against it, and those without an answer. */
    challenged: t.integer().notNull(),
    challengesUnanswered: t.integer().notNull(),
    /** Collateral that was taken. */
    slashed: t.bigint().notNull(),
    /** Pay that settlements credited, bonuses of repairs, pay for reads, what of all can be taken, and what was. */
    earned: t.bigint().notNull(),
    bonuses: t.bigint().notNull(),
    readsPaid: t.bigint().notNull(),
    credit: t.bigint().notNull(),
    creditWithdrawn: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOwner: index().on(t.owner),
    byOperator: index().on(t.operator),
    byDomain: index().on(t.domain),
  }),
);

/** Id: `<group>-<keeper id>`. */
export const keeper = onchainTable(
  "keeper",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    keeperId: t.integer().notNull(),
    owner: t.hex().notNull(),
    /** Who may take ownership over; null when nobody was named. */
    pendingOwner: t.hex(),
    operator: t.hex().notNull(),
    /** Null without a seat. */
    seat: t.integer(),
    /** Multiaddr with the peer id. */
    endpoint: t.text().notNull(),
    stake: t.bigint().notNull(),
    /** Stake on its way out, and the Unix second from which it can be taken. */
    unbonding: t.bigint().notNull(),
    withdrawableAt: t.bigint(),
    /** Certificates that carry its signature, that it led, that say it was absent, that it submitted. */
    signed: t.integer().notNull(),
    led: t.integer().notNull(),
    absent: t.integer().notNull(),
    submitted: t.integer().notNull(),
    feesClaimed: t.bigint().notNull(),
    /** Whether its signatures are void, and the stake that was taken. */
    masked: t.boolean().notNull(),
    slashed: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOwner: index().on(t.owner),
    byOperator: index().on(t.operator),
  }),
);
