import { join } from "node:path";
import type { Hex } from "viem";
import { CHAIN_ID } from "./accounts.ts";
import { startChild } from "./childProcess.ts";
import { connectClients, type NetworkChain } from "./networkChain.ts";

/** Starts Hardhat's chain in its own process; the accounts of `keys` hold native coin. */
export async function startChainProcess(options: {
  dataDir: string;
  port: number;
  keys: readonly Hex[];
}): Promise<NetworkChain> {
  const child = startChild({
    name: "chain",
    script: "chain.ts",
    logPath: join(options.dataDir, "chain.log"),
  });
  const { url } = await child.call<{ url: string }>("start", { port: options.port, keys: options.keys });
  return { id: CHAIN_ID, url, ...connectClients(url, CHAIN_ID), exited: child.exited, stop: child.stop };
}
