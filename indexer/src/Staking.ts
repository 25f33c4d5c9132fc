import { ponder } from "ponder:registry";
import { keeper, operatorChange, provider, slashing } from "ponder:schema";
import { type Hex, zeroAddress } from "viem";
import { addTotals, journal } from "./lib/books.ts";
import { lower, scoped } from "./lib/ids.ts";
import { type ChainEvent, type Db, eventId, record, stampOf } from "./lib/record.ts";

/** `Role` of the contract. */
const ROLE = { provider: 0, keeper: 1 } as const;

ponder.on("Staking:ProviderRegistered", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { providerId, owner, operator, domain, ask, repairs, endpoint } = event.args;
  await db.insert(provider).values({
    id: scoped(group, providerId),
    groupAddress: group,
    providerId,
    owner: lower(owner),
    operator: lower(operator),
    ...{ domain, ask, repairs, endpoint },
    ...{ stake: 0n, collateral: 0n, unbonding: 0n, slotCount: 0, shards: 0n, exiting: false },
    ...{ jailedUntil: 0n, jailCount: 0 },
    ...{ missedEpochs: 0, slotsLost: 0, slotsLeft: 0, lostRecordCount: 0, appealsWon: 0 },
    ...{ offersReceived: 0, offersExpired: 0, slotsRepaired: 0, challenged: 0, challengesUnanswered: 0 },
    ...{ slashed: 0n, earned: 0n, bonuses: 0n, readsPaid: 0n, credit: 0n, creditWithdrawn: 0n },
    ...stampOf(event),
  });
  await addTotals(db, group, { providerCount: 1 });
});

ponder.on("Staking:ProviderUpdated", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { providerId, domain, ask, repairs, endpoint } = event.args;
  await db.update(provider, { id: scoped(group, providerId) }).set({ domain, ask, repairs, endpoint });
});

ponder.on("Staking:KeeperRegistered", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { keeperId, owner, operator, seat, endpoint } = event.args;
  await db.insert(keeper).values({
    id: scoped(group, keeperId),
    groupAddress: group,
    keeperId,
    owner: lower(owner),
    operator: lower(operator),
    ...{ seat, endpoint, stake: 0n, unbonding: 0n },
    ...{ signed: 0, led: 0, absent: 0, submitted: 0, feesClaimed: 0n, masked: false, slashed: 0n },
    ...stampOf(event),
  });
  await addTotals(db, group, { keeperCount: 1 });
});

ponder.on("Staking:KeeperUpdated", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { keeperId, endpoint } = event.args;
  await db.update(keeper, { id: scoped(group, keeperId) }).set({ endpoint });
});

ponder.on("Staking:KeeperSeated", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { keeperId, seat } = event.args;
  await db.update(keeper, { id: scoped(group, keeperId) }).set({ seat });
});

ponder.on("Staking:KeeperUnseated", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  await db.update(keeper, { id: scoped(group, event.args.keeperId) }).set({ seat: null });
});

ponder.on("Staking:StakeDeposited", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { role, id, amount, stake } = event.args;
  await changeStake(db, event, group, { role, id, kind: "staked", amount, stake });
});

ponder.on("Staking:UnbondingRequested", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { role, id, amount, availableAt, stake } = event.args;
  const change = { unbonding: amount, withdrawableAt: availableAt, stake };
  await changeStake(db, event, group, { role, id, kind: "unbondingRequested", amount, ...change });
});

ponder.on("Staking:StakeWithdrawn", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { role, id, amount } = event.args;
  const change = { unbonding: 0n, withdrawableAt: null };
  await changeStake(db, event, group, { role, id, kind: "unstaked", amount, ...change });
});

ponder.on("Staking:CollateralLocked", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  await changeCollateral(db, event, group, { ...event.args, kind: "collateralLocked" });
});

ponder.on("Staking:CollateralReleased", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  await changeCollateral(db, event, group, { ...event.args, kind: "collateralReleased" });
});

ponder.on("Staking:ProviderExiting", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { providerId, exiting } = event.args;
  await db.update(provider, { id: scoped(group, providerId) }).set({ exiting });
  await addTotals(db, group, { exitingCount: exiting ? 1 : -1 });
});

ponder.on("Staking:ProviderJailed", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { providerId, untilEpoch } = event.args;
  await db
    .update(provider, { id: scoped(group, providerId) })
    .set((row) => ({ jailedUntil: BigInt(untilEpoch), jailCount: row.jailCount + 1 }));
});

ponder.on("Staking:OperatorChanged", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { role, operator, former } = event.args;
  const id = scoped(group, event.args.id);
  await changeMember(db, role, id, { operator: lower(operator) });
  await db.insert(operatorChange).values({
    ...{ id: eventId(`${id}-${role}`, event), groupAddress: group },
    ...(role === ROLE.keeper ? { keeperId: id } : { providerId: id }),
    ...{ operator: lower(operator), former: lower(former), ...stampOf(event) },
  });
});

