import { type Address, erc20Abi, type Hex, type PublicClient, zeroAddress } from "viem";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { EmbeddedNetwork } from "../embedded/network.ts";
import { BURNT, partyOf } from "./parties.ts";

/** What one party has in one place, token wei. */
export interface BookEntry {
  /** "user", "provider 3", "keeper 1" …; what belongs to nobody yet has a name of its own. */
  party: string;
  where: "wallet" | "deposit" | "escrow" | "credit" | "fees" | "bonus" | "stake";
  amount: bigint;
}

/** Who has and is owed what, all of one block. */
export interface Books {
  block: bigint;
  supply: bigint;
  entries: readonly BookEntry[];
  /** Tokens in the two contracts that hold any, and what their books say they owe. */
  orders: { tokens: bigint; booked: bigint };
  staking: { tokens: bigint; booked: bigint };
  /** Whether both are equal, and all entries add up to the supply. */
  conserved: boolean;
}

/** Bonuses of repairs that nobody has taken yet. */
export const BONUSES = "repairers, to claim";
/** What open orders hold for epochs to come. */
export const ESCROW = "orders, for epochs to come";
/** Keepers' fees that nobody has taken yet. */
export const FEES = "keepers, to claim";

export function sum(values: Iterable<bigint>): bigint {
  let total = 0n;
  for (const value of values) total += value;
  return total;
}

/** Where to read: contracts and the block that all is read of. */
interface Reading {
  network: EmbeddedNetwork;
  client: PublicClient;
  fromBlock: bigint;
  block: bigint;
}

/** Adds up who has and who is owed what, all read from one block of the chain. */
export async function readBooks(network: EmbeddedNetwork): Promise<Books> {
  const client = network.chain.publicClient;
  const block = await client.getBlockNumber();
  const fromBlock = BigInt(network.deployment.factory.startBlock);
  const reading: Reading = { network, client, fromBlock, block };
  const { token } = network.deployment;
  const { orders, staking } = network.group;

  const erc20 = { address: token, abi: erc20Abi } as const;
  const balanceOf = (holder: Address) =>
    client.readContract({ ...erc20, functionName: "balanceOf", args: [holder], blockNumber: block });
  const transfers = await client.getContractEvents({
    ...erc20,
    eventName: "Transfer",
    // The token may be older than the factory.
    fromBlock: "earliest",
    toBlock: block,
    strict: true,
  });
  const contracts = new Set<string>([orders, staking, zeroAddress].map((address) => address.toLowerCase()));
  const holders = [...new Set(transfers.map(({ args }) => args.to))].filter(
    (holder) => !contracts.has(holder.toLowerCase()),
  );
  const wallets = await Promise.all(
    holders.map(async (holder): Promise<BookEntry> => {
      return { party: partyOf(network, holder), where: "wallet", amount: await balanceOf(holder) };
    }),
  );
  const [inOrders, inStaking] = await Promise.all([bookedByOrders(reading), bookedByStaking(reading)]);
  const supply = await client.readContract({ ...erc20, functionName: "totalSupply", blockNumber: block });
  const books = {
    block,
    supply,
    entries: [...wallets, ...inOrders, ...inStaking],
    orders: { tokens: await balanceOf(orders), booked: total(inOrders) },
    staking: { tokens: await balanceOf(staking), booked: total(inStaking) },
  };
  const conserved =
    books.orders.tokens === books.orders.booked &&
    books.staking.tokens === books.staking.booked &&
    total(books.entries) === supply;
  return { ...books, conserved };
}

function total(entries: readonly BookEntry[]): bigint {
  return sum(entries.map(({ amount }) => amount));
}

/** Deposits, escrow of every order, credits of providers, pools of fees, and bonuses that are not claimed. */
async function bookedByOrders(reading: Reading): Promise<BookEntry[]> {
  const { network, client, fromBlock, block } = reading;
  const contract = { address: network.group.orders, abi: storageOrdersAbi } as const;
  const range = { ...contract, fromBlock, toBlock: block, strict: true } as const;
  const read = { ...contract, blockNumber: block } as const;
  const [deposits, credited, opened] = await Promise.all([
    client.getContractEvents({ ...range, eventName: "Deposited" }),
    client.getContractEvents({ ...range, eventName: "PayerCredited" }),
    client.getContractEvents({ ...range, eventName: "OrderOpened" }),
  ]);
  const payers = [...new Set([...deposits, ...credited].map(({ args }) => args.payer))];
  const entries: Promise<BookEntry[]>[] = [];
  const add = (party: string, where: BookEntry["where"], amount: Promise<bigint>) => {
    entries.push(amount.then((value) => [{ party, where, amount: value }]));
  };
  for (const payer of payers) {
    const party = partyOf(network, payer);
    add(party, "deposit", client.readContract({ ...read, functionName: "balanceOf", args: [payer] }));
    const withdrawal = client.readContract({ ...read, functionName: "withdrawalOf", args: [payer] });
    add(
      party,
      "deposit",
      withdrawal.then(({ amount }) => amount),
    );
  }
  for (const { args } of opened) {
    const state = client.readContract({ ...read, functionName: "orderState", args: [args.orderId] });
    add(
      ESCROW,
      "escrow",
      state.then(({ escrow }) => escrow),
    );
  }
  for (let id = await countOf(reading, "providerCount"); id > 0; id--) {
    add(`provider ${id}`, "credit", client.readContract({ ...read, functionName: "credit", args: [id] }));
  }
  const [fees, bonuses] = await Promise.all([feesOf(reading), bonusesOf(reading)]);
  return [...(await Promise.all(entries)).flat(), ...fees, ...bonuses];
}

