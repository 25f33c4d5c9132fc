import { relations } from "ponder";
import {
  agent,
  agentSpend,
  cancelledOrder,
  demander,
  operatorChange,
  renewal,
  voucherChannel,
} from "../allowances.ts";
import { group, transaction } from "../network.ts";
import { order, payer } from "../orders.ts";
import { keeper, provider } from "../staking.ts";

export const agentRelations = relations(agent, ({ one, many }) => ({
  group: one(group, { fields: [agent.groupAddress], references: [group.id] }),
  payer: one(payer, { fields: [agent.payerId], references: [payer.id] }),
  spends: many(agentSpend),
}));

export const agentSpendRelations = relations(agentSpend, ({ one }) => ({
  group: one(group, { fields: [agentSpend.groupAddress], references: [group.id] }),
  agent: one(agent, { fields: [agentSpend.agentId], references: [agent.id] }),
  order: one(order, { fields: [agentSpend.orderId], references: [order.id] }),
  call: one(transaction, { fields: [agentSpend.transactionHash], references: [transaction.id] }),
}));

export const renewalRelations = relations(renewal, ({ one }) => ({
  group: one(group, { fields: [renewal.groupAddress], references: [group.id] }),
  payer: one(payer, { fields: [renewal.payerId], references: [payer.id] }),
  order: one(order, { fields: [renewal.orderId], references: [order.id] }),
}));

export const voucherChannelRelations = relations(voucherChannel, ({ one }) => ({
  group: one(group, { fields: [voucherChannel.groupAddress], references: [group.id] }),
  payer: one(payer, { fields: [voucherChannel.payerId], references: [payer.id] }),
  provider: one(provider, { fields: [voucherChannel.providerId], references: [provider.id] }),
}));

export const cancelledOrderRelations = relations(cancelledOrder, ({ one }) => ({
  group: one(group, { fields: [cancelledOrder.groupAddress], references: [group.id] }),
}));

export const demanderRelations = relations(demander, ({ one }) => ({
  group: one(group, { fields: [demander.groupAddress], references: [group.id] }),
}));

export const operatorChangeRelations = relations(operatorChange, ({ one }) => ({
  group: one(group, { fields: [operatorChange.groupAddress], references: [group.id] }),
  provider: one(provider, { fields: [operatorChange.providerId], references: [provider.id] }),
  keeper: one(keeper, { fields: [operatorChange.keeperId], references: [keeper.id] }),
  call: one(transaction, { fields: [operatorChange.transactionHash], references: [transaction.id] }),
}));
