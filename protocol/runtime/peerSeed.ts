import { randomBytes } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { bytesToHex, type Hex } from "viem";
import { MemoError } from "../errors.ts";
import { readKeyFile, writeKeyFile } from "./keyFile.ts";

/**
 * The seed of the peer key, from the settings or from `peer.key` in the data directory, which is made when
 * there is none: the peer id stands in the endpoint on chain, so it has to stay.
 * @throws KEY_FILE_MODE, KEY_FILE_INVALID
 */
export async function loadPeerSeed(settings: {
  readonly peerSeed?: Hex | undefined;
  readonly dataDir: string;
}): Promise<Hex> {
  if (settings.peerSeed !== undefined) return settings.peerSeed;
  const path = join(settings.dataDir, "peer.key");
  try {
    return await readKeyFile(path);
  } catch (error) {
    if (!(error instanceof MemoError && error.code === "KEY_FILE_MISSING")) throw error;
  }
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
  const half = `${path}.${process.pid}.half`;
  await writeKeyFile(half, bytesToHex(randomBytes(32)));
  await rename(half, path);
  return readKeyFile(path);
}
