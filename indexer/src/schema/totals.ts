import type { PgColumnsBuilders } from "ponder";

/**
 * Totals of a group and of the network. StorageOrders holds payerBalances + escrow + credits + pools + pots +
 * reserves, Staking holds providerStake + keeperStake + unbonding (collateral is the locked part of
 * providerStake), Disputes holds bonds in native coin.
 */
export const totals = (t: PgColumnsBuilders) => ({
  providerCount: t.integer().notNull(),
  keeperCount: t.integer().notNull(),
  /** Providers that asked to leave and did not take it back. */
  exitingCount: t.integer().notNull(),
  orderCount: t.integer().notNull(),
  openOrderCount: t.integer().notNull(),
  /** Shards in the slots of open orders, vacant ones included. */
  shards: t.bigint().notNull(),
  /** Slots of open orders: with a holder, without one that are to be repaired, given up. */
  slotsHeld: t.integer().notNull(),
  slotsVacant: t.integer().notNull(),
  slotsVoid: t.integer().notNull(),
  epochsCertified: t.integer().notNull(),
  epochsLapsed: t.integer().notNull(),
  epochsGap: t.integer().notNull(),
  exceptionsApplied: t.integer().notNull(),
  exceptionsSkipped: t.integer().notNull(),
  /** Slots taken from their holders, given up, offered, offered in vain, and taken by another provider. */
  evictions: t.integer().notNull(),
  slotsGivenUp: t.integer().notNull(),
  offersMade: t.integer().notNull(),
  offersExpired: t.integer().notNull(),
  repairsAccepted: t.integer().notNull(),
  lostRecordCount: t.integer().notNull(),
  appealsAccepted: t.integer().notNull(),
  challengesOpened: t.integer().notNull(),
  challengesAnswered: t.integer().notNull(),
  challengesUnanswered: t.integer().notNull(),
  keepersSlashed: t.integer().notNull(),
  payerBalances: t.bigint().notNull(),
  escrow: t.bigint().notNull(),
  /** Pay and bonuses of providers that they have not taken out. */
  credits: t.bigint().notNull(),
  /** Fees of keepers and treasury that they have not taken out, and the treasury's part of slashed collateral. */
  pools: t.bigint().notNull(),
  /** Slashed collateral that waits for repairers to have proven what they rebuilt. */
  pots: t.bigint().notNull(),
  /** Taken out of escrow for bonuses that slashed collateral may not cover. */
  reserves: t.bigint().notNull(),
  providerStake: t.bigint().notNull(),
  keeperStake: t.bigint().notNull(),
  /** Stake on its way out. */
  unbonding: t.bigint().notNull(),
  collateral: t.bigint().notNull(),
  deposited: t.bigint().notNull(),
  withdrawn: t.bigint().notNull(),
  paidToProviders: t.bigint().notNull(),
  paidToKeepers: t.bigint().notNull(),
  paidToTreasury: t.bigint().notNull(),
  refunded: t.bigint().notNull(),
  creditsWithdrawn: t.bigint().notNull(),
  keeperFeesClaimed: t.bigint().notNull(),
  treasuryWithdrawn: t.bigint().notNull(),
  /** Collateral that was slashed; it moved to StorageOrders, and from there to these and to pots. */
  slashedFromProviders: t.bigint().notNull(),
  /** Slashed collateral, reserves that were not needed, and challengers' rewards. */
  creditedToPayers: t.bigint().notNull(),
  /** Bonuses of repairers. */
  creditedToProviders: t.bigint().notNull(),
  creditedToTreasury: t.bigint().notNull(),
  /** By vouchers, out of payers' balances to providers' credits. */
  paidForReads: t.bigint().notNull(),
  /** Stake of keepers that signed two results, with what was on its way out; what of it reporters got and what was burnt. */
  slashedFromKeepers: t.bigint().notNull(),
  paidToReporters: t.bigint().notNull(),
  burnt: t.bigint().notNull(),
  /** Native wei: bonds of open direct challenges; those of closed ones went back, to responders, or were burnt. */
  bonds: t.bigint().notNull(),
  bondsReturned: t.bigint().notNull(),
  bondsReimbursed: t.bigint().notNull(),
  bondsBurnt: t.bigint().notNull(),
});
