import type { Hex } from "viem";
import { decodePolicy, formatPolicy } from "../../protocol/object/policy.ts";
import type { DisputeLog } from "../chain/disputeView.ts";
import type { GroupView, OpenedOrder, OrderState } from "../chain/groupView.ts";
import type { Members } from "../chain/members.ts";
import type { Repair } from "../chain/orderHistory.ts";
import { type SlotStatus, slotStatus, spareParities } from "./redundancy.ts";

/** Something that went wrong with a slot. */
export type Fault = {
  readonly epoch: number;
  readonly slot: number;
  readonly provider: number;
  /**
   * `missed`: not proven, unpaid. `lost`: taken from its holder, as keepers certified. `unanswered`: taken from it because
   * nobody answered a direct challenge; its epoch is the first one that is not paid.
   */
  readonly kind: "missed" | "lost" | "unanswered";
};

/** A dispute that is not over. */
export type OpenDispute =
  | {
      readonly kind: "lost";
      readonly provider: number;
      readonly epoch: number;
      readonly part: number;
      readonly slots: readonly number[];
      readonly status: "open" | "protected" | "appealed";
      /** Unix seconds of chain time until which the provider may appeal. */
      readonly deadline: number;
    }
  | {
      readonly kind: "challenge";
      readonly id: bigint;
      readonly provider: number;
      readonly slot: number;
      readonly stripe: number;
      readonly deadline: number;
    };

/** Token wei that came back to the payer so far. */
export type Refunds = {
  /** Of the price: what was not proven, what nobody held, what was left at the end. */
  readonly settled: bigint;
  /** Out of slashed collateral. */
  readonly slashed: bigint;
  /** Kept for a repairer and not needed. */
  readonly returned: bigint;
  readonly total: bigint;
};

/** How an order stands on chain, in short. */
export type OrderSummary = {
  readonly orderId: Hex;
  /** `waiting`: opened, first epoch still to come. `active`: challenged and paid. `ended`: not any more. */
  readonly state: "waiting" | "active" | "ended";
  readonly policy: string;
  readonly stripes: number;
  readonly shards: number;
  readonly startEpoch: number;
  readonly endEpoch: number;
  /** First epoch that is not settled. */
  readonly settledTo: number;
  /** Token wei still held for the order. */
  readonly escrow: bigint;
  readonly slots: readonly SlotStatus[];
  /** Slots that may still fail before data is lost; see `spareParities`. */
  readonly spare: number;
  /** Epochs that `missed` of the slots looked at: [from, to). */
  readonly looked: { readonly from: number; readonly to: number };
};

/** How an order stands on chain. */
export type OrderStatus = OrderSummary & {
  readonly epochNow: number;
  readonly lastCertified: number;
  readonly faults: readonly Fault[];
  readonly repairs: readonly Repair[];
  readonly disputes: readonly OpenDispute[];
  readonly refunded: Refunds;
};

/** Certified epochs that a status looks back on. */
const LOOK_BACK = 8;

type Epochs = Awaited<ReturnType<GroupView["epochs"]>>;

/** What is the same for all orders that are looked at together. */
export type GroupFacts = {
  readonly epochs: Epochs;
  readonly members: Members;
  readonly disputes: DisputeLog;
};

