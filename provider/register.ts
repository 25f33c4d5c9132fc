import {
  type Account,
  type Address,
  type Chain,
  type Hex,
  type PublicClient,
  stringToHex,
  type Transport,
  type WalletClient,
} from "viem";
import { memoTokenAbi } from "../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../protocol/abi/generated/Staking.ts";
import { createTransactor } from "../protocol/chain/transactor.ts";
import { MemoError } from "../protocol/errors.ts";
import { parseEndpoint } from "../protocol/net/host.ts";
import type { Logger } from "../protocol/runtime/logger.ts";

/** What a provider tells the group about itself. */
export type Registration = {
  /** Address that signs orders and proofs. */
  readonly operator: Address;
  /** Multiaddr with peer id. */
  readonly endpoint: string;
  /** Failure domain: 32 bytes as hex, or a name of at most 32 bytes. */
  readonly domain: string;
  /** Token wei per 2^32 shard-epochs. */
  readonly ask: bigint;
  readonly repairs: boolean;
  /** Token wei. */
  readonly stake: bigint;
};

/**
 * Registers a provider: approves its stake and calls `Staking.registerProvider` as the owner.
 * @returns the id that the contract gave
 * @throws OWNER_IS_OPERATOR, TOKENS_INSUFFICIENT, ENDPOINT_MALFORMED, CONTRACT_<ErrorName> and what sending
 * a transaction throws
 */
export async function registerProvider(of: {
  publicClient: PublicClient;
  /** Of the owner. */
  walletClient: WalletClient<Transport, Chain | undefined, Account>;
  token: Address;
  staking: Address;
  registration: Registration;
  /** Blocks to wait for on top of each transaction's. */
  confirmations?: number;
  logger: Logger;
}): Promise<{ providerId: number; hash: Hex }> {
  const { publicClient, walletClient, token, staking, registration, logger } = of;
  const owner = walletClient.account.address;
  parseEndpoint(registration.endpoint);
  if (owner.toLowerCase() === registration.operator.toLowerCase()) {
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
  if (balance < registration.stake) {
    throw new MemoError(
      "TOKENS_INSUFFICIENT",
      `The stake is ${registration.stake}, the owner ${owner} has ${balance} token wei.`,
      { details: { owner, balance, stake: registration.stake } },
    );
  }
  const transactor = createTransactor({
    walletClient,
    publicClient,
    logger,
    ...(of.confirmations === undefined ? {} : { confirmations: of.confirmations }),
  });
  try {
    await transactor.send({
      address: token,
      abi: memoTokenAbi,
      functionName: "approve",
      args: [staking, registration.stake],
    });
    const { operator, endpoint, ask, repairs, stake } = registration;
    const { hash } = await transactor.send({
      address: staking,
      abi: stakingAbi,
      functionName: "registerProvider",
      args: [operator, endpoint, encodeDomain(registration.domain), ask, repairs, stake],
    });
    const providerId = await publicClient.readContract({
      address: staking,
      abi: stakingAbi,
      functionName: "providerOf",
      args: [operator],
    });
    return { providerId, hash };
  } finally {
    transactor.close();
  }
}

/** 32 bytes as hex as they are, a name as its UTF-8 bytes padded with zeros. */
export function encodeDomain(domain: string): Hex {
  return /^0x[0-9a-fA-F]{64}$/.test(domain) ? (domain as Hex) : stringToHex(domain, { size: 32 });
}
