import { ponder } from "ponder:registry";
import { agent, agentSpend, order, renewal, voucherChannel } from "ponder:schema";
import { changePayer } from "./lib/books.ts";
import { agentId, lower, payerId, renewalId, scoped } from "./lib/ids.ts";
import { eventId, record, stampOf } from "./lib/record.ts";

ponder.on("Allowances:AgentApproved", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Allowances");
  const { payer, budget, expiresAt } = event.args;
  const id = agentId(groupAddress, payer, event.args.agent);
  await changePayer(db, groupAddress, payer, {});
  const allowed = { budget, expiresAt, ...stampOf(event) };
  await db
    .insert(agent)
    .values({
      ...{ id, groupAddress, payerId: payerId(groupAddress, payer), agent: lower(event.args.agent) },
      ...{ spent: 0n, spendCount: 0, ...allowed },
    })
    .onConflictDoUpdate(allowed);
});

// What it was spent on, StorageOrders tells.
ponder.on("Allowances:AgentSpent", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Allowances");
  const { payer, purpose, amount, budget } = event.args;
  const id = agentId(groupAddress, payer, event.args.agent);
  await db.update(agent, { id }).set((row) => ({
    ...{ budget, spent: row.spent + amount, spendCount: row.spendCount + 1 },
  }));
  const opened = await db.find(order, { id: purpose });
  await db.insert(agentSpend).values({
    ...{ id: eventId(id, event), groupAddress, agentId: id, amount, budget, purpose },
    ...{ orderId: opened === null ? null : purpose, ...stampOf(event) },
  });
});

// A nonce is nothing that anybody asks for.
ponder.on("Allowances:NoncesInvalidated", async ({ event, context: { db } }) => {
  await record(db, event, "Allowances");
});

ponder.on("Allowances:RenewalSet", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Allowances");
  const { payer, orderId, maxPrice, left } = event.args;
  await changePayer(db, groupAddress, payer, {});
  const terms = { maxPrice, epochs: BigInt(event.args.epochs), left, nextOrderId: null, ...stampOf(event) };
  await db
    .insert(renewal)
    .values({
      ...{ id: renewalId(groupAddress, payer, orderId), groupAddress, orderId },
      ...{ payerId: payerId(groupAddress, payer), ...terms },
    })
    .onConflictDoUpdate(terms);
});

ponder.on("Allowances:RenewalUsed", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Allowances");
  const { payer, orderId, nextOrderId, left } = event.args;
  const id = renewalId(groupAddress, payer, orderId);
  const used = await db.update(renewal, { id }).set({ left: 0, nextOrderId });
  const terms = { maxPrice: used.maxPrice, epochs: used.epochs, left, nextOrderId: null, ...stampOf(event) };
  await db
    .insert(renewal)
    .values({
      ...{ id: renewalId(groupAddress, payer, nextOrderId), groupAddress, orderId: nextOrderId },
      ...{ payerId: used.payerId, ...terms },
    })
    .onConflictDoUpdate(terms);
});

// The money is told by StorageOrders (reads paid).
ponder.on("Allowances:VoucherRedeemed", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Allowances");
  const { payer, providerId, signer, channel, redeemed } = event.args;
  const id = `${payerId(groupAddress, payer)}-${providerId}-${channel}`;
  await changePayer(db, groupAddress, payer, {});
  const paid = { redeemed, signer: lower(signer), ...stampOf(event) };
  await db
    .insert(voucherChannel)
    .values({
      ...{ id, groupAddress, payerId: payerId(groupAddress, payer), channel },
      ...{ providerId: scoped(groupAddress, providerId), redemptions: 1, ...paid },
    })
    .onConflictDoUpdate((row) => ({ ...paid, redemptions: row.redemptions + 1 }));
});

// Nothing moved: whoever sent it sees why in the transaction's events.
ponder.on("Allowances:VoucherSkipped", async ({ event, context: { db } }) => {
  await record(db, event, "Allowances");
});
