import type { Hex } from "viem";
import { decodePolicy, formatPolicy } from "../protocol/object/policy.ts";
import type { GroupView } from "./chain/groupView.ts";

/** How an order stands on chain. */
export type OrderStatus = {
  readonly orderId: Hex;
  /** `waiting`: opened, first epoch still to come. `active`: challenged and paid. `ended`: not any more. */
  readonly state: "waiting" | "active" | "ended";
  readonly policy: string;
  readonly stripes: number;
  readonly shards: number;
  readonly startEpoch: number;
  readonly endEpoch: number;
  readonly epochNow: number;
  readonly lastCertified: number;
  /** First epoch that is not settled. */
  readonly settledTo: number;
  /** Token wei still held for the order. */
  readonly escrow: bigint;
  readonly slots: readonly {
    readonly slot: number;
    readonly provider: number;
    readonly endpoint: string;
    /** Epochs, of the last certified ones looked at, in which the provider was certified as missing. */
    readonly missed: readonly number[];
  }[];
  /** Epochs that `missed` looked at: [from, to). */
  readonly looked: { readonly from: number; readonly to: number };
};

/** Certified epochs that a status looks back on. */
const LOOK_BACK = 8;

/** @throws ORDER_NOT_FOUND */
export async function orderStatus(view: GroupView, orderId: Hex): Promise<OrderStatus> {
  const [{ order }, state, epochs, providers] = await Promise.all([
    view.order(orderId),
    view.orderState(orderId),
    view.epochs(),
    view.providers(),
  ]);
  const to = Math.min(epochs.lastCertified + 1, state.endEpoch);
  const from = Math.max(order.startEpoch, to - LOOK_BACK);
  const looked = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
  const slots = order.providers.map(async (provider, slot) => {
    const missed = await Promise.all(looked.map((epoch) => view.missed(provider, epoch)));
    const endpoint = providers.get(provider)?.endpoint ?? "";
    return { slot, provider, endpoint, missed: looked.filter((_, index) => missed[index]) };
  });
  const ended = state.status !== "open" || epochs.now >= state.endEpoch;
  const policy = decodePolicy(order.policy);
  return {
    orderId,
    state: ended ? "ended" : epochs.now < order.startEpoch ? "waiting" : "active",
    policy: formatPolicy(policy),
    stripes: order.stripes,
    shards: order.stripes * policy.n,
    startEpoch: order.startEpoch,
    endEpoch: state.endEpoch,
    epochNow: epochs.now,
    lastCertified: epochs.lastCertified,
    settledTo: state.settledTo,
    escrow: state.escrow,
    slots: await Promise.all(slots),
    looked: { from, to },
  };
}
