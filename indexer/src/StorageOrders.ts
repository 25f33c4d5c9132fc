import { ponder } from "ponder:registry";
import { cancelledOrder, keeper, order, payment, provider, slot, slotAssignment } from "ponder:schema";
import { addTotals, changePayer, journal } from "./lib/books.ts";
import { creditSlots } from "./lib/credits.ts";
import { assignmentId, lower, payerAddress, payerId, scoped, slotId } from "./lib/ids.ts";
import { closeOffer } from "./lib/offers.ts";
import { orderCost } from "./lib/pay.ts";
import { describePolicy } from "./lib/policy.ts";
import { record, stampOf } from "./lib/record.ts";
import { changeHolding, slotsOf } from "./lib/slots.ts";

ponder.on("StorageOrders:Deposited", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { payer, from, amount } = event.args;
  await changePayer(db, group, payer, { balance: amount, deposited: amount });
  await addTotals(db, group, { deposited: amount, payerBalances: amount });
  const line = { kind: "deposited", amount, actor: lower(from), payerId: payerId(group, payer) } as const;
  await journal(db, event, group, line);
});

ponder.on("StorageOrders:WithdrawalRequested", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { payer, amount, availableAt } = event.args;
  const withdrawableAt = amount === 0n ? null : availableAt;
  await changePayer(db, group, payer, { request: { amount, withdrawableAt } });
  const line = { kind: "withdrawalRequested", amount, actor: lower(payer) } as const;
  await journal(db, event, group, { ...line, payerId: payerId(group, payer) });
});

ponder.on("StorageOrders:Withdrawn", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { payer, amount } = event.args;
  const request = { amount: 0n, withdrawableAt: null };
  await changePayer(db, group, payer, { balance: -amount, withdrawn: amount, request });
  await addTotals(db, group, { withdrawn: amount, payerBalances: -amount });
  const line = { kind: "withdrawn", amount, actor: lower(payer), payerId: payerId(group, payer) } as const;
  await journal(db, event, group, line);
});

ponder.on("StorageOrders:OrderOpened", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { orderId, sequence } = event.args;
  const { providers, manifest, ...signed } = event.args.order;
  const slotCount = providers.length;
  const stripes = BigInt(signed.stripes);
  const shards = stripes * BigInt(slotCount);
  const epochs = BigInt(signed.endEpoch - signed.startEpoch);
  const cost = orderCost({ price: signed.price, stripes, slotCount }, epochs);
  const policy = describePolicy(signed.policy);
  await db.insert(order).values({
    id: orderId,
    groupAddress: group,
    sequence,
    owner: lower(signed.owner),
    payerId: payerId(group, signed.payer),
    shardRoot: signed.shardRoot,
    ...{ stripes, slotCount, shards },
    ...policy,
    layout: signed.layout,
    startEpoch: BigInt(signed.startEpoch),
    endEpoch: BigInt(signed.endEpoch),
    signedEndEpoch: BigInt(signed.endEpoch),
    price: signed.price,
    minEpochs: BigInt(signed.minEpochs),
    openBy: signed.openBy,
    manifestFirstStripe: BigInt(manifest.firstStripe),
    manifestStripes: BigInt(manifest.stripes),
    manifestLength: manifest.length,
    manifestDigest: manifest.digest,
    salt: signed.salt,
    state: "open",
    ...{ slotsHeld: slotCount, slotsVacant: 0, slotsVoid: 0, spareParities: slotCount - policy.k },
    settledTo: BigInt(signed.startEpoch),
    ...{ cost, escrow: cost, paidToProviders: 0n, paidToKeepers: 0n, paidToTreasury: 0n, refunded: 0n },
    reserved: 0n,
    ...stampOf(event),
  });
  for (const [index, number] of providers.entries()) {
    const held = { providerId: scoped(group, number), since: BigInt(signed.startEpoch) };
    const earned = { paidEpochs: 0, earned: 0n };
    await db.insert(slot).values({
      ...{ id: slotId(orderId, index), orderId, slot: index, state: "held", ...held },
      ...{ expiries: 0, ...earned },
    });
    await db.insert(slotAssignment).values({
      ...{ id: assignmentId(orderId, index, signed.startEpoch), groupAddress: group, orderId },
      ...{ slotId: slotId(orderId, index), slot: index, ...held, ...earned },
      ...stampOf(event),
    });
    await changeHolding(db, held.providerId, 1, stripes);
  }
  await changePayer(db, group, signed.payer, { balance: -cost, escrow: cost });
  const opened = { orderCount: 1, openOrderCount: 1, shards, slotsHeld: slotCount };
  await addTotals(db, group, { ...opened, payerBalances: -cost, escrow: cost });
  const line = { kind: "escrowed", amount: cost, actor: lower(signed.payer), orderId } as const;
  await journal(db, event, group, { ...line, payerId: payerId(group, signed.payer) });
});

