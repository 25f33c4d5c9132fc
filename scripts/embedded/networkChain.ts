import {
  createPublicClient,
  createWalletClient,
  defineChain,
  http,
  type PublicClient,
  type WalletClient,
} from "viem";

const POLL_MS = 50;

/** The chain that a network stands on, whoever has started it. */
export interface NetworkChain {
  /** Chain id. */
  id: number;
  url: string;
  /** Client and version of a chain that somebody else has started. */
  version?: string;
  publicClient: PublicClient;
  /** Signs with the account that a call names. */
  walletClient: WalletClient;
  /** Settles when the chain's process ends; absent where somebody else has started it. */
  exited?: Promise<unknown>;
  /** Ends the chain, or leaves it as it was found. Safe to call twice. */
  stop(): Promise<void>;
}

/** Clients that ask a chain of this machine as often as it can have news. */
export function connectClients(url: string, id: number): Pick<NetworkChain, "publicClient" | "walletClient"> {
  const chain = defineChain({
    id,
    name: "memo's chain",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const common = { chain, transport: http(url), pollingInterval: POLL_MS } as const;
  return {
    // Without a cache the head is never older than the question.
    publicClient: createPublicClient({ ...common, cacheTime: 0 }) as PublicClient,
    walletClient: createWalletClient(common),
  };
}
