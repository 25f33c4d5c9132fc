import { relations } from "ponder";
import { directChallenge, lostRecord, lostShard } from "../disputes.ts";
import { slashing } from "../money.ts";
import { group, transaction } from "../network.ts";
import { order } from "../orders.ts";
import { handOver, repair, repairOffer, slot, slotAssignment } from "../repairs.ts";
import { epoch } from "../settlement.ts";
import { provider } from "../staking.ts";
import { FORMER, HOLDER } from "./slotRoles.ts";

export const slotRelations = relations(slot, ({ one, many }) => ({
  order: one(order, { fields: [slot.orderId], references: [order.id] }),
  provider: one(provider, {
    relationName: HOLDER,
    fields: [slot.providerId],
    references: [provider.id],
  }),
  former: one(provider, { relationName: FORMER, fields: [slot.formerId], references: [provider.id] }),
  openOffer: one(repairOffer, { fields: [slot.offerId], references: [repairOffer.id] }),
  assignments: many(slotAssignment),
  handOvers: many(handOver),
  repairs: many(repair),
  lostShards: many(lostShard),
  directChallenges: many(directChallenge),
}));

export const slotAssignmentRelations = relations(slotAssignment, ({ one, many }) => ({
  group: one(group, { fields: [slotAssignment.groupAddress], references: [group.id] }),
  order: one(order, { fields: [slotAssignment.orderId], references: [order.id] }),
  inSlot: one(slot, { fields: [slotAssignment.slotId], references: [slot.id] }),
  provider: one(provider, { fields: [slotAssignment.providerId], references: [provider.id] }),
  handOver: one(handOver, { fields: [slotAssignment.handOverId], references: [handOver.id] }),
  directChallenges: many(directChallenge),
}));

export const handOverRelations = relations(handOver, ({ one, many }) => ({
  group: one(group, { fields: [handOver.groupAddress], references: [group.id] }),
  order: one(order, { fields: [handOver.orderId], references: [order.id] }),
  inSlot: one(slot, { fields: [handOver.slotId], references: [slot.id] }),
  provider: one(provider, { fields: [handOver.providerId], references: [provider.id] }),
  record: one(lostRecord, { fields: [handOver.recordId], references: [lostRecord.id] }),
  challenge: one(directChallenge, { fields: [handOver.challengeId], references: [directChallenge.id] }),
  slashing: one(slashing, { fields: [handOver.id], references: [slashing.id] }),
  repair: one(repair, { fields: [handOver.id], references: [repair.id] }),
  assignments: many(slotAssignment),
  lostShards: many(lostShard),
  call: one(transaction, { fields: [handOver.transactionHash], references: [transaction.id] }),
}));

export const repairOfferRelations = relations(repairOffer, ({ one, many }) => ({
  group: one(group, { fields: [repairOffer.groupAddress], references: [group.id] }),
  order: one(order, { fields: [repairOffer.orderId], references: [order.id] }),
  inSlot: one(slot, { fields: [repairOffer.slotId], references: [slot.id] }),
  provider: one(provider, { fields: [repairOffer.providerId], references: [provider.id] }),
  inEpoch: one(epoch, { fields: [repairOffer.epochId], references: [epoch.id] }),
  repairs: many(repair),
  call: one(transaction, { fields: [repairOffer.transactionHash], references: [transaction.id] }),
}));

export const repairRelations = relations(repair, ({ one }) => ({
  group: one(group, { fields: [repair.groupAddress], references: [group.id] }),
  order: one(order, { fields: [repair.orderId], references: [order.id] }),
  inSlot: one(slot, { fields: [repair.slotId], references: [slot.id] }),
  provider: one(provider, { fields: [repair.providerId], references: [provider.id] }),
  offer: one(repairOffer, { fields: [repair.offerId], references: [repairOffer.id] }),
  handOver: one(handOver, { fields: [repair.id], references: [handOver.id] }),
  call: one(transaction, { fields: [repair.transactionHash], references: [transaction.id] }),
}));
