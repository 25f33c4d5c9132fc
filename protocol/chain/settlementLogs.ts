import { epochAt, termOf } from "./epochs.ts";
import type { FinalBlock, GroupLog } from "./groupContracts.ts";
import { type GroupDraft, known } from "./groupDraft.ts";
import type { CertificateInfo, Roster } from "./groupTypes.ts";

type SettlementLog = Extract<GroupLog, { contract: "settlement" }>;

/** Applies an event of `ChallengeSettlement`. */
export function applySettlement(draft: GroupDraft, block: FinalBlock, log: SettlementLog): void {
  const { state, milestones } = draft;
  switch (log.eventName) {
    case "EpochCertified":
      applyCertified(draft, block, log);
      return;
    case "ProviderMissed": {
      const { epoch, providerId, fromEpoch } = log.args;
      draft.set("missed", epoch, [...(state.missed.get(epoch) ?? []), providerId]);
      milestones.push({ type: "missed", epoch, provider: providerId, fromEpoch });
      return;
    }
    case "ExceptionsApplied": {
      const { epoch, from, to } = log.args;
      draft.set("certificates", epoch, { ...known(state.certificates, epoch), applied: to });
      milestones.push({ type: "exceptionsApplied", epoch, from, to });
      return;
    }
    case "EpochFinished": {
      const { epoch, lapsed, gap, dead } = log.args;
      const finished = { lapsed, gap, dead };
      draft.set("finished", epoch, finished);
      draft.assign({ lastFinished: epoch });
      milestones.push({ type: "finished", epoch, ...finished });
      return;
    }
    case "RosterRotated": {
      const { term, keeperIds, operators } = log.args;
      const roster: Roster = { term, keeperIds, operators };
      draft.set("rosters", term, roster);
      milestones.push({ type: "rosterRotated", roster });
      return;
    }
    case "KeeperMasked": {
      const term = termOf(state.parameters, epochAt(state.parameters, block.timestamp));
      draft.set("masked", log.args.keeperId, term);
      return;
    }
  }
}

function applyCertified(
  draft: GroupDraft,
  block: FinalBlock,
  log: Extract<SettlementLog, { eventName: "EpochCertified" }>,
): void {
  const certificate: CertificateInfo = {
    ...log.args,
    block: block.number,
    blockHash: block.hash,
    transactionHash: log.transactionHash,
    applied: 0,
  };
  draft.set("certificates", certificate.epoch, certificate);
  draft.assign({ lastCertified: Math.max(draft.state.lastCertified, certificate.epoch) });
  draft.milestones.push({ type: "certified", certificate });
}
