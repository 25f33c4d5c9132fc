import { group, movement, network, payer } from "ponder:schema";
import type { Hex } from "viem";
import { lower, NETWORK_ID, payerId } from "./ids.ts";
import { type ChainEvent, type Db, stampOf } from "./record.ts";

/** Totals of something that has just begun. */
export const ZERO_TOTALS = {
  providerCount: 0,
  keeperCount: 0,
  exitingCount: 0,
  orderCount: 0,
  openOrderCount: 0,
  shards: 0n,
  slotsHeld: 0,
  slotsVacant: 0,
  slotsVoid: 0,
  epochsCertified: 0,
  epochsLapsed: 0,
  epochsGap: 0,
  exceptionsApplied: 0,
  exceptionsSkipped: 0,
  evictions: 0,
  slotsGivenUp: 0,
  offersMade: 0,
  offersExpired: 0,
  repairsAccepted: 0,
  lostRecordCount: 0,
  appealsAccepted: 0,
  challengesOpened: 0,
  challengesAnswered: 0,
  challengesUnanswered: 0,
  keepersSlashed: 0,
  payerBalances: 0n,
  escrow: 0n,
  credits: 0n,
  pools: 0n,
  pots: 0n,
  reserves: 0n,
  providerStake: 0n,
  keeperStake: 0n,
  unbonding: 0n,
  collateral: 0n,
  deposited: 0n,
  withdrawn: 0n,
  paidToProviders: 0n,
  paidToKeepers: 0n,
  paidToTreasury: 0n,
  refunded: 0n,
  creditsWithdrawn: 0n,
  keeperFeesClaimed: 0n,
  treasuryWithdrawn: 0n,
  slashedFromProviders: 0n,
  creditedToPayers: 0n,
  creditedToProviders: 0n,
  creditedToTreasury: 0n,
  paidForReads: 0n,
  slashedFromKeepers: 0n,
  paidToReporters: 0n,
  burnt: 0n,
  bonds: 0n,
  bondsReturned: 0n,
  bondsReimbursed: 0n,
  bondsBurnt: 0n,
};

type Totals = {
  readonly [Key in keyof typeof ZERO_TOTALS]: (typeof ZERO_TOTALS)[Key] extends bigint ? bigint : number;
};
export type TotalsChange = Partial<Totals>;

/** Adds a change to the totals of a group and of the network. */
export async function addTotals(db: Db, groupAddress: Hex, change: TotalsChange): Promise<void> {
  await db.update(group, { id: groupAddress }).set((row) => sum(row, change));
  await db.update(network, { id: NETWORK_ID }).set((row) => sum(row, change));
}

/** Keys that the change names, each with the sum; numbers and bigints do not mix because the types agree. */
function sum(row: Totals, change: TotalsChange): TotalsChange {
  const before = row as unknown as Record<string, bigint>;
  return Object.fromEntries(
    Object.entries(change).map(([key, value]) => [key, before[key]! + (value as bigint)]),
  );
}

type MovementRow = typeof movement.$inferInsert;

/** Writes one line of the journal of money. Lines of nothing are left out. */
export async function journal(
  db: Db,
  event: ChainEvent,
  groupAddress: Hex,
  line: Pick<MovementRow, "kind" | "amount"> &
    Partial<Pick<MovementRow, "actor" | "payerId" | "providerId" | "keeperId" | "orderId" | "term">>,
): Promise<void> {
  if (line.amount === 0n) return;
  await db.insert(movement).values({
    id: `${event.block.number}-${event.log.logIndex}-${line.kind}`,
    groupAddress,
    ...line,
    ...stampOf(event),
  });
}

export type PayerChange = {
  readonly balance?: bigint;
  readonly escrow?: bigint;
  readonly deposited?: bigint;
  readonly withdrawn?: bigint;
  readonly refunded?: bigint;
  readonly credited?: bigint;
  readonly readsPaid?: bigint;
  /** Replaces what was announced before. */
  readonly request?: { readonly amount: bigint; readonly withdrawableAt: bigint | null };
};

/** Adds a change to what the index knows of a payer, who may be new. */
export async function changePayer(
  db: Db,
  groupAddress: Hex,
  address: Hex,
  change: PayerChange,
): Promise<void> {
  const id = payerId(groupAddress, address);
  const before = await db.find(payer, { id });
  const balance = (before?.balance ?? 0n) + (change.balance ?? 0n);
  const requested = change.request?.amount ?? before?.requested ?? 0n;
  const row = {
    balance,
    free: balance > requested ? balance - requested : 0n,
    escrow: (before?.escrow ?? 0n) + (change.escrow ?? 0n),
    deposited: (before?.deposited ?? 0n) + (change.deposited ?? 0n),
    withdrawn: (before?.withdrawn ?? 0n) + (change.withdrawn ?? 0n),
    refunded: (before?.refunded ?? 0n) + (change.refunded ?? 0n),
    credited: (before?.credited ?? 0n) + (change.credited ?? 0n),
    readsPaid: (before?.readsPaid ?? 0n) + (change.readsPaid ?? 0n),
    requested,
    withdrawableAt: change.request ? change.request.withdrawableAt : (before?.withdrawableAt ?? null),
  };
  await db
    .insert(payer)
    .values({ id, groupAddress, address: lower(address), ...row })
    .onConflictDoUpdate(row);
}
