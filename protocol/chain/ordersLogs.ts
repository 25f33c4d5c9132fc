import type { FinalBlock, GroupLog } from "./groupContracts.ts";
import { type GroupDraft, known } from "./groupDraft.ts";
import type { OrderInfo, SlotInfo } from "./groupTypes.ts";
import { dropEmptyVacancies } from "./repairsLogs.ts";

/** Applies an event of `StorageOrders`; those that only move money change nothing here. */
export function applyOrders(
  draft: GroupDraft,
  block: FinalBlock,
  log: Extract<GroupLog, { contract: "orders" }>,
): void {
  switch (log.eventName) {
    case "OrderOpened": {
      const { orderId, sequence, order } = log.args;
      announceOrder(draft, "orderOpened", {
        id: orderId,
        order,
        sequence: Number(sequence),
        endEpoch: order.endEpoch,
        openedAt: { block: block.number, timestamp: block.timestamp },
        closed: false,
        settledTo: order.startEpoch,
        slots: order.providers.map((holder, slot) => firstHolder(slot, holder, order.startEpoch)),
      });
      return;
    }
    case "OrderEnding": {
      const { orderId, endEpoch } = log.args;
      announceOrder(draft, "orderEnding", { ...known(draft.state.orders, orderId), endEpoch });
      return;
    }
    case "OrderSettled": {
      const { orderId, toEpoch } = log.args;
      announceOrder(draft, "orderSettled", { ...known(draft.state.orders, orderId), settledTo: toEpoch });
      return;
    }
    case "OrderClosed": {
      const order = { ...known(draft.state.orders, log.args.orderId), closed: true };
      announceOrder(draft, "orderClosed", order);
      dropEmptyVacancies(draft, order);
      return;
    }
  }
}

function firstHolder(slot: number, holder: number, since: number): SlotInfo {
  return {
    slot,
    holder,
    since,
    former: undefined,
    formerSince: undefined,
    until: undefined,
    voided: false,
    changed: false,
    offer: undefined,
    expiries: 0,
  };
}

function announceOrder(
  draft: GroupDraft,
  type: "orderOpened" | "orderEnding" | "orderSettled" | "orderClosed",
  order: OrderInfo,
): void {
  draft.set("orders", order.id, order);
  draft.milestones.push({ type, order });
}
