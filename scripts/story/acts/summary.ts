import { SHARD_BYTES } from "../../../protocol/constants.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import type { NodesProcess } from "../../embedded/nodesProcess.ts";
import { sum } from "../books.ts";
import { readDisputeLogs, readRepairLogs, readSettlementLogs } from "../groupLogs.ts";
import { sumMetric } from "../metrics.ts";
import type { Reasons } from "./play.ts";

/** What went wrong and what came of it, as the chain has it. */
export interface Disturbances {
  /** Every epoch that a provider missed, and every time it lost slots. */
  faults: { epoch: number; provider: number; kind: "missed" | "lost"; reason: string }[];
  /** Slots that were lost. */
  lost: number;
  offers: { made: number; accepted: number; expired: number; void: number };
  appeals: { provider: number; accepted: boolean }[];
  directChallenges: { provider: number; answered: boolean }[];
  /** Keepers that signed two results of one round. */
  equivocations: number;
  /** Token wei. */
  slashed: Record<
    "toUsers" | "toRepairers" | "toTreasury" | "toChallengers" | "toReporters" | "burnt",
    string
  >;
}

/** What repairing took. */
export interface Repairs {
  slots: number;
  bytesRead: number;
  bytesWritten: number;
  /** Of all repairers together, from taking an offer to the acceptance. */
  seconds: number;
}

/** Reads everything that went wrong from the chain. An appeal that was refused left no event: `refused` adds it. */
export async function readDisturbances(
  network: EmbeddedNetwork,
  reasons: Reasons,
  refused: readonly number[],
): Promise<Disturbances> {
  const [settlement, disputes, repairs] = await Promise.all([
    readSettlementLogs(network),
    readDisputeLogs(network),
    readRepairLogs(network),
  ]);
  const missed = settlement.filter((log) => log.eventName === "ProviderMissed").map(({ args }) => args);
  const records = disputes.filter((log) => log.eventName === "LostRecorded").map(({ args }) => args);
  const faults: Disturbances["faults"] = [
    ...missed.map(({ epoch, providerId }) => ({ epoch, provider: providerId, kind: "missed" as const })),
    ...records.map(({ epoch, providerId }) => ({ epoch, provider: providerId, kind: "lost" as const })),
  ]
    .map((fault) => ({ ...fault, reason: reasons.of(fault.provider, fault.epoch) }))
    .sort((a, b) => a.epoch - b.epoch || a.provider - b.provider);
  const count = (name: (typeof repairs)[number]["eventName"]) =>
    repairs.filter(({ eventName }) => eventName === name).length;

  const challenged = disputes.filter((log) => log.eventName === "ChallengeOpened").map(({ args }) => args);
  const answered = disputes.filter((log) => log.eventName === "ChallengeAnswered").map(({ args }) => args.id);
  const slashes = disputes.filter((log) => log.eventName === "CollateralSlashed").map(({ args }) => args);
  const reports = settlement
    .filter((log) => log.eventName === "EquivocationReported")
    .map(({ args }) => args);
  const total = (values: readonly bigint[]) => sum(values).toString();
  return {
    faults,
    lost: sumOf(records.map(({ entries }) => entries.length)),
    offers: {
      made: count("RepairOffered"),
      accepted: count("RepairAccepted"),
      expired: count("RepairOfferExpired"),
      void: count("SlotVoided"),
    },
    appeals: [
      ...refused.map((provider) => ({ provider, accepted: false })),
      ...disputes
        .filter((log) => log.eventName === "AppealAccepted")
        .map(({ args }) => ({ provider: args.providerId, accepted: true })),
    ],
    directChallenges: challenged.map(({ id, providerId }) => {
      return { provider: providerId, answered: answered.includes(id) };
    }),
    equivocations: reports.length,
    slashed: {
      toUsers: total(slashes.map(({ toPayer }) => toPayer)),
      toRepairers: total(slashes.map(({ toPot }) => toPot)),
      toTreasury: total(slashes.map(({ toTreasury }) => toTreasury)),
      toChallengers: total(slashes.map(({ toChallenger }) => toChallenger)),
      toReporters: total(reports.map(({ reward }) => reward)),
      burnt: total(reports.map(({ slashed, reward }) => slashed - reward)),
    },
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** What the daemons that run count of their own repairs. */
export async function readRepairs(nodes: NodesProcess): Promise<Repairs> {
  const urls = (await nodes.status()).filter(({ name }) => name.startsWith("provider")).map(({ url }) => url);
  const [slots, bytesRead, bytesWritten, seconds] = await Promise.all([
    sumMetric(urls, "provider_repairs_total", { outcome: "accepted" }),
    sumMetric(urls, "provider_repair_read_bytes_total"),
    sumMetric(urls, "provider_repair_written_bytes_total"),
    sumMetric(urls, "provider_repair_seconds_total"),
  ]);
  return { slots, bytesRead, bytesWritten, seconds };
}

/** Bytes of a slot. */
export function slotBytes(stripes: number): number {
  return stripes * SHARD_BYTES;
}
