import { relations } from "ponder";
import { equivocation, lostRecord } from "../disputes.ts";
import { group, transaction } from "../network.ts";
import { repairOffer } from "../repairs.ts";
import { epoch, exception, roster, rosterMember } from "../settlement.ts";
import { keeper, provider } from "../staking.ts";

export const rosterRelations = relations(roster, ({ one, many }) => ({
  group: one(group, { fields: [roster.groupAddress], references: [group.id] }),
  previous: one(roster, { fields: [roster.previousId], references: [roster.id] }),
  members: many(rosterMember),
  epochs: many(epoch),
}));

export const rosterMemberRelations = relations(rosterMember, ({ one }) => ({
  roster: one(roster, { fields: [rosterMember.rosterId], references: [roster.id] }),
  keeper: one(keeper, { fields: [rosterMember.keeperId], references: [keeper.id] }),
}));

export const epochRelations = relations(epoch, ({ one, many }) => ({
  group: one(group, { fields: [epoch.groupAddress], references: [group.id] }),
  roster: one(roster, { fields: [epoch.rosterId], references: [roster.id] }),
  certification: one(transaction, { fields: [epoch.transactionHash], references: [transaction.id] }),
  exceptions: many(exception),
  lostRecords: many(lostRecord),
  repairOffers: many(repairOffer),
  equivocations: many(equivocation),
}));

export const exceptionRelations = relations(exception, ({ one }) => ({
  group: one(group, { fields: [exception.groupAddress], references: [group.id] }),
  inEpoch: one(epoch, { fields: [exception.epochId], references: [epoch.id] }),
  provider: one(provider, { fields: [exception.providerId], references: [provider.id] }),
  record: one(lostRecord, { fields: [exception.recordId], references: [lostRecord.id] }),
  offer: one(repairOffer, { fields: [exception.offerId], references: [repairOffer.id] }),
}));
