import type { EmbeddedNetwork } from "../embedded/network.ts";
import { formatCount } from "./format.ts";
import { readDisputeLogs, readRepairLogs, readSettlementLogs } from "./groupLogs.ts";

/** A certificate as it stands on chain, and what was applied of it so far. */
export interface CertifiedEpoch {
  epoch: number;
  round: number;
  /** Roster index of the leader of that round. */
  leader: number;
  signers: number;
  gas: number;
  /** Providers that missed the epoch. */
  missed: number[];
  /** Slots that were evicted. */
  lost: { provider: number; slot: number }[];
  /** Slots that were offered. */
  offers: { provider: number; slot: number }[];
}

function bits(bitmap: number): number {
  return bitmap.toString(2).replaceAll("0", "").length;
}

/** All certificates of a group so far, with the gas of the transactions that carried them. */
export async function readCertificates(network: EmbeddedNetwork): Promise<CertifiedEpoch[]> {
  const [settlement, disputes, repairs] = await Promise.all([
    readSettlementLogs(network),
    readDisputeLogs(network),
    readRepairLogs(network),
  ]);
  const certified = settlement.filter((log) => log.eventName === "EpochCertified");
  return Promise.all(
    certified.map(async ({ args: { epoch, round, leader, signers }, transactionHash: hash }) => ({
      epoch,
      round,
      leader,
      signers: bits(signers),
      gas: Number((await network.chain.publicClient.getTransactionReceipt({ hash })).gasUsed),
      missed: settlement
        .filter((log) => log.eventName === "ProviderMissed")
        .filter(({ args }) => args.epoch === epoch)
        .map(({ args }) => args.providerId),
      lost: disputes
        .filter((log) => log.eventName === "LostRecorded")
        .filter(({ args }) => args.epoch === epoch)
        .flatMap(({ args }) => args.entries.map(({ slot }) => ({ provider: args.providerId, slot }))),
      offers: repairs
        .filter((log) => log.eventName === "RepairOffered")
        .filter(({ args }) => args.epoch === epoch)
        .map(({ args }) => ({ provider: args.providerId, slot: args.slot })),
    })),
  );
}

/** The certificate of one epoch, if it has one. */
export async function readCertificate(
  network: EmbeddedNetwork,
  epoch: number,
): Promise<CertifiedEpoch | undefined> {
  return (await readCertificates(network)).find((certificate) => certificate.epoch === epoch);
}

/** "providers 3, 5" or "provider 3". */
export function naming(kind: "provider" | "keeper", ids: readonly number[]): string {
  return `${kind}${ids.length === 1 ? "" : "s"} ${ids.join(", ")}`;
}

/** One line about a certificate. */
export function describe({ epoch, round, missed, lost, offers, signers, gas }: CertifiedEpoch): string {
  const said: string[] = [];
  if (missed.length === 0) said.push("everybody proved what it holds");
  else said.push(`${naming("provider", missed)} missed and ${missed.length === 1 ? "is" : "are"} not paid`);
  if (lost.length > 0) {
    said.push(`lost: ${lost.map(({ provider, slot }) => `slot ${slot} of provider ${provider}`).join(", ")}`);
  }
  if (offers.length > 0) {
    said.push(`offered: ${offers.map(({ provider, slot }) => `slot ${slot} to ${provider}`).join(", ")}`);
  }
  const rounds = round === 0 ? "" : ` in round ${round}`;
  return `epoch ${epoch}: ${said.join("; ")}; ${signers} keepers certified it${rounds} for ${formatCount(gas)} gas`;
}
