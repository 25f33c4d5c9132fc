import { index, onchainEnum, onchainTable, type PgColumnsBuilders, relations } from "ponder";

// One table per thing that people ask about. The conventions are in docs/graphql.md: ids are readable, money
// is token wei, and `block`, `timestamp`, `transactionHash` name the event that made the row. Whatever
// somebody outside may choose freely in 32 bits or more is a bigint, so that no value which the contracts
// accept can overflow a column and halt the index.

export const orderState = onchainEnum("order_state", ["open", "ending", "closed", "released"]);
/** `gap`: without certificate, paid as the next certified one says; `dead`: of a gap too long, never paid. */
export const epochState = onchainEnum("epoch_state", ["certified", "finished", "lapsed", "gap", "dead"]);
export const exceptionOutcome = onchainEnum("exception_outcome", ["applied", "skipped"]);
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
]);

/** The event that made a row. */
const stamp = (t: PgColumnsBuilders) => ({
  block: t.integer().notNull(),
  timestamp: t.bigint().notNull(),
  transactionHash: t.hex().notNull(),
});

/**
 * Totals of a group and of the network. StorageOrders holds payerBalances + escrow + credits + pools, Staking
 * holds providerStake + keeperStake + unbonding; collateral is the locked part of providerStake.
 */
const totals = (t: PgColumnsBuilders) => ({
  providerCount: t.integer().notNull(),
  keeperCount: t.integer().notNull(),
  orderCount: t.integer().notNull(),
  openOrderCount: t.integer().notNull(),
  shards: t.bigint().notNull(),
  epochsCertified: t.integer().notNull(),
  epochsLapsed: t.integer().notNull(),
  epochsGap: t.integer().notNull(),
  exceptionsApplied: t.integer().notNull(),
  exceptionsSkipped: t.integer().notNull(),
  payerBalances: t.bigint().notNull(),
  escrow: t.bigint().notNull(),
  /** Pay of providers that they have not taken out. */
  credits: t.bigint().notNull(),
  /** Fees of keepers and treasury that they have not taken out. */
  pools: t.bigint().notNull(),
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
});

/** The whole network: one row with id `memo`. */
export const network = onchainTable("network", (t) => ({
  id: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  factory: t.hex().notNull(),
  groupCount: t.integer().notNull(),
  ...totals(t),
}));

/** A group. Id: the address of its ChallengeSettlement. */
export const group = onchainTable("group", (t) => ({
  id: t.hex().primaryKey(),
  networkId: t.text().notNull(),
  groupId: t.integer().notNull(),
  creator: t.hex().notNull(),
  stakingAddress: t.hex().notNull(),
  ordersAddress: t.hex().notNull(),
  /** The parameter struct; amounts and seconds as decimal strings. */
  parameters: t.json().$type<Record<string, string | number>>().notNull(),
  lastCertifiedEpoch: t.integer(),
  lastFinishedEpoch: t.integer(),
  /** The roster written last. */
  rosterId: t.text(),
  ...totals(t),
  ...stamp(t),
}));

/** A contract of the network, with the rolling hash recomputed from its raw logs. Id: its address. */
export const contract = onchainTable(
  "contract",
  (t) => ({
    id: t.hex().primaryKey(),
    name: t.text().notNull(),
    groupAddress: t.hex(),
    /** Must equal `rollingHash()` of the contract at `lastBlock` and at every later block. */
    rollingHash: t.hex().notNull(),
    events: t.integer().notNull(),
    lastBlock: t.integer().notNull(),
    lastLogIndex: t.integer().notNull(),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress) }),
);

/** Rolling hash of a contract after the last of its events in a block. Id: `<contract>-<block>`. */
export const hashCheckpoint = onchainTable(
  "hash_checkpoint",
  (t) => ({
    id: t.text().primaryKey(),
    contractAddress: t.hex().notNull(),
    block: t.integer().notNull(),
    /** Must equal `rollingHash()` called at `block`. */
    rollingHash: t.hex().notNull(),
    events: t.integer().notNull(),
  }),
  (t) => ({ byContract: index().on(t.contractAddress) }),
);

