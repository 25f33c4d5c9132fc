import type { Account, Address, Chain, Hex, PublicClient, Transport, WalletClient } from "viem";
import { memoTokenAbi } from "../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../protocol/abi/generated/Staking.ts";
import { createTransactor } from "../protocol/chain/transactor.ts";
import { MemoError } from "../protocol/errors.ts";
import { parseEndpoint } from "../protocol/net/host.ts";
import type { Logger } from "../protocol/runtime/logger.ts";

/**
 * Registers a keeper: approves its stake and calls `Staking.registerKeeper` as the owner, which takes a seat.
 * @returns the id that the contract gave
 * @throws OWNER_IS_OPERATOR, TOKENS_INSUFFICIENT, ENDPOINT_MALFORMED, CONTRACT_<ErrorName> and what sending
 * a transaction throws
 */
export async function registerKeeper(of: {
  publicClient: PublicClient;
  /** Of the owner. */
  walletClient: WalletClient<Transport, Chain | undefined, Account>;
  token: Address;
  staking: Address;
  /** Address that signs votes. */
  operator: Address;
  /** Multiaddr with peer id. */
  endpoint: string;
  /** Token wei. */
  stake: bigint;
  logger: Logger;
}): Promise<{ keeperId: number; hash: Hex }> {
  const { publicClient, walletClient, token, staking, operator, endpoint, stake, logger } = of;
  const owner = walletClient.account.address;
  parseEndpoint(endpoint);
  if (owner.toLowerCase() === operator.toLowerCase()) {
    throw new MemoError(
      "OWNER_IS_OPERATOR",
      "Owner and operator must have different keys: a stolen operator key must not reach the stake.",
      { details: { owner } },
    );
  }
  const balance = await publicClient.readContract({
    address: token,
    abi: memoTokenAbi,
    functionName: "balanceOf",
    args: [owner],
  });
  if (balance < stake) {
    throw new MemoError(
      "TOKENS_INSUFFICIENT",
      `The stake is ${stake}, the owner ${owner} has ${balance} token wei.`,
      {
        details: { owner, balance, stake },
      },
    );
  }
  const transactor = createTransactor({ walletClient, publicClient, logger });
  try {
    await transactor.send({
      address: token,
      abi: memoTokenAbi,
      functionName: "approve",
      args: [staking, stake],
    });
    const { hash } = await transactor.send({
      address: staking,
      abi: stakingAbi,
      functionName: "registerKeeper",
      args: [operator, endpoint, stake],
    });
    const keeperId = await publicClient.readContract({
      address: staking,
      abi: stakingAbi,
      functionName: "keeperOf",
      args: [operator],
    });
    return { keeperId, hash };
  } finally {
    transactor.close();
  }
}
