import {
  type Abi,
  type Account,
  type Address,
  type Hex,
  type PublicClient,
  parseEther,
  stringToHex,
  type WalletClient,
} from "viem";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { MemoError } from "../../protocol/errors.ts";
import { embeddedAccount } from "./accounts.ts";
import type { Conductor } from "./conductor.ts";

/** Failure domains of the embedded network; provider i is in domain (i − 1) mod this. */
export const DOMAINS = 6;
export const PROVIDER_STAKE = parseEther("1000");
export const KEEPER_STAKE = parseEther("5000");
/** What a provider asks for 2^32 shard-epochs. */
export const ASK = parseEther("1000000");

/** Well above what any of these calls uses, so that nothing has to be estimated before it is possible. */
const GAS = 1_000_000n;

/** A provider or keeper to be registered. */
export interface Member {
  /** From 1, in the order in which the contract numbers them. */
  id: number;
  /** Multiaddr with peer id. */
  endpoint: string;
}

/** Who sends, and who mines what was sent. */
export interface Sender {
  publicClient: PublicClient;
  walletClient: WalletClient;
  conductor: Conductor;
}

export interface RegisterOptions extends Sender {
  token: Address;
  staking: Address;
  providers: readonly Member[];
  keepers: readonly Member[];
}

interface Call {
  account: Account;
  address: Address;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
}

/**
 * Gives every owner its tokens, then has each register and stake. Two rounds of transactions, each sent at once: the
 * second needs what the first leaves behind.
 * @throws CALL_REFUSED naming the first call that reverted
 */
export async function registerMembers(options: RegisterOptions): Promise<void> {
  const { token, staking } = options;
  const deployer = embeddedAccount("deployer");
  const owners = [
    ...options.providers.map(({ id }) => ({
      account: embeddedAccount("provider owner", id),
      stake: PROVIDER_STAKE,
    })),
    ...options.keepers.map(({ id }) => ({
      account: embeddedAccount("keeper owner", id),
      stake: KEEPER_STAKE,
    })),
  ];
  const erc20 = { address: token, abi: memoTokenAbi as Abi };
  await sendAll(options, [
    ...owners.map(({ account, stake }) => ({
      ...erc20,
      account: deployer,
      functionName: "transfer",
      args: [account.address, stake],
    })),
    ...owners.map(({ account, stake }) => ({
      ...erc20,
      account,
      functionName: "approve",
      args: [staking, stake],
    })),
  ]);
  const contract = { address: staking, abi: stakingAbi as Abi };
  await sendAll(options, [
    ...options.providers.map(({ id, endpoint }) => ({
      ...contract,
      account: embeddedAccount("provider owner", id),
      functionName: "registerProvider",
      args: [
        embeddedAccount("provider operator", id).address,
        endpoint,
        domainOf(id),
        ASK,
        true,
        PROVIDER_STAKE,
      ],
    })),
    ...options.keepers.map(({ id, endpoint }) => ({
      ...contract,
      account: embeddedAccount("keeper owner", id),
      functionName: "registerKeeper",
      args: [embeddedAccount("keeper operator", id).address, endpoint, KEEPER_STAKE],
    })),
  ]);
}

/** Failure domain of a provider, readable in an explorer: "domain-1" … */
export function domainOf(id: number): Hex {
  return stringToHex(`domain-${((id - 1) % DOMAINS) + 1}`, { size: 32 });
}

/** Sends all calls, in this order and into one block, and waits until they are mined. */
export async function sendAll(
  { publicClient, walletClient, conductor }: Sender,
  calls: readonly Call[],
): Promise<void> {
  const { maxFeePerGas, maxPriorityFeePerGas } = await publicClient.estimateFeesPerGas();
  const hashes = await conductor.hold(async () => {
    const nonces = new Map<Address, number>();
    const sent: Hex[] = [];
    // One after the other: ids are given in the order in which the chain takes the transactions.
    for (const call of calls) {
      const { address } = call.account;
      const nonce = nonces.get(address) ?? (await publicClient.getTransactionCount({ address }));
      nonces.set(address, nonce + 1);
      const fees = { gas: GAS, maxFeePerGas: maxFeePerGas * 2n, maxPriorityFeePerGas };
      sent.push(await walletClient.writeContract({ ...call, ...fees, chain: walletClient.chain, nonce }));
    }
    return sent;
  });
  const receipts = await Promise.all(hashes.map((hash) => publicClient.waitForTransactionReceipt({ hash })));
  const failed = receipts.findIndex(({ status }) => status !== "success");
  if (failed !== -1) {
    const { functionName = "", account } = calls[failed] ?? {};
    throw new MemoError(
      "CALL_REFUSED",
      `${functionName} of ${account?.address} was refused by the contract.`,
      {
        details: { functionName },
      },
    );
  }
}
