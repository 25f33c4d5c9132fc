import { epochAt } from "../protocol/chain/epochs.ts";
import type { GroupState } from "../protocol/chain/groupTypes.ts";
import type { Metrics } from "../protocol/runtime/metrics.ts";

/** The keeper's own numbers, beside those of its transport. */
export function createKeeperMetrics(deps: {
  metrics: Metrics;
  state: () => GroupState;
  lag: () => number;
  pending: () => number;
  epoch: () => number;
  pointsCached: () => number;
  clocks: () => number;
  equivocations: () => number;
}) {
  const { metrics } = deps;
  const gauges: [string, string, () => number][] = [
    ["chain_final_block", "Last final block that was processed", () => deps.state().head?.number ?? -1],
    ["chain_lag_blocks", "Final blocks that are not processed yet", deps.lag],
    ["epoch", "Epoch of the last final block", deps.epoch],
    ["epoch_last_certified", "Highest epoch with a certificate on chain", () => deps.state().lastCertified],
    ["duties_pending", "Duties that wait for no further block", deps.pending],
    ["repair_clocks_running", "Slots that were unavailable at the last epoch voted on", deps.clocks],
    [
      "repair_offers_live",
      "Repair offers on chain that can still be accepted",
      () => liveOffers(deps.state()),
    ],
    ["slots_vacant", "Slots without holder, void ones left out", () => vacantSlots(deps.state())],
    ["lost_records_open", "Lost records that are not closed", () => openRecords(deps.state())],
    ["equivocations_pending", "Keepers that signed twice and are not slashed yet", deps.equivocations],
    ["commitment_points_cached", "Commitments held as points", deps.pointsCached],
  ];
  for (const [name, help, collect] of gauges) metrics.gauge({ name, help, collect });
  return {
    proofs: metrics.counter({
      name: "proofs_total",
      help: "Proofs of providers by outcome: valid, or the code of the refusal",
      labels: ["outcome"],
    }),
    verifySeconds: metrics.histogram({
      name: "verify_duration_seconds",
      help: "Time to verify one batch of proofs, openings held",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
    openingsBytes: metrics.counter({ name: "openings_pulled_bytes_total", help: "Bytes of points pulled" }),
    decided: metrics.counter({
      name: "epochs_decided_total",
      help: "Epochs decided, by whether the first round did it",
      labels: ["round"],
    }),
    exceptions: metrics.counter({
      name: "exceptions_decided_total",
      help: "Exceptions of decided epochs by kind: missed verdicts, lost slots, repair offers",
      labels: ["kind"],
    }),
    equivocations: metrics.counter({
      name: "equivocations_total",
      help: "Pairs of different commits of one member and round that were noticed",
    }),
    reports: metrics.counter({
      name: "shard_reports_total",
      help: "Shards that readers reported, by what this keeper saw when it looked",
      labels: ["outcome"],
    }),
    submissions: metrics.counter({
      name: "submissions_total",
      help: "Transactions brought on chain, by what they were",
      labels: ["what"],
    }),
    gas: metrics.counter({ name: "gas_used_total", help: "Gas of own transactions", labels: ["what"] }),
    undelivered: metrics.counter({
      name: "deliveries_failed_total",
      help: "Consensus messages that could not be handed over directly",
    }),
  };
}

export type KeeperMetrics = ReturnType<typeof createKeeperMetrics>;

const slotsOf = ({ orders }: GroupState) =>
  [...orders.values()].flatMap(({ closed, slots }) => (closed ? [] : slots));

function liveOffers(state: GroupState): number {
  const now = state.head === undefined ? 0 : epochAt(state.parameters, state.head.timestamp);
  return slotsOf(state).filter(({ offer }) => offer !== undefined && offer.deadline >= now).length;
}

function vacantSlots(state: GroupState): number {
  return slotsOf(state).filter(({ holder, voided }) => holder === undefined && !voided).length;
}

function openRecords({ lost }: GroupState): number {
  return [...lost.values()].filter(({ status }) => status !== "closed").length;
}