/** A transaction that made an event of the network. Id: its hash. */
export const transaction = onchainTable(
  "transaction",
  (t) => ({
    id: t.hex().primaryKey(),
    /** `<contract>.<function>`, see `gasUse`. */
    callId: t.text().notNull(),
    contractName: t.text().notNull(),
    functionName: t.text().notNull(),
    sender: t.hex().notNull(),
    recipient: t.hex(),
    groupAddress: t.hex(),
    gasUsed: t.integer().notNull(),
    /** Native wei per gas that was paid. */
    gasPrice: t.bigint().notNull(),
    block: t.integer().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (t) => ({
    byCall: index().on(t.callId),
    byGroup: index().on(t.groupAddress),
    byBlock: index().on(t.block),
  }),
);

/** Gas of one kind of transaction. Id: `<contract>.<function>`, e.g. `StorageOrders.open`. */
export const gasUse = onchainTable("gas_use", (t) => ({
  id: t.text().primaryKey(),
  contractName: t.text().notNull(),
  functionName: t.text().notNull(),
  count: t.integer().notNull(),
  total: t.bigint().notNull(),
  average: t.integer().notNull(),
  least: t.integer().notNull(),
  most: t.integer().notNull(),
  last: t.integer().notNull(),
}));

/** Id: `<group>-<provider id>`. */
export const provider = onchainTable(
  "provider",
  (t) => ({
    id: t.text().primaryKey(),
    groupAddress: t.hex().notNull(),
    providerId: t.integer().notNull(),
    owner: t.hex().notNull(),
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
    /** Certified epochs in which it missed. */
    missedEpochs: t.integer().notNull(),
    /** Pay that settlements credited, what of it can be taken, and what was. */
    earned: t.bigint().notNull(),
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
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOwner: index().on(t.owner),
    byOperator: index().on(t.operator),
  }),
);

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
    closedBlock: t.integer(),
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byOwner: index().on(t.owner),
    byPayer: index().on(t.payerId),
    byState: index().on(t.state),
  }),
);

/** One of the n places of an order. Id: `<order>-<slot>`. */
export const slot = onchainTable(
  "slot",
  (t) => ({
    id: t.text().primaryKey(),
    orderId: t.hex().notNull(),
    slot: t.integer().notNull(),
    /** Who holds it. */
    providerId: t.text().notNull(),
    /** First epoch in which the holder is challenged and paid for it. */
    since: t.bigint().notNull(),
    /** Epochs that it was paid for, and what it was paid. */
    paidEpochs: t.integer().notNull(),
    earned: t.bigint().notNull(),
  }),
  (t) => ({ byOrder: index().on(t.orderId), byProvider: index().on(t.providerId) }),
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
 * Id: `<group>-<epoch>-missed-<provider id>` or `<group>-<epoch>-skipped-<leaf index>`.
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
    ...stamp(t),
  }),
  (t) => ({
    byGroup: index().on(t.groupAddress),
    byEpoch: index().on(t.epochId),
    byProvider: index().on(t.providerId),
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
    /** Announced withdrawal, and the Unix second from which it can be taken. */
    requested: t.bigint().notNull(),
    withdrawableAt: t.bigint(),
  }),
  (t) => ({ byGroup: index().on(t.groupAddress), byAddress: index().on(t.address) }),
);

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

export const networkRelations = relations(network, ({ many }) => ({ groupList: many(group) }));

export const groupRelations = relations(group, ({ one, many }) => ({
  network: one(network, { fields: [group.networkId], references: [network.id] }),
  contracts: many(contract),
  providers: many(provider),
  keepers: many(keeper),
  rosters: many(roster),
  latestRoster: one(roster, { fields: [group.rosterId], references: [roster.id] }),
  orders: many(order),
  epochs: many(epoch),
  exceptions: many(exception),
  payments: many(payment),
  payers: many(payer),
  movements: many(movement),
  transactions: many(transaction),
}));

export const contractRelations = relations(contract, ({ one, many }) => ({
  group: one(group, { fields: [contract.groupAddress], references: [group.id] }),
  checkpoints: many(hashCheckpoint),
}));

