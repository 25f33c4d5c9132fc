import { type RenewalKey, type RenewalTerms, renewalKey } from "./allowanceTypes.ts";
import type { GroupLog } from "./groupContracts.ts";
import { type GroupDraft, known } from "./groupDraft.ts";

/** Applies an event of `Allowances`: of what payers allow, nodes need only the terms on which orders go on. */
export function applyAllowances(draft: GroupDraft, log: Extract<GroupLog, { contract: "allowances" }>): void {
  switch (log.eventName) {
    case "RenewalSet": {
      const { payer, orderId, maxPrice, epochs, left } = log.args;
      setRenewal(draft, renewalKey(payer, orderId), { payer, orderId, maxPrice, epochs, left });
      return;
    }
    case "RenewalUsed": {
      const { payer, orderId, nextOrderId, left } = log.args;
      const before = known(draft.state.renewals, renewalKey(payer, orderId));
      draft.delete("renewals", renewalKey(payer, orderId));
      setRenewal(draft, renewalKey(payer, nextOrderId), { ...before, orderId: nextOrderId, left });
      return;
    }
  }
}

function setRenewal(draft: GroupDraft, key: RenewalKey, renewal: RenewalTerms): void {
  if (renewal.left === 0) draft.delete("renewals", key);
  else draft.set("renewals", key, renewal);
}
