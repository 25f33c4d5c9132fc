import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { createPublicClient, createTestClient, http, type PublicClient } from "viem";
import { MemoError } from "../../protocol/errors.ts";

/** Names that the packages with anvil's binary have for platforms. */
const PLATFORMS: Readonly<Record<string, string>> = { linux: "linux", darwin: "darwin", win32: "win32" };
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export type Anvil = {
  readonly url: string;
  readonly client: PublicClient;
  isRunning(): boolean;
  mine(blocks: number): Promise<void>;
  stop(): Promise<void>;
};

function binary(): string {
  const name = `@foundry-rs/anvil-${PLATFORMS[process.platform]}-${ARCHITECTURES[process.arch]}`;
  const file = process.platform === "win32" ? "anvil.exe" : "anvil";
  return createRequire(import.meta.url).resolve(`${name}/bin/${file}`);
}

/** A chain that nobody here wrote, on a free port; its first accounts have coin and are unlocked. */
export async function startAnvil(options: {
  chainId: number;
  hardfork?: string;
  /** Most bytes of a contract. */
  codeSizeLimit?: number;
  /** Any more of anvil's own flags. */
  flags?: readonly string[];
}): Promise<Anvil> {
  const { chainId, hardfork = "osaka", codeSizeLimit, flags = [] } = options;
  // What is built while iterating is of any size.
  const unlimited = process.env.MEMO_QUICK_BUILD === "1" ? ["--disable-code-size-limit"] : [];
  const limits = codeSizeLimit === undefined ? unlimited : ["--code-size-limit", String(codeSizeLimit)];
  const chain = ["--chain-id", String(chainId), "--hardfork", hardfork];
  const args = ["--port", "0", ...chain, ...limits, ...flags];
  const child = spawn(binary(), args, { stdio: ["ignore", "pipe", "inherit"] });
  const address = await listening(child);
  const transport = http(`http://${address}`);
  const client = createPublicClient({ transport, cacheTime: 0 });
  return {
    url: `http://${address}`,
    client,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    mine: (blocks) => createTestClient({ mode: "anvil", transport }).mine({ blocks }),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
    },
  };
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const address = /Listening on (\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    // Else the pipe would fill and stop the chain.
    child.stdout!.resume();
    return address;
  }
  throw new MemoError("ANVIL_NOT_STARTED", "anvil ended before it listened.");
}
