import { type Abi, type Address, type Hex, parseEther, stringToHex } from "viem";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { embeddedAccount } from "./accounts.ts";
import { type Sender, sendAll } from "./calls.ts";

/** Failure domains of the embedded network; provider i is in domain (i − 1) mod this. */
export const DOMAINS = 6;
export const PROVIDER_STAKE = parseEther("1000");
export const KEEPER_STAKE = parseEther("5000");
/**
 * What a provider asks for 2^32 shard-epochs: little enough beside the collateral that what is slashed after some
 * epochs pays the user back and a bonus to whoever repairs.
 */
export const ASK = parseEther("100000");

/** A provider or keeper to be registered. */
export interface Member {
  /** From 1, in the order in which the contract numbers them. */
  id: number;
  /** Multiaddr with peer id. */
  endpoint: string;
}

export interface RegisterOptions extends Sender {
  token: Address;
  staking: Address;
  providers: readonly Member[];
  keepers: readonly Member[];
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
