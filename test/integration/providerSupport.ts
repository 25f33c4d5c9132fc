import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ProviderStatus } from "../../provider/provider.ts";
import { embeddedKey } from "../../scripts/embedded/accounts.ts";

const BIN = fileURLToPath(new URL("../../bin/memo-provider.js", import.meta.url));

/** Resolves with the first value that is not undefined. @throws when there is none in time */
export async function waitFor<Value>(
  what: string,
  look: () => Promise<Value | undefined> | Value | undefined,
  ms = 60_000,
): Promise<Value> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await delay(20);
  }
}

/** A provider in a process of its own, through the program that operators run. */
export type ProviderProcess = {
  /** Undefined while it does not answer. */
  status(): Promise<ProviderStatus | undefined>;
  /** Lets it die as in a power cut, without a chance to do anything. */
  kill(): Promise<void>;
  /** Asks it to end; resolves with its exit code. */
  end(): Promise<number | null>;
  log(): string;
};

/** Starts `memo-provider start` as provider `id` of an embedded network, and waits until it is ready. */
export async function spawnProvider(options: {
  id: number;
  dataDir: string;
  deploymentPath: string;
  rpcUrl: string;
  /** As registered. */
  endpoint: string;
}): Promise<ProviderProcess> {
  const keyPath = join(options.dataDir, `operator-${options.id}.key`);
  writeFileSync(keyPath, embeddedKey("provider operator", options.id), { mode: 0o600 });
  const flags: Record<string, string> = {
    "--deployment": options.deploymentPath,
    "--operator-key-file": keyPath,
    "--data-dir": join(options.dataDir, "provider"),
    "--rpc-url": options.rpcUrl,
    "--poll-ms": "20",
    "--listen": options.endpoint.split("/p2p/")[0] ?? "",
    "--http-port": "0",
  };
  const child: ChildProcess = spawn(process.execPath, [BIN, "start", ...Object.entries(flags).flat()], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, PROVIDER_PEER_SEED: embeddedKey("provider peer", options.id) },
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const url = await waitFor("the provider listens", () => {
    if (child.exitCode !== null) throw new Error(`the provider ended: ${log}`);
    return /"url":"(http[^"]+)"/.exec(log)?.[1];
  });
  await waitFor("the provider is ready", async () => {
    const response = await fetch(`${url}/ready`).catch(() => undefined);
    return response?.ok ? true : undefined;
  });
  return {
    async status() {
      const response = await fetch(`${url}/status`).catch(() => undefined);
      return response?.ok ? ((await response.json()) as ProviderStatus) : undefined;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async end() {
      child.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
    log: () => log,
  };
}

/** Runs a command of `memo-provider` to its end. */
export async function runProvider(
  args: readonly string[],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "close") as Promise<[number | null]>;
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = await exited;
  return { code, out, err };
}
