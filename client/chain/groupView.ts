import type { Address, Hex, PublicClient } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { DeployedGroup } from "../../protocol/chain/deployment.ts";
import type { ProviderInfo } from "../../protocol/chain/groupTypes.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Order } from "../../protocol/order.ts";
import { inBlockRanges } from "./eventLogs.ts";

/** An order as the chain has it. */
export type OpenedOrder = {
  readonly id: Hex;
  readonly order: Order;
  /** Number of its opening event within the group. */
  readonly sequence: number;
};

/** State of an order on chain. */
export type OrderState = {
  readonly status: "unknown" | "open" | "closed" | "released";
  readonly settledTo: number;
  readonly endEpoch: number;
  readonly escrow: bigint;
  readonly evicted: number;
};

/** What the client reads of a group. Nothing but a node is needed: no indexer. */
export type GroupView = {
  readonly chainId: number;
  readonly group: DeployedGroup;
  /** Timestamp (seconds) of the newest block. */
  now(): Promise<number>;
  /** Registered providers, with their newest endpoint, domain and ask. */
  providers(): Promise<ReadonlyMap<number, ProviderInfo>>;
  /** An order by id. @throws ORDER_NOT_FOUND */
  order(id: Hex): Promise<OpenedOrder>;
  /** All orders of an owner, in the order in which they were opened. */
  ordersOf(owner: Address): Promise<OpenedOrder[]>;
  orderState(id: Hex): Promise<OrderState>;
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
};

const STATUSES = ["unknown", "open", "closed", "released"] as const;

/** Reads the contracts of a group through a node. */
export function createGroupView(options: {
  client: PublicClient;
  chainId: number;
  group: DeployedGroup;
}): GroupView {
  const { client, group, chainId } = options;
  const startBlock = BigInt(group.startBlock);
  const orders = { address: group.orders, abi: storageOrdersAbi } as const;
  const staking = { address: group.staking, abi: stakingAbi } as const;
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
  const opened = ({ args }: Awaited<ReturnType<typeof openings>>[number]): OpenedOrder => ({
    id: args.orderId,
    order: args.order,
    sequence: Number(args.sequence),
  });

  return {
    chainId,
    group,

    async now() {
      const block = await client.getBlock();
      return Number(block.timestamp);
    },

    async providers() {
      const logs = await inBlockRanges(client, startBlock, (fromBlock, toBlock) =>
        client.getContractEvents({ ...staking, fromBlock, toBlock, strict: true }),
      );
      const found = new Map<number, ProviderInfo>();
      for (const log of logs) {
        if (log.eventName === "ProviderRegistered") {
          const { providerId, owner, operator, endpoint, domain, ask, repairs } = log.args;
          found.set(providerId, { id: providerId, owner, operator, endpoint, domain, ask, repairs });
        } else if (log.eventName === "ProviderUpdated") {
          const { providerId, endpoint, domain, ask, repairs } = log.args;
          const known = found.get(providerId);
          if (known) found.set(providerId, { ...known, endpoint, domain, ask, repairs });
        }
      }
      return found;
    },

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
      const { settledTo, endEpoch, escrow, evicted } = state;
      return { status: STATUSES[state.status] ?? "unknown", settledTo, endEpoch, escrow, evicted };
    },

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
  };
}