ponder.on("StorageOrders:OrderSettled", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { orderId, fromEpoch, toEpoch, toProviders, toKeepers, toTreasury, refunded } = event.args;
  const moved = toProviders + toKeepers + toTreasury + refunded;
  await db
    .insert(payment)
    .values({
      id: `${orderId}-${fromEpoch}-${toEpoch}`,
      groupAddress: group,
      orderId,
      fromEpoch: BigInt(fromEpoch),
      toEpoch: BigInt(toEpoch),
      ...{ toProviders, toKeepers, toTreasury, refunded },
      ...stampOf(event),
    })
    .onConflictDoNothing();
  await creditSlots(db, orderId, { from: fromEpoch, to: toEpoch });
  const settled = await db.update(order, { id: orderId }).set((row) => ({
    settledTo: BigInt(toEpoch),
    escrow: row.escrow - moved,
    paidToProviders: row.paidToProviders + toProviders,
    paidToKeepers: row.paidToKeepers + toKeepers,
    paidToTreasury: row.paidToTreasury + toTreasury,
    refunded: row.refunded + refunded,
  }));
  const payer = payerAddress(settled.payerId);
  await changePayer(db, group, payer, { balance: refunded, refunded, escrow: -moved });
  await addTotals(db, group, {
    ...{ escrow: -moved, credits: toProviders, pools: toKeepers + toTreasury, payerBalances: refunded },
    ...{ paidToProviders: toProviders, paidToKeepers: toKeepers, paidToTreasury: toTreasury, refunded },
  });
  const about = { orderId, payerId: settled.payerId };
  await journal(db, event, group, { kind: "paidToProviders", amount: toProviders, ...about });
  await journal(db, event, group, { kind: "paidToKeepers", amount: toKeepers, ...about });
  await journal(db, event, group, { kind: "paidToTreasury", amount: toTreasury, ...about });
  await journal(db, event, group, { kind: "refunded", amount: refunded, actor: payer, ...about });
});

ponder.on("StorageOrders:OrderEnding", async ({ event, context: { db } }) => {
  await record(db, event, "StorageOrders");
  const { orderId, by, endEpoch } = event.args;
  const ending = { state: "ending", endedBy: lower(by), endEpoch: BigInt(endEpoch) } as const;
  await db.update(order, { id: orderId }).set(ending);
});

ponder.on("StorageOrders:OrderClosed", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { orderId } = event.args;
  const closedBlock = Number(event.block.number);
  const closed = await db.update(order, { id: orderId }).set({ state: "closed", closedBlock });
  for (const row of await slotsOf(db, orderId)) {
    if (row.providerId !== null) await changeHolding(db, row.providerId, -1, closed.stripes);
    await closeOffer(db, event, row, "void");
  }
  await addTotals(db, group, {
    ...{ openOrderCount: -1, shards: -closed.shards },
    ...{ slotsHeld: -closed.slotsHeld, slotsVacant: -closed.slotsVacant, slotsVoid: -closed.slotsVoid },
  });
});

