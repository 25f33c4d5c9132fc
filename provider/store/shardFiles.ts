import type { FileHandle } from "node:fs/promises";
import * as nodeFileSystem from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "viem";
import { SHARD_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";

/** The file operations that the shard store needs; tests inject failing ones. */
export type FileSystem = Pick<
  typeof nodeFileSystem,
  "mkdir" | "open" | "readdir" | "readFile" | "rename" | "rm" | "stat"
>;

export type ShardFiles = {
  /**
   * Writes or replaces one shard. When it resolves the shard survives a power cut; when it rejects the
   * shard is as it was before.
   * @throws OUT_OF_SPACE when the disk is full
   */
  write(uploadId: Hex, stripe: number, bytes: Uint8Array): Promise<void>;
  /** @throws SHARD_UNREADABLE when it is not there, is not whole or cannot be read */
  read(uploadId: Hex, stripe: number): Promise<Uint8Array>;
  /** Whether a whole shard is there, without reading it. */
  has(uploadId: Hex, stripe: number): Promise<boolean>;
  /** Removes all shards of an upload; it is no error when there are none. */
  remove(uploadId: Hex): Promise<void>;
  /** Removes the shards of an upload from stripe `stripes` on. */
  trim(uploadId: Hex, stripes: number): Promise<void>;
  /** Removes half-written files and uploads that are not `known`; says how many of each. */
  recover(known: ReadonlySet<Hex>): Promise<{ halfFiles: number; strangers: number }>;
};

/** Version of the directory layout; a new layout gets a new directory beside this one. */
const LAYOUT_DIRECTORY = "v1";
const HALF_FILE = ".half";

/**
 * Shards as plain files `v1/<2 hex digits>/<upload id>/<stripe>.shard`. A shard is written to a half
 * file, synced, renamed, and the directory synced, so that there is never a shard file that is not whole.
 */
export function createShardFiles(options: { directory: string; fileSystem?: FileSystem }): ShardFiles {
  const { fileSystem = nodeFileSystem } = options;
  const root = join(options.directory, LAYOUT_DIRECTORY);
  const directoryOf = (uploadId: Hex) => join(root, uploadId.slice(2, 4), uploadId.slice(2));
  const pathOf = (uploadId: Hex, stripe: number) => join(directoryOf(uploadId), `${stripe}.shard`);
  let writes = 0;

  const makeDirectory = async (uploadId: Hex) => {
    const directory = directoryOf(uploadId);
    const first = await fileSystem.mkdir(directory, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // A new name is durable only once the directory that holds it is.
    await syncDirectory(fileSystem, join(root, uploadId.slice(2, 4)));
    await syncDirectory(fileSystem, root);
    await syncDirectory(fileSystem, options.directory);
  };

  return {
    async write(uploadId, stripe, bytes) {
      const half = `${pathOf(uploadId, stripe)}.${writes++}${HALF_FILE}`;
      try {
        await makeDirectory(uploadId);
        await writeSynced(fileSystem, half, bytes);
        await fileSystem.rename(half, pathOf(uploadId, stripe));
        await syncDirectory(fileSystem, directoryOf(uploadId));
      } catch (error) {
        await fileSystem.rm(half, { force: true }).catch(() => undefined);
        throw outOfSpace(error) ?? error;
      }
    },
    async read(uploadId, stripe) {
      const bytes = await fileSystem.readFile(pathOf(uploadId, stripe)).catch((cause: unknown) => {
        throw unreadable(uploadId, stripe, "it cannot be read", cause);
      });
      if (bytes.length !== SHARD_BYTES) {
        throw unreadable(uploadId, stripe, `it has ${bytes.length} bytes`);
      }
      return bytes;
    },
    async has(uploadId, stripe) {
      const found = await fileSystem.stat(pathOf(uploadId, stripe)).catch(() => undefined);
      return found?.size === SHARD_BYTES;
    },
    async remove(uploadId) {
      await fileSystem.rm(directoryOf(uploadId), { recursive: true, force: true });
    },
    async trim(uploadId, stripes) {
      for (const name of await namesIn(fileSystem, directoryOf(uploadId))) {
        if (Number.parseInt(name, 10) < stripes) continue;
        await fileSystem.rm(join(directoryOf(uploadId), name), { force: true });
      }
    },
    async recover(known) {
      let halfFiles = 0;
      let strangers = 0;
      for (const group of await namesIn(fileSystem, root)) {
        for (const name of await namesIn(fileSystem, join(root, group))) {
          const directory = join(root, group, name);
          if (!known.has(`0x${name}`)) {
            await fileSystem.rm(directory, { recursive: true, force: true });
            strangers++;
            continue;
          }
          for (const file of await namesIn(fileSystem, directory)) {
            if (!file.endsWith(HALF_FILE)) continue;
            await fileSystem.rm(join(directory, file), { force: true });
            halfFiles++;
          }
        }
      }
      return { halfFiles, strangers };
    },
  };
}

async function writeSynced(fileSystem: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  await closing(await fileSystem.open(path, "wx", 0o600), async (file) => {
    await file.writeFile(bytes);
    await file.sync();
  });
}

async function syncDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  await closing(await fileSystem.open(path, "r"), (directory) => directory.sync());
}

async function closing(file: FileHandle, work: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

async function namesIn(fileSystem: FileSystem, directory: string): Promise<string[]> {
  return fileSystem.readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

function outOfSpace(error: unknown): MemoError | undefined {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  return new MemoError("OUT_OF_SPACE", "The provider's disk is full. Choose another provider.", {
    cause: error,
  });
}

function unreadable(uploadId: Hex, stripe: number, why: string, cause?: unknown): MemoError {
  return new MemoError("SHARD_UNREADABLE", `Shard ${stripe} of upload ${uploadId} is lost here: ${why}.`, {
    details: { uploadId, stripe },
    cause,
  });
}
