import type { Hex } from "viem";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { GroupView, OpenedOrder, OrderState } from "../chain/groupView.ts";

export type SettleDeps = { readonly view: GroupView; readonly transactor: Transactor };

export type Settlement = {
  readonly orderId: Hex;
  readonly settledTo: number;
  readonly endEpoch: number;
  /** `open`: goes on. `closed`: over, the collateral still locked. `released`: over and done. */
  readonly state: "open" | "closed" | "released";
  /** A dispute keeps it from being closed or released. */
  readonly disputed: boolean;
};

const isOpenChallenge = (error: unknown) =>
  error instanceof MemoError && error.code === "CONTRACT_ChallengeStillOpen";

/** Whether there is an epoch to pay for, or an order to close that had been settled up to its new end before. */
function isDue({ settledTo, endEpoch }: OrderState, lastFinished: number): boolean {
  return settledTo >= endEpoch || settledTo <= lastFinished;
}

function assertKnown(state: OrderState): asserts state is OrderState & { status: Settlement["state"] } {
  if (state.status === "unknown") {
    throw new MemoError("ORDER_NOT_FOUND", "The order is not known to this group.");
  }
}

/**
 * Ends an order early: it goes on to the end of the running epoch, or to the end of the epochs that are paid in any
 * case. Slots that are being repaired go on too.
 * @returns the order's new first epoch that is not challenged
 * @throws ORDER_NOT_FOUND, CONTRACT_NotOwnerOrPayer, CONTRACT_EndNotEarlier
 */
export async function endOrder(
  { view, transactor }: SettleDeps,
  orderId: Hex,
  signal: AbortSignal,
): Promise<{ orderId: Hex; endEpoch: number }> {
  const { order } = await view.order(orderId);
  const orders = { address: view.group.orders, abi: storageOrdersAbi } as const;
  await transactor.send({ ...orders, functionName: "end", args: [order], signal });
  return { orderId, endEpoch: (await view.orderState(orderId)).endEpoch };
}

/**
 * Pays everybody for the epochs that are finished, however many calls that takes; an order that is over is closed, the
 * rest of its escrow returned, and the collateral of its holders freed. By anybody.
 * @throws ORDER_NOT_FOUND
 */
export async function settleOrder(
  { view, transactor }: SettleDeps,
  orderId: Hex,
  signal: AbortSignal,
): Promise<Settlement> {
  const opened: OpenedOrder = await view.order(orderId);
  const { order } = opened;
  const orders = { address: view.group.orders, abi: storageOrdersAbi, signal } as const;
  let disputed = false;
  let state = await view.orderState(orderId);
  assertKnown(state);
  const { lastFinished } = await view.epochs();
  try {
    while (state.status === "open" && isDue(state, lastFinished)) {
      const before = state.settledTo;
      await transactor.send({ ...orders, functionName: "settle", args: [order, state.endEpoch] });
      state = await view.orderState(orderId);
      assertKnown(state);
      if (state.status === "open" && state.settledTo <= before) break;
    }
    if (state.status === "closed") {
      await transactor.send({ ...orders, functionName: "releaseCollateral", args: [order] });
      state = await view.orderState(orderId);
      assertKnown(state);
    }
  } catch (error) {
    if (!isOpenChallenge(error)) throw error;
    disputed = true;
    state = await view.orderState(orderId);
    assertKnown(state);
  }
  const { settledTo, endEpoch, status } = state;
  return { orderId, settledTo, endEpoch, state: status, disputed };
}
