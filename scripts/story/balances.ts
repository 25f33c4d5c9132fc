import { type Address, erc20Abi, type Hex, type PublicClient } from "viem";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";

export interface BalancesOptions {
  client: PublicClient;
  token: Address;
  staking: Address;
  orders: Address;
  /** Block of the token's first transfer or earlier. */
  fromBlock: bigint;
  /** Newest term for which fees may have been booked. */
  term: number;
}

/** Sums over everybody, in token wei. */
export interface Balances {
  supply: bigint;
  /** Sum of the token balances of all accounts that ever held any. */
  held: bigint;
  /** Tokens in StorageOrders, and what its books say it owes to whom. */
  orders: { tokens: bigint; booked: bigint };
  /** The same of Staking. */
  staking: { tokens: bigint; booked: bigint };
  /** Whether all three pairs are equal. */
  conserved: boolean;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => a + b, 0n);
}

/** Adds up who holds and who is owed what, all read from one block of the chain. */
export async function readBalances(options: BalancesOptions): Promise<Balances> {
  const { client, token } = options;
  const blockNumber = await client.getBlockNumber();
  const balanceOf = (holder: Address) =>
    client.readContract({
      address: token,
      abi: erc20Abi,
      functionName: "balanceOf",
      args: [holder],
      blockNumber,
    });

  const transfers = await client.getContractEvents({
    address: token,
    abi: erc20Abi,
    eventName: "Transfer",
    fromBlock: options.fromBlock,
    toBlock: blockNumber,
  });
  const holders = new Set(transfers.map(({ args }) => args.to as Address));
  const supply = await client.readContract({
    address: token,
    abi: erc20Abi,
    functionName: "totalSupply",
    blockNumber,
  });
  const held = sum(await Promise.all([...holders].map(balanceOf)));
  const orders = {
    tokens: await balanceOf(options.orders),
    booked: await bookedByOrders(options, blockNumber),
  };
  const staking = {
    tokens: await balanceOf(options.staking),
    booked: await bookedByStaking(options, blockNumber),
  };
  const conserved = supply === held && orders.tokens === orders.booked && staking.tokens === staking.booked;
  return { supply, held, orders, staking, conserved };
}

/** Free balances, withdrawals under way, escrow of every order, credits of providers and pools of fees. */
async function bookedByOrders(options: BalancesOptions, blockNumber: bigint): Promise<bigint> {
  const { client, fromBlock } = options;
  const contract = { address: options.orders, abi: storageOrdersAbi } as const;
  const range = { ...contract, fromBlock, toBlock: blockNumber } as const;
  const read = { ...contract, blockNumber } as const;

  const deposits = await client.getContractEvents({ ...range, eventName: "Deposited" });
  const opened = await client.getContractEvents({ ...range, eventName: "OrderOpened" });
  const payers = [...new Set(deposits.map(({ args }) => args.payer as Address))];
  const ids = opened.map(({ args }) => args.orderId as Hex);
  const providers = await countOf(options, "providerCount", blockNumber);
  const keepers = await countOf(options, "keeperCount", blockNumber);

  const parts: Promise<bigint>[] = [];
  for (const payer of payers) {
    parts.push(client.readContract({ ...read, functionName: "balanceOf", args: [payer] }));
    parts.push(
      client
        .readContract({ ...read, functionName: "withdrawalOf", args: [payer] })
        .then(([amount]) => amount),
    );
  }
  for (const id of ids) {
    parts.push(
      client.readContract({ ...read, functionName: "orderState", args: [id] }).then((state) => state.escrow),
    );
  }
  for (let id = 1; id <= providers; id++) {
    parts.push(client.readContract({ ...read, functionName: "credit", args: [id] }));
  }
  for (let term = 0; term <= options.term; term++) {
    parts.push(
      client
        .readContract({ ...read, functionName: "pool", args: [term] })
        .then(([forKeepers, forTreasury]) => forKeepers + forTreasury),
    );
    parts.push(
      client
        .readContract({ ...read, functionName: "treasuryClaimed", args: [term] })
        .then((claimed) => -claimed),
    );
    for (let id = 1; id <= keepers; id++) {
      parts.push(
        client
          .readContract({ ...read, functionName: "claimed", args: [term, id] })
          .then((claimed) => -claimed),
      );
    }
  }
  return sum(await Promise.all(parts));
}

/** Stakes, collateral in them included, and what is unbonding. */
async function bookedByStaking(options: BalancesOptions, blockNumber: bigint): Promise<bigint> {
  const read = { address: options.staking, abi: stakingAbi, blockNumber } as const;
  const parts: Promise<bigint>[] = [];
  for (let id = await countOf(options, "providerCount", blockNumber); id > 0; id--) {
    parts.push(
      options.client
        .readContract({ ...read, functionName: "provider", args: [id] })
        .then(({ stake, unbonding }) => stake + unbonding),
    );
  }
  for (let id = await countOf(options, "keeperCount", blockNumber); id > 0; id--) {
    parts.push(
      options.client
        .readContract({ ...read, functionName: "keeper", args: [id] })
        .then(({ stake, unbonding }) => stake + unbonding),
    );
  }
  return sum(await Promise.all(parts));
}

function countOf(
  { client, staking }: BalancesOptions,
  functionName: "providerCount" | "keeperCount",
  blockNumber: bigint,
): Promise<number> {
  return client.readContract({ address: staking, abi: stakingAbi, functionName, blockNumber });
}
