import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { GroupState, OrderInfo } from "../../protocol/chain/groupTypes.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { ChainView } from "../chainView.ts";
import type { Transactions } from "../transactions.ts";

/** Pages of settling that one acceptance may need; each is worth 16 terms. */
const MOST_PAGES = 16;

/**
 * Takes over a slot that has been rebuilt. A slot that changed hands before has to be settled up to then, which is done
 * on the way.
 * @returns the block in which it is mined
 */
export function createAcceptRepair(deps: {
  view: Pick<ChainView, "storageOrders"> & { state(): Pick<GroupState, "repairs"> };
  transactions: Pick<Transactions, "send">;
}) {
  const { view, transactions } = deps;
  const accept = (order: OrderInfo, slot: number, signal: AbortSignal) =>
    transactions.send({
      address: view.state().repairs,
      abi: repairsAbi,
      functionName: "acceptRepair",
      args: [order.order, slot],
      signal,
    });
  return async (order: OrderInfo, slot: number, signal: AbortSignal): Promise<{ minedAt: number }> => {
    for (let page = 0; ; page++) {
      try {
        return await accept(order, slot, signal);
      } catch (error) {
        const since = unsettledSince(error);
        if (since === undefined || page === MOST_PAGES) throw error;
        await transactions.send({
          address: view.storageOrders,
          abi: storageOrdersAbi,
          functionName: "settle",
          args: [order.order, since],
          signal,
        });
      }
    }
  };
}

/** The epoch up to which the order has to be settled first, if that is what the error says. */
function unsettledSince(error: unknown): number | undefined {
  if (!(error instanceof MemoError) || error.code !== "CONTRACT_SlotNotSettled") return undefined;
  const since = (error.details.args as readonly unknown[] | undefined)?.[3];
  return typeof since === "number" ? since : undefined;
}