export const hashCheckpointRelations = relations(hashCheckpoint, ({ one }) => ({
  contract: one(contract, { fields: [hashCheckpoint.contractAddress], references: [contract.id] }),
}));

export const transactionRelations = relations(transaction, ({ one, many }) => ({
  group: one(group, { fields: [transaction.groupAddress], references: [group.id] }),
  call: one(gasUse, { fields: [transaction.callId], references: [gasUse.id] }),
  orders: many(order),
  epochs: many(epoch),
  payments: many(payment),
  movements: many(movement),
}));

export const gasUseRelations = relations(gasUse, ({ many }) => ({ transactions: many(transaction) }));

export const providerRelations = relations(provider, ({ one, many }) => ({
  group: one(group, { fields: [provider.groupAddress], references: [group.id] }),
  slots: many(slot),
  exceptions: many(exception),
  movements: many(movement),
}));

export const keeperRelations = relations(keeper, ({ one, many }) => ({
  group: one(group, { fields: [keeper.groupAddress], references: [group.id] }),
  memberships: many(rosterMember),
  movements: many(movement),
}));

export const rosterRelations = relations(roster, ({ one, many }) => ({
  group: one(group, { fields: [roster.groupAddress], references: [group.id] }),
  previous: one(roster, { fields: [roster.previousId], references: [roster.id] }),
  members: many(rosterMember),
  epochs: many(epoch),
}));

export const rosterMemberRelations = relations(rosterMember, ({ one }) => ({
  roster: one(roster, { fields: [rosterMember.rosterId], references: [roster.id] }),
  keeper: one(keeper, { fields: [rosterMember.keeperId], references: [keeper.id] }),
}));

export const orderRelations = relations(order, ({ one, many }) => ({
  group: one(group, { fields: [order.groupAddress], references: [group.id] }),
  payer: one(payer, { fields: [order.payerId], references: [payer.id] }),
  opening: one(transaction, { fields: [order.transactionHash], references: [transaction.id] }),
  slots: many(slot),
  payments: many(payment),
  movements: many(movement),
}));

export const slotRelations = relations(slot, ({ one }) => ({
  order: one(order, { fields: [slot.orderId], references: [order.id] }),
  provider: one(provider, { fields: [slot.providerId], references: [provider.id] }),
}));

export const epochRelations = relations(epoch, ({ one, many }) => ({
  group: one(group, { fields: [epoch.groupAddress], references: [group.id] }),
  roster: one(roster, { fields: [epoch.rosterId], references: [roster.id] }),
  certification: one(transaction, { fields: [epoch.transactionHash], references: [transaction.id] }),
  exceptions: many(exception),
}));

export const exceptionRelations = relations(exception, ({ one }) => ({
  group: one(group, { fields: [exception.groupAddress], references: [group.id] }),
  inEpoch: one(epoch, { fields: [exception.epochId], references: [epoch.id] }),
  provider: one(provider, { fields: [exception.providerId], references: [provider.id] }),
}));

export const paymentRelations = relations(payment, ({ one }) => ({
  group: one(group, { fields: [payment.groupAddress], references: [group.id] }),
  order: one(order, { fields: [payment.orderId], references: [order.id] }),
  call: one(transaction, { fields: [payment.transactionHash], references: [transaction.id] }),
}));

export const payerRelations = relations(payer, ({ one, many }) => ({
  group: one(group, { fields: [payer.groupAddress], references: [group.id] }),
  orders: many(order),
  movements: many(movement),
}));

export const movementRelations = relations(movement, ({ one }) => ({
  group: one(group, { fields: [movement.groupAddress], references: [group.id] }),
  payer: one(payer, { fields: [movement.payerId], references: [payer.id] }),
  provider: one(provider, { fields: [movement.providerId], references: [provider.id] }),
  keeper: one(keeper, { fields: [movement.keeperId], references: [keeper.id] }),
  order: one(order, { fields: [movement.orderId], references: [order.id] }),
  call: one(transaction, { fields: [movement.transactionHash], references: [transaction.id] }),
}));
