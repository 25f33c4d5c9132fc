import { createPublicClient, createWalletClient, http, type LocalAccount, type PublicClient } from "viem";
import { createTransactor, type Transactor } from "../../protocol/chain/transactor.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";

/** A chain through one node. */
export type Connection = {
  readonly publicClient: PublicClient;
  /** Sends transactions of an account. */
  transactorOf(account: LocalAccount, confirmations: number, logger: Logger): Transactor;
};

/** Creates a connection; nothing is contacted before it is needed. */
export function createConnection(options: { rpcUrl: string; chainId: number }): Connection {
  const { rpcUrl, chainId } = options;
  const transport = http(rpcUrl);
  const chain = {
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  };
  const publicClient: PublicClient = createPublicClient({ transport, chain });
  return {
    publicClient,
    transactorOf: (account, confirmations, logger) =>
      createTransactor({
        walletClient: createWalletClient({ account, transport, chain }),
        publicClient,
        confirmations,
        logger,
      }),
  };
}
