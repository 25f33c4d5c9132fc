import {
  type Account,
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  type Transport,
  type WalletClient,
} from "viem";
import { memoTokenAbi } from "../abi/generated/MemoToken.ts";
import { MemoError } from "../errors.ts";
import { parseEndpoint, peerIdFromSeed } from "../net/host.ts";
import type { DaemonSettings } from "../runtime/daemonSettings.ts";
import { accountOfKeyFile } from "../runtime/keyAccount.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import { loadPeerSeed } from "../runtime/peerSeed.ts";
import { findGroup, readDeployment } from "./deployment.ts";
import { createTransactor, type Transactor } from "./transactor.ts";

/** How and where a member registers. */
export type Registrar = {
  readonly publicClient: PublicClient;
  /** Of the owner. */
  readonly walletClient: WalletClient<Transport, Chain | undefined, Account>;
  readonly token: Address;
  readonly staking: Address;
  /** Blocks to wait for on top of each transaction's. */
  readonly confirmations?: number;
  readonly logger: Logger;
};

/** What providers and keepers alike tell the group about themselves. */
export type Membership = {
  /** Address that signs what the member says. */
  readonly operator: Address;
  /** Multiaddr with peer id. */
  readonly endpoint: string;
  /** Token wei. */
  readonly stake: bigint;
};

/**
 * Approves a member's stake, then registers it by `send` as the owner.
 * @returns hash of the registering transaction
 * @throws OWNER_IS_OPERATOR, TOKENS_INSUFFICIENT, ENDPOINT_MALFORMED, CONTRACT_<ErrorName> and what sending
 * a transaction throws
 */
export async function registerMember(
  registrar: Registrar,
  { operator, endpoint, stake }: Membership,
  send: (transactor: Transactor) => Promise<{ hash: Hex }>,
): Promise<Hex> {
  const { publicClient, walletClient, token, staking, confirmations, logger } = registrar;
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
      { details: { owner, balance, stake } },
    );
  }
  const transactor = createTransactor({
    walletClient,
    publicClient,
    logger,
    ...(confirmations === undefined ? {} : { confirmations }),
  });
  try {
    await transactor.send({
      address: token,
      abi: memoTokenAbi,
      functionName: "approve",
      args: [staking, stake],
    });
    return (await send(transactor)).hash;
  } finally {
    transactor.close();
  }
}

/**
 * What `register` of a daemon's command line needs, from its settings: its keys, its endpoint, the group.
 * @throws SETTING_INVALID without a key file, DEPLOYMENT_*, GROUP_*, KEY_FILE_*
 */
export async function openRegistration(
  settings: DaemonSettings,
  loggerName: string,
): Promise<Registrar & Membership & { readonly owner: Address }> {
  const logger = createLogger({ name: loggerName, level: settings.logLevel });
  const deployment = await readDeployment(settings.deployment, settings.rpcUrl);
  const group = findGroup(deployment, settings.group);
  const operator = await accountOfKeyFile(settings.operatorKeyFile, "--operator-key-file");
  const owner = await accountOfKeyFile(settings.ownerKeyFile, "--owner-key-file");
  const transport = http(settings.rpcUrl);
  const address = settings.announce ?? settings.listen;
  return {
    publicClient: createPublicClient({ transport }),
    walletClient: createWalletClient({ account: owner, transport }),
    token: deployment.token,
    staking: group.staking,
    operator: operator.address,
    owner: owner.address,
    endpoint: `${address}/p2p/${await peerIdFromSeed(await loadPeerSeed(settings))}`,
    stake: settings.stake,
    logger,
  };
}