async function feesOf(reading: Reading): Promise<BookEntry[]> {
  const { network, client, block } = reading;
  const read = { address: network.group.orders, abi: storageOrdersAbi, blockNumber: block } as const;
  const { termLength } = network.group.parameters;
  const last = Math.floor((await network.epochNow()) / termLength);
  const keepers = await countOf(reading, "keeperCount");
  const entries: BookEntry[] = [];
  for (let term = 0; term <= last; term++) {
    const pool = await client.readContract({
      ...read,
      functionName: "pool",
      args: [term],
    });
    const taken = await client.readContract({ ...read, functionName: "treasuryClaimed", args: [term] });
    const claims = await Promise.all(
      Array.from({ length: keepers }, (_, index) =>
        client.readContract({ ...read, functionName: "claimed", args: [term, index + 1] }),
      ),
    );
    entries.push({ party: FEES, where: "fees", amount: pool.keepers - sum(claims) });
    entries.push({ party: "treasury", where: "fees", amount: pool.treasury - taken });
  }
  return entries;
}

/** Bonuses lie in StorageOrders and are booked by Repairs, by the vacancy that they are for. */
async function bonusesOf({ network, client, fromBlock, block }: Reading): Promise<BookEntry[]> {
  const contract = { address: network.group.repairs, abi: repairsAbi } as const;
  const range = { ...contract, fromBlock, toBlock: block, strict: true } as const;
  const [closed, accepted] = await Promise.all([
    client.getContractEvents({ ...range, eventName: "VacancyClosed" }),
    client.getContractEvents({ ...range, eventName: "RepairAccepted" }),
  ]);
  const vacancies = new Map<string, readonly [Hex, number, number]>();
  for (const { args } of [...closed, ...accepted]) {
    vacancies.set(`${args.orderId} ${args.slot} ${args.until}`, [args.orderId, args.slot, args.until]);
  }
  return Promise.all(
    [...vacancies.values()].map(async (args): Promise<BookEntry> => {
      const call = { ...contract, functionName: "bonusOf", args, blockNumber: block } as const;
      const { pot, reserved } = await client.readContract(call);
      return { party: BONUSES, where: "bonus", amount: pot + reserved };
    }),
  );
}

/** Stakes, collateral in them included, and what is unbonding. */
async function bookedByStaking(reading: Reading): Promise<BookEntry[]> {
  const { network, client, block } = reading;
  const read = { address: network.group.staking, abi: stakingAbi, blockNumber: block } as const;
  const entries: Promise<BookEntry>[] = [];
  const add = (party: string, state: Promise<{ stake: bigint; unbonding: bigint }>) => {
    entries.push(
      state.then(({ stake, unbonding }) => ({ party, where: "stake", amount: stake + unbonding })),
    );
  };
  for (let id = await countOf(reading, "providerCount"); id > 0; id--) {
    add(`provider ${id}`, client.readContract({ ...read, functionName: "provider", args: [id] }));
  }
  for (let id = await countOf(reading, "keeperCount"); id > 0; id--) {
    add(`keeper ${id}`, client.readContract({ ...read, functionName: "keeper", args: [id] }));
  }
  return Promise.all(entries);
}

function countOf(
  { network, client, block }: Reading,
  functionName: "providerCount" | "keeperCount",
): Promise<number> {
  const read = { address: network.group.staking, abi: stakingAbi, blockNumber: block } as const;
  return client.readContract({ ...read, functionName });
}

/** Everything that a party has, wherever it is. */
export function holdingsOf(books: Books): ReadonlyMap<string, bigint> {
  const holdings = new Map<string, bigint>();
  for (const { party, amount } of books.entries) holdings.set(party, (holdings.get(party) ?? 0n) + amount);
  // Tokens are burnt by sending them where nobody has a key.
  if (!holdings.has(BURNT)) holdings.set(BURNT, 0n);
  return holdings;
}
