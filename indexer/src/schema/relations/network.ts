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
import { appeal, directChallenge, equivocation, lostRecord } from "../disputes.ts";
import { movement, slashing } from "../money.ts";
import { contract, gasUse, group, hashCheckpoint, network, transaction } from "../network.ts";
import { order, payer, payment } from "../orders.ts";
import { handOver, repair, repairOffer, slotAssignment } from "../repairs.ts";
import { epoch, exception, roster } from "../settlement.ts";
import { keeper, provider } from "../staking.ts";

export const networkRelations = relations(network, ({ many }) => ({ groupList: many(group) }));

export const groupRelations = relations(group, ({ one, many }) => ({
  network: one(network, { fields: [group.networkId], references: [network.id] }),
  contracts: many(contract),
  providers: many(provider),
  keepers: many(keeper),
  rosters: many(roster),
  latestRoster: one(roster, { fields: [group.rosterId], references: [roster.id] }),
  orders: many(order),
  epochs: many(epoch),
  exceptions: many(exception),
  slotAssignments: many(slotAssignment),
  handOvers: many(handOver),
  repairOffers: many(repairOffer),
  repairs: many(repair),
  lostRecords: many(lostRecord),
  appeals: many(appeal),
  directChallenges: many(directChallenge),
  slashings: many(slashing),
  equivocations: many(equivocation),
  payments: many(payment),
  payers: many(payer),
  movements: many(movement),
  transactions: many(transaction),
  agents: many(agent),
  agentSpends: many(agentSpend),
  renewals: many(renewal),
  voucherChannels: many(voucherChannel),
  cancelledOrders: many(cancelledOrder),
  demanders: many(demander),
  operatorChanges: many(operatorChange),
}));

export const contractRelations = relations(contract, ({ one, many }) => ({
  group: one(group, { fields: [contract.groupAddress], references: [group.id] }),
  checkpoints: many(hashCheckpoint),
}));

export const hashCheckpointRelations = relations(hashCheckpoint, ({ one }) => ({
  contract: one(contract, { fields: [hashCheckpoint.contractAddress], references: [contract.id] }),
}));

export const transactionRelations = relations(transaction, ({ one, many }) => ({
  group: one(group, { fields: [transaction.groupAddress], references: [group.id] }),
  call: one(gasUse, { fields: [transaction.callId], references: [gasUse.id] }),
  orders: many(order),
  epochs: many(epoch),
  payments: many(payment),
  movements: many(movement),
  handOvers: many(handOver),
  repairOffers: many(repairOffer),
  repairs: many(repair),
  lostRecords: many(lostRecord),
  appeals: many(appeal),
  directChallenges: many(directChallenge),
  slashings: many(slashing),
  equivocations: many(equivocation),
  agentSpends: many(agentSpend),
  operatorChanges: many(operatorChange),
}));

export const gasUseRelations = relations(gasUse, ({ many }) => ({ transactions: many(transaction) }));
