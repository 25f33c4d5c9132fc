import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { bytesToHex, type Hex } from "viem";
import { readKeyFile, writeKeyFile } from "../protocol/runtime/keyFile.ts";
import type { KeeperSettings } from "./settings.ts";

/**
 * The seed of the peer key, from the settings or from `peer.key` in the data directory, which is made when
 * there is none: the peer id stands in the endpoint on chain, so it has to stay.
 * @throws KEY_FILE_MODE, KEY_FILE_INVALID
 */
export async function loadPeerSeed(settings: Pick<KeeperSettings, "peerSeed" | "dataDir">): Promise<Hex> {
  if (settings.peerSeed !== undefined) return settings.peerSeed as Hex;
  await mkdir(settings.dataDir, { recursive: true });
  const path = join(settings.dataDir, "peer.key");
  if (!existsSync(path)) await writeKeyFile(path, bytesToHex(randomBytes(32)));
  return readKeyFile(path);
}
