import { type LostRecordInfo, lostKey } from "./disputeTypes.ts";
import type { FinalBlock, GroupLog } from "./groupContracts.ts";
import { type GroupDraft, known } from "./groupDraft.ts";

/** Applies an event of `Disputes`; what it moves of stake and money, other contracts tell. */
export function applyDisputes(
  draft: GroupDraft,
  block: FinalBlock,
  log: Extract<GroupLog, { contract: "disputes" }>,
): void {
  switch (log.eventName) {
    case "LostRecorded": {
      const { epoch, providerId: provider, part, draw, isProtected, entries } = log.args;
      const record: LostRecordInfo = {
        provider,
        epoch,
        part,
        draw,
        deadline: Number(log.args.deadline),
        deadlineBlock: Number(log.args.deadlineBlock),
        isProtected,
        status: isProtected ? "protected" : "open",
        entries,
        block: block.number,
      };
      draft.set("lost", lostKey(record), record);
      draft.milestones.push({ type: "lostRecorded", record });
      return;
    }
    case "AppealAccepted": {
      const record = changeRecord(draft, log.args, "appealed");
      draft.milestones.push({ type: "appealAccepted", record, protectedTo: log.args.protectedTo });
      return;
    }
    case "RecordClosed": {
      const record = changeRecord(draft, log.args, "closed");
      draft.milestones.push({ type: "recordClosed", record, slashed: log.args.slashed });
      return;
    }
    case "ChallengeOpened": {
      const { id, ticket } = log.args;
      const challenge = { ticket, block: block.number };
      draft.set("directChallenges", id, challenge);
      draft.milestones.push({ type: "challengeOpened", challenge });
      return;
    }
    case "ChallengeAnswered": {
      const { id, by, reimbursed } = log.args;
      const challenge = known(draft.state.directChallenges, id);
      draft.delete("directChallenges", id);
      draft.milestones.push({ type: "challengeAnswered", challenge, by, reimbursed });
      return;
    }
    case "ChallengeUnanswered": {
      const { id, reward, evicted } = log.args;
      const challenge = known(draft.state.directChallenges, id);
      draft.delete("directChallenges", id);
      draft.milestones.push({ type: "challengeUnanswered", challenge, reward, evicted });
      return;
    }
  }
}

/** Drops the records that are closed: nobody has anything to do about them any more. */
export function dropClosedRecords(draft: GroupDraft): void {
  for (const [key, record] of draft.state.lost) if (record.status === "closed") draft.delete("lost", key);
}

function changeRecord(
  draft: GroupDraft,
  of: { readonly providerId: number; readonly epoch: number; readonly part: number },
  status: LostRecordInfo["status"],
): LostRecordInfo {
  const key = lostKey({ provider: of.providerId, epoch: of.epoch, part: of.part });
  const record = { ...known(draft.state.lost, key), status };
  draft.set("lost", key, record);
  return record;
}
