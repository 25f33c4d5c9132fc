import type { Abi } from "viem";
import type { StoreResult } from "../../../client/store/store.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { embeddedAccount } from "../../embedded/accounts.ts";
import { sendAll } from "../../embedded/calls.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import { sum } from "../books.ts";
import { lastFinished } from "../waiting.ts";
import { senderOf } from "./play.ts";

/** Gas of settling many epochs of slots that changed hands. */
const SETTLE_GAS = 3_000_000n;

/** Settles an order as far as its epochs are finished. @returns token wei refunded to its payer in all so far */
export async function settleUp(
  network: EmbeddedNetwork,
  { order, orderId }: Pick<StoreResult, "order" | "orderId">,
): Promise<bigint> {
  const { chain, group } = network;
  const contract = { address: group.orders, abi: storageOrdersAbi } as const;
  const client = chain.publicClient;
  const finished = await lastFinished(network);
  const state = await client.readContract({ ...contract, functionName: "orderState", args: [orderId] });
  if (state.settledTo <= finished && state.settledTo < state.endEpoch) {
    await sendAll(senderOf(network), [
      {
        address: group.orders,
        abi: storageOrdersAbi as Abi,
        account: embeddedAccount("user"),
        functionName: "settle",
        args: [order, finished + 1],
        gas: SETTLE_GAS,
      },
    ]);
  }
  const settled = await client.getContractEvents({
    ...contract,
    eventName: "OrderSettled",
    args: { orderId },
    fromBlock: BigInt(group.startBlock),
    toBlock: "latest",
    strict: true,
  });
  return sum(settled.map(({ args }) => args.refunded));
}
