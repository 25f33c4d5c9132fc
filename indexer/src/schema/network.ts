import { index, onchainTable } from "ponder";
import { stamp } from "./columns.ts";
import { totals } from "./totals.ts";

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
  disputesAddress: t.hex().notNull(),
  repairsAddress: t.hex().notNull(),
  allowancesAddress: t.hex().notNull(),
  /** The parameter struct; amounts and seconds as decimal strings. */
  parameters: t.json().$type<Record<string, string | number | boolean>>().notNull(),
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
