import { termOf } from "./epochs.ts";
import type { FinalBlock, GroupLog } from "./groupContracts.ts";
import { type GroupDraft, known } from "./groupDraft.ts";
import { type CertificateInfo, type Roster, rosterOf } from "./groupTypes.ts";

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
    case "EquivocationReported": {
      const { keeperId, epoch, round, reporter } = log.args;
      const keeper = known(state.keepers, keeperId);
      milestones.push({ type: "keeperSlashed", keeper, epoch, round, reporter });
      return;
    }
    case "KeeperMasked":
      applyMasked(draft, log.args.keeperId);
      return;
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

/**
 * The signatures of a slashed keeper are void in every roster that can still certify: the one in force at the
 * first epoch that is not certified, and all that were written since.
 */
function applyMasked(draft: GroupDraft, keeper: number): void {
  const { parameters, lastCertified, rosters, masked } = draft.state;
  // Epoch 0 is never certified.
  const first = rosterOf(draft.state, termOf(parameters, Math.max(0, lastCertified) + 1));
  for (const { term, keeperIds } of rosters.values()) {
    if (first !== undefined && term < first.term) continue;
    let bits = masked.get(term) ?? 0;
    for (const [member, id] of keeperIds.entries()) if (id === keeper) bits = (bits | (1 << member)) >>> 0;
    if (bits !== 0) draft.set("masked", term, bits);
  }
}
