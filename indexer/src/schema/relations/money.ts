import { relations } from "ponder";
import { directChallenge } from "../disputes.ts";
import { movement, slashing } from "../money.ts";
import { group, transaction } from "../network.ts";
import { order, payer } from "../orders.ts";
import { handOver } from "../repairs.ts";
import { keeper, provider } from "../staking.ts";

export const movementRelations = relations(movement, ({ one }) => ({
  group: one(group, { fields: [movement.groupAddress], references: [group.id] }),
  payer: one(payer, { fields: [movement.payerId], references: [payer.id] }),
  provider: one(provider, { fields: [movement.providerId], references: [provider.id] }),
  keeper: one(keeper, { fields: [movement.keeperId], references: [keeper.id] }),
  order: one(order, { fields: [movement.orderId], references: [order.id] }),
  call: one(transaction, { fields: [movement.transactionHash], references: [transaction.id] }),
}));

export const slashingRelations = relations(slashing, ({ one }) => ({
  group: one(group, { fields: [slashing.groupAddress], references: [group.id] }),
  provider: one(provider, { fields: [slashing.providerId], references: [provider.id] }),
  keeper: one(keeper, { fields: [slashing.keeperId], references: [keeper.id] }),
  order: one(order, { fields: [slashing.orderId], references: [order.id] }),
  payer: one(payer, { fields: [slashing.payerId], references: [payer.id] }),
  handOver: one(handOver, { fields: [slashing.handOverId], references: [handOver.id] }),
  challenge: one(directChallenge, { fields: [slashing.challengeId], references: [directChallenge.id] }),
  call: one(transaction, { fields: [slashing.transactionHash], references: [transaction.id] }),
}));