/** Sums an order up. @param lookBack certified epochs that are looked at */
export async function summarizeOrder(
  view: Pick<GroupView, "orderState" | "slots" | "missed">,
  { id, order }: OpenedOrder,
  { epochs, members, disputes }: GroupFacts,
  lookBack = LOOK_BACK,
): Promise<OrderSummary> {
  const [state, states] = await Promise.all([view.orderState(id), view.slots(order)]);
  const to = Math.min(epochs.lastCertified + 1, state.endEpoch);
  const from = Math.max(order.startEpoch, to - lookBack);
  const looked = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
  const challenges = disputes.challenges.filter(({ ticket }) => ticket.orderId === id);
  const slots = await Promise.all(
    states.map(async (slot) => {
      const { holder } = slot;
      const missed =
        holder === undefined ? [] : await Promise.all(looked.map((epoch) => view.missed(holder, epoch)));
      return slotStatus(slot, {
        epochNow: epochs.now,
        endpoint: (holder !== undefined && members.providers.get(holder)?.endpoint) || "",
        missed: looked.filter((_, index) => missed[index]),
        challenges,
      });
    }),
  );
  const policy = decodePolicy(order.policy);
  return {
    orderId: id,
    state: stateOf(state, order.startEpoch, epochs),
    policy: formatPolicy(policy),
    stripes: order.stripes,
    shards: order.stripes * policy.n,
    startEpoch: order.startEpoch,
    endEpoch: state.endEpoch,
    settledTo: state.settledTo,
    escrow: state.escrow,
    slots,
    spare: spareParities(policy.m, slots, to - 1),
    looked: { from, to },
  };
}

function stateOf(state: OrderState, startEpoch: number, epochs: Epochs): OrderSummary["state"] {
  if (state.status !== "open" || epochs.now >= state.endEpoch) return "ended";
  return epochs.now < startEpoch ? "waiting" : "active";
}

/** @throws ORDER_NOT_FOUND */
export async function orderStatus(view: GroupView, orderId: Hex): Promise<OrderStatus> {
  const opened = await view.order(orderId);
  const [epochs, members, disputes, history] = await Promise.all([
    view.epochs(),
    view.members(),
    view.disputes.since(opened.block),
    view.history(opened),
  ]);
  const summary = await summarizeOrder(view, opened, { epochs, members, disputes });
  const { faults, open } = disputedIn(orderId, disputes, history.evictions);
  const missed = summary.slots.flatMap(({ slot, provider, missed: missedIn }) =>
    missedIn.map((epoch) => ({ epoch, slot, provider: provider!, kind: "missed" as const })),
  );
  const slashed = disputes.collateral
    .filter((end) => end.orderId === orderId)
    .reduce((sum, end) => sum + end.toPayer, 0n);
  const { settled, returned, repairs } = history;
  return {
    ...summary,
    epochNow: epochs.now,
    lastCertified: epochs.lastCertified,
    faults: [...missed, ...faults].sort((a, b) => a.epoch - b.epoch || a.slot - b.slot),
    repairs,
    disputes: open,
    refunded: { settled, slashed, returned, total: settled + slashed + returned },
  };
}

/** What the disputes of a group say about one order. */
function disputedIn(
  orderId: Hex,
  { records, challenges }: DisputeLog,
  evictions: readonly { slot: number; provider: number; until: number }[],
): { faults: Fault[]; open: OpenDispute[] } {
  const faults: Fault[] = [];
  const open: OpenDispute[] = [];
  const recorded = new Set<string>();
  for (const { entries, provider, epoch, part, status, deadline } of records) {
    const own = entries.filter((entry) => entry.orderId === orderId);
    for (const { slot, until } of own) {
      recorded.add(`${slot} ${until}`);
      faults.push({ epoch, slot, provider, kind: "lost" });
    }
    if (own.length > 0 && status !== "closed") {
      const slots = own.map((entry) => entry.slot);
      open.push({ kind: "lost", provider, epoch, part, slots, status, deadline });
    }
  }
  for (const { slot, provider, until } of evictions) {
    if (!recorded.has(`${slot} ${until}`)) {
      faults.push({ epoch: until, slot, provider, kind: "unanswered" });
    }
  }
  for (const { ticket, outcome } of challenges) {
    if (ticket.orderId !== orderId || outcome !== undefined) continue;
    const { id, providerId: provider, slot, stripe, deadline } = ticket;
    open.push({ kind: "challenge", id, provider, slot, stripe, deadline: Number(deadline) });
  }
  return { faults, open };
}
