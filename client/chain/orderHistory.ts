import type { ContractEventName, GetContractEventsReturnType, PublicClient } from "viem";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { DeployedGroup } from "../../protocol/chain/deployment.ts";
import { inBlockRanges } from "./eventLogs.ts";
import type { OpenedOrder } from "./groupView.ts";

/** A slot that was taken from its holder. */
export type Eviction = { readonly slot: number; readonly provider: number; readonly until: number };

/** An offer to take a slot over, and what became of it. */
export type Repair = {
  readonly slot: number;
  /** To whom it was offered. */
  readonly provider: number;
  /** Epoch of the certificate that made the offer. */
  readonly offered: number;
  /** Last epoch in which it could be accepted. */
  readonly deadline: number;
  /** `offered`: neither accepted nor noted as expired. */
  readonly outcome: "offered" | "accepted" | "expired";
  /** First epoch of the new holder. */
  readonly since?: number;
  /** Token wei, on top of its pay. */
  readonly bonus?: bigint;
};

export type OrderHistory = {
  readonly evictions: readonly Eviction[];
  readonly repairs: readonly Repair[];
  /** Slots that were given up. */
  readonly voided: readonly number[];
  /** Token wei that settling returned to the payer: epochs that were not proven, vacancies, what was left at the end. */
  readonly settled: bigint;
  /** Token wei that had been kept for repairers and was returned. */
  readonly returned: bigint;
};

type Event =
  | GetContractEventsReturnType<typeof repairsAbi, ContractEventName<typeof repairsAbi>, true>[number]
  | GetContractEventsReturnType<typeof storageOrdersAbi, "OrderSettled", true>[number];

/** Reads an order's events, in the order of the chain, into what they say together; pure. */
export function readHistory(events: readonly Event[]): OrderHistory {
  const evictions: Eviction[] = [];
  const repairs: Repair[] = [];
  const voided: number[] = [];
  let settled = 0n;
  let returned = 0n;
  const change = (found: (repair: Repair) => boolean, news: Partial<Repair>) => {
    const index = repairs.findLastIndex(found);
    if (index >= 0) repairs[index] = { ...repairs[index]!, ...news };
  };
  for (const { eventName, args } of events) {
    switch (eventName) {
      case "SlotEvicted":
        evictions.push({ slot: args.slot, provider: args.providerId, until: args.until });
        break;
      case "RepairOffered": {
        const { slot, providerId: provider, epoch: offered, deadline } = args;
        repairs.push({ slot, provider, offered, deadline, outcome: "offered" });
        break;
      }
      case "RepairOfferExpired":
      case "RepairAccepted": {
        const news =
          eventName === "RepairAccepted"
            ? ({ outcome: "accepted", since: args.since } as const)
            : ({ outcome: "expired" } as const);
        const { slot, providerId } = args;
        change((one) => one.slot === slot && one.provider === providerId && one.outcome === "offered", news);
        break;
      }
      case "SlotVoided":
        voided.push(args.slot);
        break;
      case "BonusPaid": {
        const { slot, providerId, amount, refunded } = args;
        change((one) => one.slot === slot && one.provider === providerId && one.outcome === "accepted", {
          bonus: amount,
        });
        returned += refunded;
        break;
      }
      case "BonusForfeited":
        returned += args.refunded;
        break;
      case "OrderSettled":
        settled += args.refunded;
        break;
    }
  }
  return { evictions, repairs, voided, settled, returned };
}

/** Reads what happened to an order from the events of `Repairs` and `StorageOrders`. */
export async function readOrderHistory(
  client: PublicClient,
  group: Pick<DeployedGroup, "orders" | "repairs">,
  opened: OpenedOrder,
): Promise<OrderHistory> {
  const args = { orderId: opened.id };
  const repairs = { address: group.repairs, abi: repairsAbi, args, strict: true } as const;
  const orders = { address: group.orders, abi: storageOrdersAbi, args, strict: true } as const;
  const events = await inBlockRanges(client, BigInt(opened.block), async (fromBlock, toBlock) => {
    const range = { fromBlock, toBlock };
    const found = await Promise.all([
      client.getContractEvents({ ...repairs, ...range, eventName: "SlotEvicted" }),
      client.getContractEvents({ ...repairs, ...range, eventName: "RepairOffered" }),
      client.getContractEvents({ ...repairs, ...range, eventName: "RepairOfferExpired" }),
      client.getContractEvents({ ...repairs, ...range, eventName: "RepairAccepted" }),
      client.getContractEvents({ ...repairs, ...range, eventName: "SlotVoided" }),
      client.getContractEvents({ ...repairs, ...range, eventName: "BonusPaid" }),
      client.getContractEvents({ ...repairs, ...range, eventName: "BonusForfeited" }),
      client.getContractEvents({ ...orders, ...range, eventName: "OrderSettled" }),
    ]);
    return found
      .flat()
      .sort((a, b) => Number(a.blockNumber - b.blockNumber) || Number(a.logIndex) - Number(b.logIndex));
  });
  return readHistory(events);
}
