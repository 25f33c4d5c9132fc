import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { Hex } from "viem";
import { CHAIN_ID } from "./accounts.ts";
import { serveChannel } from "./channel.ts";

/* Hardhat's chain in a process of its own: it mines nothing by itself, the conductor says when. */

const BALANCE = 10n ** 22n;

async function start({ port, keys }: { port: number; keys: readonly Hex[] }): Promise<{ url: string }> {
  const hre = await createHardhatRuntimeEnvironment({
    networks: {
      embedded: {
        type: "edr-simulated",
        chainType: "l1",
        chainId: CHAIN_ID,
        hardfork: "osaka",
        accounts: keys.map((privateKey) => ({ privateKey, balance: BALANCE })),
        mining: { auto: false, interval: 0 },
        loggingEnabled: false,
        // Code that is compiled the quick way is larger.
        allowUnlimitedContractSize: process.env.MEMO_QUICK_BUILD === "1",
      },
    },
  });
  const server = await hre.network.createServer("embedded", "127.0.0.1", port);
  const bound = await server.listen();
  return { url: `http://${bound.address}:${bound.port}` };
}

serveChannel({ start, stop: () => void setImmediate(() => process.exit(0)) }, () => process.exit(0));
