import type { Address, Hex, PublicClient } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { DeployedGroup } from "../../protocol/chain/deployment.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Order } from "../../protocol/order.ts";
import { type AllowanceView, createAllowanceView } from "./allowanceView.ts";
import { createDisputeView, type DisputeView } from "./disputeView.ts";
import { inBlockRanges } from "./eventLogs.ts";
import { type Members, readMembers } from "./members.ts";
import { type OrderHistory, readOrderHistory } from "./orderHistory.ts";

/** An order as the chain has it. */
export type OpenedOrder = {
  readonly id: Hex;
  readonly order: Order;
  /** Number of its opening event within the group. */
  readonly sequence: number;
  /** Block of that event. */
  readonly block: number;
};

/** State of an order on chain. */
export type OrderState = {
  readonly status: "unknown" | "open" | "closed" | "released" | "cancelled";
  readonly settledTo: number;
  readonly endEpoch: number;
  readonly escrow: bigint;
  /** Slots without a holder, void ones included. */
  readonly evicted: number;
  /** Whether any slot ever changed hands. */
  readonly changed: boolean;
};

/** A slot as `Repairs` has it. */
export type SlotState = {
  readonly slot: number;
  /** Undefined while it is vacant. */
  readonly holder: number | undefined;
  /** First epoch of the holder. */
  readonly since: number;
  /** Who held it before, and the first epoch that it is not paid for. */
  readonly former: { readonly provider: number; readonly until: number } | undefined;
  /** To whom it was last offered, and the last epoch in which that provider can accept. */
  readonly offer: { readonly provider: number; readonly deadline: number } | undefined;
  readonly expiries: number;
  readonly voided: boolean;
};

/** What the client reads of a group. Nothing but a node is needed: no indexer. */
export type GroupView = {
  readonly chainId: number;
  readonly group: DeployedGroup;
  /** Timestamp (seconds) of the newest block. */
  now(): Promise<number>;
  /** Number and timestamp (seconds) of the newest block. */
  head(): Promise<{ number: number; timestamp: number }>;
  /** Registered providers and keepers, with what they last published. */
  members(): Promise<Members>;
  /** An order by id. @throws ORDER_NOT_FOUND */
  order(id: Hex): Promise<OpenedOrder>;
  /** All orders of an owner, in the order in which they were opened. */
  ordersOf(owner: Address): Promise<OpenedOrder[]>;
  orderState(id: Hex): Promise<OrderState>;
  /** Every slot of an order. */
  slots(order: Order): Promise<readonly SlotState[]>;
  /** What happened to an order since it was opened. */
  history(opened: OpenedOrder): Promise<OrderHistory>;
  /** What opening an order takes from its payer's balance. */
  cost(order: Order): Promise<bigint>;
  /** Free deposit of a payer. */
  depositOf(payer: Address): Promise<bigint>;
  /** Token and native coin in a wallet. */
  walletOf(account: Address): Promise<{ token: bigint; native: bigint }>;
  /** Epochs of the group: now, last certified, last finished. */
  epochs(): Promise<{ now: number; lastCertified: number; lastFinished: number }>;
  /** Whether a provider was certified as missing in an epoch. */
  missed(provider: number, epoch: number): Promise<boolean>;
  readonly disputes: DisputeView;
  readonly allowances: AllowanceView;
};

const STATUSES = ["unknown", "open", "closed", "released", "cancelled"] as const;

/** Reads the contracts of a group through a node. */
export function createGroupView(options: {
  client: PublicClient;
  chainId: number;
  group: DeployedGroup;
}): GroupView {
  const { client, group, chainId } = options;
  const startBlock = BigInt(group.startBlock);
  const orders = { address: group.orders, abi: storageOrdersAbi } as const;
  const repairs = { address: group.repairs, abi: repairsAbi } as const;
  const settlement = { address: group.settlement, abi: challengeSettlementAbi } as const;

  const openings = (args: { orderId?: Hex; owner?: Address }) =>
    inBlockRanges(client, startBlock, (fromBlock, toBlock) =>
      client.getContractEvents({
        ...orders,
        eventName: "OrderOpened",
        args,
        fromBlock,
        toBlock,
        strict: true,
      }),
    );
  const opened = ({ args, blockNumber }: Awaited<ReturnType<typeof openings>>[number]): OpenedOrder => ({
    id: args.orderId,
    order: args.order,
    sequence: Number(args.sequence),
    block: Number(blockNumber),
  });

  return {
    chainId,
    group,

    async now() {
      const block = await client.getBlock();
      return Number(block.timestamp);
    },

    async head() {
      const { number, timestamp } = await client.getBlock();
      return { number: Number(number), timestamp: Number(timestamp) };
    },

    members: () => readMembers(client, group),

    async order(id) {
      const [log] = await openings({ orderId: id });
      if (log) return opened(log);
      throw new MemoError("ORDER_NOT_FOUND", `There is no order ${id} in this group.`, {
        details: { orderId: id },
      });
    },

    async ordersOf(owner) {
      return (await openings({ owner })).map(opened);
    },

    async orderState(id) {
      const state = await client.readContract({ ...orders, functionName: "orderState", args: [id] });
      const { settledTo, endEpoch, escrow, evicted, changed } = state;
      return { status: STATUSES[state.status] ?? "unknown", settledTo, endEpoch, escrow, evicted, changed };
    },

    slots: (order) =>
      Promise.all(
        order.providers.map(async (_, slot) => {
          const word = await client.readContract({ ...repairs, functionName: "slotOf", args: [order, slot] });
          const { holder, since, former, until, assignee, deadline, expiries, vacant, voided } = word;
          return {
            slot,
            holder: vacant || holder === 0 ? undefined : holder,
            since,
            former: former === 0 ? undefined : { provider: former, until },
            offer: assignee === 0 ? undefined : { provider: assignee, deadline },
            expiries,
            voided,
          };
        }),
      ),

    history: (order) => readOrderHistory(client, group, order),

    async cost(order) {
      const cost = await client.readContract({ ...orders, functionName: "cost", args: [order] });
      return cost.total;
    },

    depositOf: (payer) => client.readContract({ ...orders, functionName: "balanceOf", args: [payer] }),

    async walletOf(account) {
      const [token, native] = await Promise.all([
        client.readContract({
          address: group.parameters.token,
          abi: memoTokenAbi,
          functionName: "balanceOf",
          args: [account],
        }),
        client.getBalance({ address: account }),
      ]);
      return { token, native };
    },

    async epochs() {
      const [now, lastCertified, lastFinished] = await Promise.all([
        client.readContract({ ...settlement, functionName: "epochNow" }),
        client.readContract({ ...settlement, functionName: "lastCertified" }),
        client.readContract({ ...settlement, functionName: "lastFinished" }),
      ]);
      return { now, lastCertified, lastFinished };
    },

    missed: (provider, epoch) =>
      client.readContract({ ...settlement, functionName: "missed", args: [provider, epoch] }),

    disputes: createDisputeView({ client, group }),
    allowances: createAllowanceView({ client, group }),
  };
}
