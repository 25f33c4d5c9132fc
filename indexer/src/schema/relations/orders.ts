import { relations } from "ponder";
import { agent, agentSpend, renewal, voucherChannel } from "../allowances.ts";
import { directChallenge, lostShard } from "../disputes.ts";
import { movement, slashing } from "../money.ts";
import { group, transaction } from "../network.ts";
import { order, payer, payment } from "../orders.ts";
import { handOver, repair, repairOffer, slot, slotAssignment } from "../repairs.ts";

export const orderRelations = relations(order, ({ one, many }) => ({
  group: one(group, { fields: [order.groupAddress], references: [group.id] }),
  payer: one(payer, { fields: [order.payerId], references: [payer.id] }),
  opening: one(transaction, { fields: [order.transactionHash], references: [transaction.id] }),
  slots: many(slot),
  assignments: many(slotAssignment),
  handOvers: many(handOver),
  repairOffers: many(repairOffer),
  repairs: many(repair),
  lostShards: many(lostShard),
  directChallenges: many(directChallenge),
  slashings: many(slashing),
  payments: many(payment),
  movements: many(movement),
  agentSpends: many(agentSpend),
  renewals: many(renewal),
  renewedBy: one(order, {
    fields: [order.renewedById],
    references: [order.id],
    relationName: "renewedBy",
  }),
  renewedFrom: one(order, {
    fields: [order.renewedFromId],
    references: [order.id],
    relationName: "renewedFrom",
  }),
}));

export const paymentRelations = relations(payment, ({ one }) => ({
  group: one(group, { fields: [payment.groupAddress], references: [group.id] }),
  order: one(order, { fields: [payment.orderId], references: [order.id] }),
  call: one(transaction, { fields: [payment.transactionHash], references: [transaction.id] }),
}));

export const payerRelations = relations(payer, ({ one, many }) => ({
  group: one(group, { fields: [payer.groupAddress], references: [group.id] }),
  orders: many(order),
  slashings: many(slashing),
  movements: many(movement),
  agents: many(agent),
  renewals: many(renewal),
  voucherChannels: many(voucherChannel),
}));
