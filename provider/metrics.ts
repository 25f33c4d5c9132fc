import type { Metrics } from "../protocol/runtime/metrics.ts";
import type { ChainView } from "./chainView.ts";
import type { ProviderStore } from "./store/store.ts";

/** The provider's own numbers, beside those of its transport. */
export function createProviderMetrics(deps: {
  metrics: Metrics;
  store: ProviderStore;
  view: ChainView;
  capacityBytes: number;
  lag(): number;
  pending(): number;
  /** Shards that are known to be unreadable. */
  missing(): number;
}) {
  const { metrics, store, view } = deps;
  const gauges: [string, string, () => number][] = [
    ["chain_final_block", "Last final block that was processed", () => view.state().head?.number ?? -1],
    ["chain_lag_blocks", "Final blocks that are not processed yet", deps.lag],
    ["epoch", "Epoch of the last final block", view.epoch],
    ["orders_open", "Open orders of which a slot is held", store.orders.count],
    ["held_bytes", "Bytes of shards, reserved or held", () => store.uploads.bytes()],
    ["capacity_bytes", "Bytes of shards that are taken at most", () => deps.capacityBytes],
    ["shards_missing", "Shards that are known to be lost or damaged here", deps.missing],
    ["duties_pending", "Challenges, disputes and repairs that are being worked on now", deps.pending],
  ];
  for (const [name, help, collect] of gauges) metrics.gauge({ name, help, collect });
  return {
    unreadable: metrics.counter({
      name: "shards_unreadable_total",
      help: "Reads of shards that were lost or damaged",
    }),
    received: metrics.counter({ name: "received_bytes_total", help: "Bytes of shards stored for users" }),
    served: metrics.counter({ name: "served_bytes_total", help: "Bytes of shards read by users" }),
    committed: metrics.counter({ name: "commitments_total", help: "Commitments computed" }),
    repairs: metrics.counter({
      name: "repairs_total",
      help: "Repair offers that were worked on, by outcome: accepted, failed (refused, or over before that)",
      labels: ["outcome"],
    }),
    repairRead: metrics.counter({
      name: "repair_read_bytes_total",
      help: "Bytes of shards that were read from others to rebuild slots",
    }),
    repairWritten: metrics.counter({
      name: "repair_written_bytes_total",
      help: "Bytes of shards of slots that were rebuilt",
    }),
    repairSeconds: metrics.counter({
      name: "repair_seconds_total",
      help: "Time that was worked on repairs",
    }),
    bonuses: metrics.counter({ name: "bonuses_total", help: "Repair bonuses that were claimed" }),
    healed: metrics.counter({
      name: "shards_healed_total",
      help: "Own shards that were lost or damaged and rebuilt from others",
    }),
    disputes: metrics.counter({
      name: "disputes_total",
      help: "Lost records (appeal) and direct challenges (challenge) against this provider by outcome: answered, lost (a shard is gone), late",
      labels: ["kind", "outcome"],
    }),
    proofs: metrics.counter({
      name: "proofs_total",
      help: "Challenges by outcome: answered, partial (shards left out), nothing (no shard readable), failed",
      labels: ["outcome"],
    }),
    proofSeconds: metrics.histogram({
      name: "proof_duration_seconds",
      help: "Time from a challenge to its signed proof",
      buckets: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    }),
  };
}

export type ProviderMetrics = ReturnType<typeof createProviderMetrics>;
