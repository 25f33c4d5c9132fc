import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { writeKeyFile } from "../../../protocol/runtime/keyFile.ts";
import { embeddedKey } from "../../../scripts/embedded/accounts.ts";
import type { EmbeddedNetwork } from "../../../scripts/embedded/network.ts";
import { type Started, startProcess } from "./process.ts";

/**
 * Runs a provider of an embedded network as `memo-provider start` in a process of its own, on the data that its daemon
 * left; that one must have been stopped.
 */
export async function startProviderProcess(network: EmbeddedNetwork, id: number): Promise<Started> {
  const spec = network.members.providers.find((each) => each.id === id);
  const keyFile = join(network.dataDir, `provider-${id}.key`);
  if (!existsSync(keyFile)) await writeKeyFile(keyFile, embeddedKey("provider operator", id));
  const started = startProcess([
    "scripts/provider.ts",
    "start",
    ...["--deployment", network.deploymentPath, "--rpc-url", network.chain.url, "--poll-ms", "25"],
    ...["--data-dir", network.dataDirOf(`provider ${id}`), "--operator-key-file", keyFile],
    ...["--peer-seed", embeddedKey("provider peer", id), "--http-port", "0"],
    ...["--listen", `/ip4/127.0.0.1/tcp/${spec?.listenPort}`],
  ]);
  await started.said(/provider runs/);
  return started;
}

/** Shards on a provider's disk. */
export function countShards(network: EmbeddedNetwork, id: number): number {
  return globSync(join(network.dataDirOf(`provider ${id}`), "shards", "**", "*.shard")).length;
}
