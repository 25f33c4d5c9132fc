import { applyAllowances } from "./allowancesLogs.ts";
import { applyDisputes } from "./disputesLogs.ts";
import type { FinalBlock, GroupLog } from "./groupContracts.ts";
import type { GroupDraft } from "./groupDraft.ts";
import { applyOrders } from "./ordersLogs.ts";
import { applyRepairs } from "./repairsLogs.ts";
import { applySettlement } from "./settlementLogs.ts";
import { applyStaking } from "./stakingLogs.ts";

/** Applies one event to a group; events that only move money leave it as it is. */
export function applyLog(draft: GroupDraft, block: FinalBlock, log: GroupLog): void {
  switch (log.contract) {
    case "staking":
      applyStaking(draft, block, log);
      return;
    case "orders":
      applyOrders(draft, block, log);
      return;
    case "settlement":
      applySettlement(draft, block, log);
      return;
    case "disputes":
      applyDisputes(draft, block, log);
      return;
    case "repairs":
      applyRepairs(draft, log);
      return;
    case "allowances":
      applyAllowances(draft, log);
      return;
  }
}
