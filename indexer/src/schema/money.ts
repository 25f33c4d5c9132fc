import { index, onchainEnum, onchainTable } from "ponder";
import { stamp } from "./columns.ts";

/** Every way in which tokens move or change their state in the books. */
export const movementKind = onchainEnum("movement_kind", [
  "deposited",
  "withdrawalRequested",
  "withdrawn",
  "escrowed",
  "refunded",
  "paidToProviders",
  "paidToKeepers",
  "paidToTreasury",
  "creditWithdrawn",
  "keeperFeeClaimed",
  "treasuryWithdrawn",
  "staked",
  "unbondingRequested",
  "unstaked",
  "collateralLocked",
  "collateralReleased",
  "providerSlashed",
  "keeperSlashed",
  "potFilled",
  "bonusReserved",
  "payerCredited",
  "providerCredited",
  "treasuryCredited",
  "readsPaid",
]);

/** The journal of all money. Id: `<block>-<log index>-<kind>`. */
export const movement = onchainTable(
  "movement",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    kind: movementKind("kind").notNull(),
    amount: t.bigint().notNull(),
    /** Who acted or received. */
    actor: t.hex(),
    payerId: t.text(),
    providerId: t.text(),
    keeperId: t.text(),
    orderId: t.hex(),
    /** Term of a keeper's or the treasury's fee. */
    term: t.integer(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byKind: index().on(t.kind),
    byPayer: index().on(t.payerId),
    byProvider: index().on(t.providerId),
    byKeeper: index().on(t.keeperId),
    byOrder: index().on(t.orderId),
  }),
);

/**
 * Stake that was taken, and where it went: the parts add up to the amount. Id: that of the hand-over of the slot whose
 * collateral it was, or `<keeper>-<block>-<log index>`.
 */
export const slashing = onchainTable(
  "slashing",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    /** Whose stake: of a provider, for a slot that it lost or left, or of a keeper. */
    providerId: t.text(),
    keeperId: t.text(),
    orderId: t.hex(),
    handOverId: t.text(),
    amount: t.bigint().notNull(),
    toPayer: t.bigint().notNull(),
    payerId: t.text(),
    /** For whoever repairs the slot: `handOver.repair` tells who. */
    toPot: t.bigint().notNull(),
    toTreasury: t.bigint().notNull(),
    toChallenger: t.bigint().notNull(),
    challengeId: t.text(),
    toReporter: t.bigint().notNull(),
    reporter: t.hex(),
    burnt: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byProvider: index().on(t.providerId),
    byKeeper: index().on(t.keeperId),
    byOrder: index().on(t.orderId),
    byPayer: index().on(t.payerId),
    byChallenge: index().on(t.challengeId),
  }),
);
