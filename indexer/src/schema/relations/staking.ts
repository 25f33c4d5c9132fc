import { relations } from "ponder";
import { operatorChange, voucherChannel } from "../allowances.ts";
import { appeal, directChallenge, equivocation, lostRecord, lostShard } from "../disputes.ts";
import { movement, slashing } from "../money.ts";
import { group } from "../network.ts";
import { handOver, repair, repairOffer, slot, slotAssignment } from "../repairs.ts";
import { exception, rosterMember } from "../settlement.ts";
import { keeper, provider } from "../staking.ts";
import { FORMER, HOLDER } from "./slotRoles.ts";

export const providerRelations = relations(provider, ({ one, many }) => ({
  group: one(group, { fields: [provider.groupAddress], references: [group.id] }),
  slots: many(slot, { relationName: HOLDER }),
  formerSlots: many(slot, { relationName: FORMER }),
  assignments: many(slotAssignment),
  handOvers: many(handOver),
  repairOffers: many(repairOffer),
  repairsDone: many(repair),
  exceptions: many(exception),
  lostRecords: many(lostRecord),
  lostShards: many(lostShard),
  appeals: many(appeal),
  directChallenges: many(directChallenge),
  slashings: many(slashing),
  movements: many(movement),
  operatorChanges: many(operatorChange),
  voucherChannels: many(voucherChannel),
}));

export const keeperRelations = relations(keeper, ({ one, many }) => ({
  group: one(group, { fields: [keeper.groupAddress], references: [group.id] }),
  memberships: many(rosterMember),
  equivocations: many(equivocation),
  slashings: many(slashing),
  movements: many(movement),
  operatorChanges: many(operatorChange),
}));
