import { relations } from "ponder";
import { appeal, directChallenge, equivocation, lostRecord, lostShard } from "../disputes.ts";
import { slashing } from "../money.ts";
import { group, transaction } from "../network.ts";
import { order } from "../orders.ts";
import { handOver, slot, slotAssignment } from "../repairs.ts";
import { epoch, exception } from "../settlement.ts";
import { keeper, provider } from "../staking.ts";

export const lostRecordRelations = relations(lostRecord, ({ one, many }) => ({
  group: one(group, { fields: [lostRecord.groupAddress], references: [group.id] }),
  provider: one(provider, { fields: [lostRecord.providerId], references: [provider.id] }),
  inEpoch: one(epoch, { fields: [lostRecord.epochId], references: [epoch.id] }),
  appeal: one(appeal, { fields: [lostRecord.id], references: [appeal.id] }),
  shards: many(lostShard),
  handOvers: many(handOver),
  exceptions: many(exception),
  call: one(transaction, { fields: [lostRecord.transactionHash], references: [transaction.id] }),
}));

export const lostShardRelations = relations(lostShard, ({ one }) => ({
  record: one(lostRecord, { fields: [lostShard.recordId], references: [lostRecord.id] }),
  provider: one(provider, { fields: [lostShard.providerId], references: [provider.id] }),
  order: one(order, { fields: [lostShard.orderId], references: [order.id] }),
  inSlot: one(slot, { fields: [lostShard.slotId], references: [slot.id] }),
  handOver: one(handOver, { fields: [lostShard.handOverId], references: [handOver.id] }),
}));

export const appealRelations = relations(appeal, ({ one }) => ({
  group: one(group, { fields: [appeal.groupAddress], references: [group.id] }),
  record: one(lostRecord, { fields: [appeal.id], references: [lostRecord.id] }),
  provider: one(provider, { fields: [appeal.providerId], references: [provider.id] }),
  call: one(transaction, { fields: [appeal.transactionHash], references: [transaction.id] }),
}));

export const directChallengeRelations = relations(directChallenge, ({ one, many }) => ({
  group: one(group, { fields: [directChallenge.groupAddress], references: [group.id] }),
  order: one(order, { fields: [directChallenge.orderId], references: [order.id] }),
  inSlot: one(slot, { fields: [directChallenge.slotId], references: [slot.id] }),
  provider: one(provider, { fields: [directChallenge.providerId], references: [provider.id] }),
  assignment: one(slotAssignment, {
    fields: [directChallenge.assignmentId],
    references: [slotAssignment.id],
  }),
  handOvers: many(handOver),
  slashings: many(slashing),
  call: one(transaction, { fields: [directChallenge.transactionHash], references: [transaction.id] }),
}));

export const equivocationRelations = relations(equivocation, ({ one }) => ({
  group: one(group, { fields: [equivocation.groupAddress], references: [group.id] }),
  keeper: one(keeper, { fields: [equivocation.keeperId], references: [keeper.id] }),
  inEpoch: one(epoch, { fields: [equivocation.epochId], references: [epoch.id] }),
  call: one(transaction, { fields: [equivocation.transactionHash], references: [transaction.id] }),
}));
