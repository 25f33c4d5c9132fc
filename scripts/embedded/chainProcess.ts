import { join } from "node:path";
import {
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  type WalletClient,
} from "viem";
import { hardhat } from "viem/chains";
import { startChild } from "./childProcess.ts";

const POLL_MS = 50;

export interface ChainProcess {
  url: string;
  publicClient: PublicClient;
  /** Signs with the account that a call names. */
  walletClient: WalletClient;
  exited: Promise<number | null>;
  stop(): Promise<void>;
}

/** Starts the chain in its own process; the accounts of `keys` hold native coin. */
export async function startChainProcess(options: {
  dataDir: string;
  port: number;
  keys: readonly Hex[];
}): Promise<ChainProcess> {
  const child = startChild({
    name: "chain",
    script: "chain.ts",
    logPath: join(options.dataDir, "chain.log"),
  });
  const { url } = await child.call<{ url: string }>("start", { port: options.port, keys: options.keys });
  const common = { chain: hardhat, transport: http(url), pollingInterval: POLL_MS } as const;
  return {
    url,
    // Without a cache the head is never older than the question.
    publicClient: createPublicClient({ ...common, cacheTime: 0 }) as PublicClient,
    walletClient: createWalletClient(common),
    exited: child.exited,
    stop: child.stop,
  };
}