ponder.on("StorageOrders:CreditWithdrawn", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { providerId, owner, amount } = event.args;
  const id = scoped(group, providerId);
  await db.update(provider, { id }).set((row) => ({
    credit: row.credit - amount,
    creditWithdrawn: row.creditWithdrawn + amount,
  }));
  await addTotals(db, group, { credits: -amount, creditsWithdrawn: amount });
  const line = { kind: "creditWithdrawn", amount, actor: lower(owner), providerId: id } as const;
  await journal(db, event, group, line);
});

ponder.on("StorageOrders:KeeperFeeClaimed", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { term, keeperId, owner, amount } = event.args;
  const id = scoped(group, keeperId);
  await db.update(keeper, { id }).set((row) => ({ feesClaimed: row.feesClaimed + amount }));
  await addTotals(db, group, { pools: -amount, keeperFeesClaimed: amount });
  const line = { kind: "keeperFeeClaimed", amount, actor: lower(owner), keeperId: id, term } as const;
  await journal(db, event, group, line);
});

ponder.on("StorageOrders:TreasuryWithdrawn", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { term, treasury, amount } = event.args;
  await addTotals(db, group, { pools: -amount, treasuryWithdrawn: amount });
  await journal(db, event, group, { kind: "treasuryWithdrawn", amount, actor: lower(treasury), term });
});

ponder.on("StorageOrders:PayerCredited", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { payer, orderId, amount } = event.args;
  await changePayer(db, group, payer, { balance: amount, credited: amount });
  await addTotals(db, group, { payerBalances: amount, creditedToPayers: amount });
  const line = { kind: "payerCredited", amount, orderId, payerId: payerId(group, payer) } as const;
  await journal(db, event, group, line);
});

ponder.on("StorageOrders:ProviderCredited", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { providerId, orderId, amount } = event.args;
  const id = scoped(group, providerId);
  await db.update(provider, { id }).set((row) => ({
    bonuses: row.bonuses + amount,
    credit: row.credit + amount,
  }));
  await addTotals(db, group, { credits: amount, creditedToProviders: amount });
  await journal(db, event, group, { kind: "providerCredited", amount, orderId, providerId: id });
});

ponder.on("StorageOrders:TreasuryCredited", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { term, orderId, amount } = event.args;
  await addTotals(db, group, { pools: amount, creditedToTreasury: amount });
  await journal(db, event, group, { kind: "treasuryCredited", amount, orderId, term });
});

ponder.on("StorageOrders:ReadsPaid", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { payer, providerId, amount } = event.args;
  const id = scoped(group, providerId);
  await db.update(provider, { id }).set((row) => ({
    readsPaid: row.readsPaid + amount,
    credit: row.credit + amount,
  }));
  await changePayer(db, group, payer, { balance: -amount, readsPaid: amount });
  await addTotals(db, group, { payerBalances: -amount, credits: amount, paidForReads: amount });
  const line = { kind: "readsPaid", amount, payerId: payerId(group, payer), providerId: id } as const;
  await journal(db, event, group, line);
});

ponder.on("StorageOrders:OrderCancelled", async ({ event, context: { db } }) => {
  const group = await record(db, event, "StorageOrders");
  const { orderId, by } = event.args;
  await db
    .insert(cancelledOrder)
    .values({ id: orderId, groupAddress: group, by: lower(by), ...stampOf(event) });
});

ponder.on("StorageOrders:OrderExpiring", async ({ event, context: { db } }) => {
  await record(db, event, "StorageOrders");
  const expiringBlock = Number(event.block.number);
  await db.update(order, { id: event.args.orderId }).set({ expiringBlock });
});

ponder.on("StorageOrders:OrderRenewed", async ({ event, context: { db } }) => {
  await record(db, event, "StorageOrders");
  const { orderId, nextOrderId } = event.args;
  await db.update(order, { id: orderId }).set({ renewedById: nextOrderId });
  await db.update(order, { id: nextOrderId }).set({ renewedFromId: orderId });
});
