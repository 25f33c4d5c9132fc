import type { Hex } from "viem";
import { epochAt } from "../protocol/chain/epochs.ts";
import { type GroupState, rosterOf } from "../protocol/chain/groupTypes.ts";
import { thresholdsOf } from "../protocol/chain/parameters.ts";
import type { Journal } from "./consensus/journal.ts";
import type { Epochs } from "./epochs.ts";
import { lostTimesOf, runningClocks } from "./repair/lost.ts";
import { createRepairPlanner } from "./repair/plan.ts";
import type { Reports, ShardReport } from "./reports.ts";
import type { KeeperStore } from "./store.ts";

/** What the schema says of faults and repairs; `Query` fields are extended. */
export const repairTypeDefs = /* GraphQL */ `
  extend type Query {
    "Clocks of unavailable slots as of the newest epoch that was voted on; null before there is one."
    repairs: Repairs
    "Repair offers on chain that can still be accepted."
    offers: [LiveOffer!]!
    "Lost records on chain that are not closed."
    lostRecords: [LostRecord!]!
    "Shards that readers reported, newest first."
    reports(limit: Int = 100): [ShardReport!]!
    "Keepers that were seen to sign two results of one round and are not slashed yet."
    equivocations: [Equivocation!]!
  }
  type Repairs {
    epoch: Int!
    "Whether a mass outage holds up evictions."
    frozen: Boolean!
    clocks: [SlotClock!]!
    "What the certificate of the epoch gives up, when it is decided."
    lost: [LostEntry!]!
    "What it offers."
    offers: [Offer!]!
  }
  type SlotClock {
    orderId: String!
    slot: Int!
    provider: Int!
    "Certified epoch in which it began."
    started: Int!
    "Certified epochs since."
    age: Int!
    "Certified epochs until the slot is lost if nothing changes; 0 when it is due."
    lostIn: Int!
  }
  type LostEntry { provider: Int!, orderId: String!, slot: Int!, stripe: Int! }
  type Offer { provider: Int!, orderId: String!, slot: Int!, deadline: Int! }
  type LiveOffer { provider: Int!, orderId: String!, slot: Int!, epoch: Int!, deadline: Int! }
  type LostRecord { provider: Int!, epoch: Int!, part: Int!, status: String!, deadline: Int!, deadlineBlock: Int!, slots: Int! }
  type ShardReport { orderId: String!, slot: Int!, stripe: Int!, provider: Int!, reason: String!, outcome: String!, times: Int!, lookedAt: String! }
  type Equivocation { keeper: Int, epoch: Int!, round: Int!, member: Int! }
`;

/** Most reports that one query may ask for. */
const REPORTS_LIMIT = 1_000;

/** Resolvers of `repairTypeDefs`. */
export function repairResolvers(deps: {
  state: () => GroupState;
  epochs: Pick<Epochs, "repairs" | "views">;
  reports: Pick<Reports, "list">;
  journal: Pick<Journal, "equivocations">;
  store: Pick<KeeperStore, "record">;
}) {
  return {
    repairs: () => repairsOf(deps.epochs, deps.store),
    offers: () => liveOffers(deps.state()),
    lostRecords: () =>
      [...deps.state().lost.values()]
        .filter(({ status }) => status !== "closed")
        .map((record) => ({ ...record, slots: record.entries.length })),
    reports: (_root: unknown, { limit }: { limit: number }) =>
      deps.reports
        .list()
        .slice(0, Math.max(0, Math.min(limit, REPORTS_LIMIT)))
        .map(reportOf),
    equivocations: () =>
      deps.journal.equivocations().map(({ first }) => {
        const { epoch, round, term } = first.certificate;
        const keeper = rosterOf(deps.state(), term)?.keeperIds[first.member] ?? null;
        return { keeper, epoch, round, member: first.member };
      }),
  };
}

function repairsOf(epochs: Pick<Epochs, "repairs" | "views">, store: Pick<KeeperStore, "record">) {
  const context = epochs.repairs();
  if (context === undefined) return null;
  const { epoch, state } = context;
  const view = epochs.views().find((each) => each.epoch === epoch);
  // What is finished is no longer in view, but its results still say which clocks stopped.
  const results = view?.decision?.outcome?.results ?? store.record(epoch)?.results;
  const plan = results === undefined ? undefined : createRepairPlanner(context)(results);
  const thresholds = thresholdsOf(state.parameters.repairThresholds);
  const running = runningClocks(context, plan?.history ?? context.history);
  return {
    epoch,
    frozen: plan?.frozen ?? false,
    clocks: [...running].flatMap(([orderId, clocks]) => {
      const times = lostTimesOf(state.orders.get(orderId)!, clocks, thresholds);
      return clocks.map((clock, index) => ({ ...clock, lostIn: Math.max(0, times[index]!) }));
    }),
    lost: (plan?.lost ?? []).flatMap(({ provider, entries }) =>
      entries.map((entry) => ({ provider, ...entry })),
    ),
    offers: plan?.offers ?? [],
  };
}

function liveOffers({ head, parameters, orders }: GroupState) {
  const now = head === undefined ? 0 : epochAt(parameters, head.timestamp);
  const found: { provider: number; orderId: Hex; slot: number; epoch: number; deadline: number }[] = [];
  for (const { id, closed, slots } of orders.values()) {
    for (const { slot, offer } of closed ? [] : slots) {
      if (offer !== undefined && offer.deadline >= now) found.push({ orderId: id, slot, ...offer });
    }
  }
  return found;
}

function reportOf(report: ShardReport) {
  return { ...report, lookedAt: new Date(report.lookedAt).toISOString() };
}