ponder.on("Staking:OwnershipTransferStarted", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { role, id, to } = event.args;
  await changeMember(db, role, scoped(group, id), { pendingOwner: to === zeroAddress ? null : lower(to) });
});

ponder.on("Staking:OwnershipTransferred", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { role, id, to } = event.args;
  await changeMember(db, role, scoped(group, id), { owner: lower(to), pendingOwner: null });
});

// Who gets it is told by StorageOrders and Disputes.
ponder.on("Staking:ProviderSlashed", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { providerId, orderId, amount, stake } = event.args;
  const id = scoped(group, providerId);
  await db.update(provider, { id }).set((row) => ({
    stake,
    collateral: row.collateral - amount,
    slashed: row.slashed + amount,
  }));
  await addTotals(db, group, {
    ...{ providerStake: -amount, collateral: -amount, slashedFromProviders: amount },
  });
  await journal(db, event, group, { kind: "providerSlashed", amount, providerId: id, orderId });
});

ponder.on("Staking:KeeperSlashed", async ({ event, context: { db } }) => {
  const group = await record(db, event, "Staking");
  const { keeperId, reporter, amount, reward } = event.args;
  const id = scoped(group, keeperId);
  const before = await db.find(keeper, { id });
  if (before === null) return;
  // Worked out first: an update changes the row that find() returned.
  const [stake, unbonding] = [before.stake, before.unbonding];
  await db.update(keeper, { id }).set((row) => ({
    ...{ stake: 0n, unbonding: 0n, withdrawableAt: null, seat: null },
    slashed: row.slashed + amount,
  }));
  const burnt = amount - reward;
  await addTotals(db, group, {
    ...{ keepersSlashed: 1, keeperStake: -stake, unbonding: -unbonding },
    ...{ slashedFromKeepers: amount, paidToReporters: reward, burnt },
  });
  await db.insert(slashing).values({
    ...{ id: eventId(id, event), groupAddress: group, keeperId: id, amount },
    ...{ toPayer: 0n, toPot: 0n, toTreasury: 0n, toChallenger: 0n },
    ...{ toReporter: reward, reporter: lower(reporter), burnt },
    ...stampOf(event),
  });
  await journal(db, event, group, { kind: "keeperSlashed", amount, actor: lower(reporter), keeperId: id });
});

type MemberChange = { readonly operator?: Hex; readonly owner?: Hex; readonly pendingOwner?: Hex | null };

async function changeMember(db: Db, role: number, id: string, change: MemberChange): Promise<void> {
  if (role === ROLE.keeper) await db.update(keeper, { id }).set(change);
  else await db.update(provider, { id }).set(change);
}

type StakeChange = {
  readonly role: number;
  readonly id: number;
  readonly kind: "staked" | "unbondingRequested" | "unstaked";
  readonly amount: bigint;
  /** What holds afterwards; left out where the event changes nothing of it. */
  readonly stake?: bigint;
  readonly unbonding?: bigint;
  readonly withdrawableAt?: bigint | null;
};

/** The events of stake say what holds afterwards, so the totals move by the difference. */
async function changeStake(db: Db, event: ChainEvent, group: Hex, change: StakeChange): Promise<void> {
  const { role, kind, amount, id: number, ...after } = change;
  const id = scoped(group, number);
  const table = role === ROLE.keeper ? keeper : provider;
  const before = await db.find(table, { id });
  if (before === null) return;
  // Worked out first: an update changes the row that find() returned.
  const stakeMoved = (after.stake ?? before.stake) - before.stake;
  const unbondingMoved = (after.unbonding ?? before.unbonding) - before.unbonding;
  if (role === ROLE.keeper) await db.update(keeper, { id }).set(after);
  else await db.update(provider, { id }).set(after);
  await addTotals(db, group, {
    ...(role === ROLE.keeper ? { keeperStake: stakeMoved } : { providerStake: stakeMoved }),
    unbonding: unbondingMoved,
  });
  await journal(db, event, group, {
    kind,
    amount,
    actor: before.owner,
    ...(role === ROLE.keeper ? { keeperId: id } : { providerId: id }),
  });
}

async function changeCollateral(
  db: Db,
  event: ChainEvent,
  group: Hex,
  change: {
    readonly kind: "collateralLocked" | "collateralReleased";
    readonly providerId: number;
    readonly orderId: Hex;
    readonly amount: bigint;
  },
): Promise<void> {
  const { kind, orderId, amount } = change;
  const id = scoped(group, change.providerId);
  const moved = kind === "collateralLocked" ? amount : -amount;
  await db.update(provider, { id }).set((row) => ({ collateral: row.collateral + moved }));
  await addTotals(db, group, { collateral: moved });
  await journal(db, event, group, { kind, amount, providerId: id, orderId });
}
