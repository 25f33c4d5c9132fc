import { index, onchainEnum, onchainTable } from "ponder";
import { stamp } from "./columns.ts";

export const orderState = onchainEnum("order_state", ["open", "ending", "closed"]);

/** Id: the order id (EIP-712 struct hash, which names the group). */
export const order = onchainTable(
  "order",
  (t) => ({
    id: t.hex().primaryKey(),
    groupAddress: t.hex().notNull(),
    /** Number of the opening event in its group. */
    sequence: t.bigint().notNull(),
    owner: t.hex().notNull(),
    payerId: t.text().notNull(),
    shardRoot: t.hex().notNull(),
    stripes: t.bigint().notNull(),
    /** `rs(k,m)` or `copies(n)`. */
    policy: t.text().notNull(),
    k: t.integer().notNull(),
    m: t.integer().notNull(),
    slotCount: t.integer().notNull(),
    /** slotCount × stripes. */
    shards: t.bigint().notNull(),
    /** 0 packed31, 1 blob. */
    layout: t.integer().notNull(),
    startEpoch: t.bigint().notNull(),
    /** First epoch that is neither challenged nor paid; earlier than signed once the order is ending. */
    endEpoch: t.bigint().notNull(),
    signedEndEpoch: t.bigint().notNull(),
    price: t.bigint().notNull(),
    minEpochs: t.bigint().notNull(),
    openBy: t.bigint().notNull(),
    manifestFirstStripe: t.bigint().notNull(),
    manifestStripes: t.bigint().notNull(),
    manifestLength: t.bigint().notNull(),
    manifestDigest: t.hex().notNull(),
    salt: t.hex().notNull(),
    state: orderState("state").notNull(),
    /** Slots with a holder, without one that are to be repaired, and given up. */
    slotsHeld: t.integer().notNull(),
    slotsVacant: t.integer().notNull(),
    slotsVoid: t.integer().notNull(),
    /** Slots that it can still lose: slotsHeld − k. Below 0 it cannot be read from its holders. */
    spareParities: t.integer().notNull(),
    endedBy: t.hex(),
    /** First epoch that is not settled yet. */
    settledTo: t.bigint().notNull(),
    /** What opening moved to escrow, and what is still there. */
    cost: t.bigint().notNull(),
    escrow: t.bigint().notNull(),
    paidToProviders: t.bigint().notNull(),
    paidToKeepers: t.bigint().notNull(),
    paidToTreasury: t.bigint().notNull(),
    refunded: t.bigint().notNull(),
    /** Taken out of escrow for bonuses, in all. */
    reserved: t.bigint().notNull(),
    closedBlock: t.integer(),
    /** The order that goes on where this one ends on its payer's standing terms, and the one that this one goes on with. */
    renewedById: t.hex(),
    renewedFromId: t.hex(),
    /** Block in which somebody gave notice that it ends soon. */
    expiringBlock: t.integer(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOwner: index().on(t.owner),
    byPayer: index().on(t.payerId),
    byShardRoot: index().on(t.shardRoot),
    byState: index().on(t.state),
    bySpareParities: index().on(t.spareParities),
  }),
);

/** A settlement of an order for epochs [fromEpoch, toEpoch). Id: `<order>-<from epoch>-<to epoch>`. */
export const payment = onchainTable(
  "payment",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    orderId: t.hex().notNull(),
    fromEpoch: t.bigint().notNull(),
    toEpoch: t.bigint().notNull(),
    toProviders: t.bigint().notNull(),
    toKeepers: t.bigint().notNull(),
    toTreasury: t.bigint().notNull(),
    refunded: t.bigint().notNull(),
    ...stamp(t),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress), byOrder: index().on(t.orderId) }),
);

/** Somebody with money in a group's StorageOrders. Id: `<group>-<address>`. */
export const payer = onchainTable(
  "payer",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    address: t.hex().notNull(),
    /** Neither in escrow nor taken out. */
    balance: t.bigint().notNull(),
    /** `balanceOf`: the balance less an announced withdrawal. */
    free: t.bigint().notNull(),
    escrow: t.bigint().notNull(),
    deposited: t.bigint().notNull(),
    withdrawn: t.bigint().notNull(),
    refunded: t.bigint().notNull(),
    /** Its share of slashed collateral, reserves that were not needed, rewards of direct challenges. */
    credited: t.bigint().notNull(),
    /** What its vouchers paid for reads. */
    readsPaid: t.bigint().notNull(),
    /** Announced withdrawal, and the Unix second from which it can be taken. */
    requested: t.bigint().notNull(),
    withdrawableAt: t.bigint(),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress), byAddress: index().on(t.address) }),
);
