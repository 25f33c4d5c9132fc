import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { MemoError } from "../../protocol/errors.ts";
import type { Archive, ListedObject, UnreadableOrder } from "./archive.ts";
import { objectBytes } from "./objectStream.ts";

export type RecoveredFile = ListedObject & { readonly path: string; readonly sha256: string };
export type FailedFile = { readonly name: string; readonly code: string; readonly reason: string };

export type Recovery = {
  readonly files: readonly RecoveredFile[];
  readonly failed: readonly FailedFile[];
  readonly unreadable: readonly UnreadableOrder[];
  /** Whether everything that the chain knows of was restored. */
  readonly complete: boolean;
};

export type RecoverOptions = {
  /** Where the files go; made when it is not there. */
  readonly directory: string;
  readonly onFile?: (file: RecoveredFile | FailedFile) => void;
  /** Told about bytes of a file as they are written. */
  readonly onBytes?: (name: string, bytes: number) => void;
  readonly signal?: AbortSignal;
};

/**
 * Path of a name below a directory.
 * @throws MemoError `NAME_UNSAFE` for names that would lead out of it or stand for a folder
 */
export function safePath(directory: string, name: string): string {
  const root = resolve(directory);
  const path = resolve(root, name.replaceAll("\\", "/"));
  if (path.startsWith(root + sep) && !name.endsWith("/")) return path;
  throw new MemoError(
    "NAME_UNSAFE",
    `The name ${JSON.stringify(name)} is no path inside the folder. Read it by itself with another file name.`,
    {
      details: { name },
    },
  );
}

/** Writes a stream to a file in one step: it is there whole or not at all. @returns its sha2-256 as hex */
export async function writeWhole(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  onBytes?: (count: number) => void,
): Promise<{ bytes: number; sha256: string }> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.memo-${randomUUID()}.part`);
  const hash = createHash("sha256");
  let written = 0;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      for await (const chunk of bytes) {
        hash.update(chunk);
        await file.writeFile(chunk);
        written += chunk.length;
        onBytes?.(chunk.length);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return { bytes: written, sha256: hash.digest("hex") };
}

/** Restores every file of an owner: names from the manifests on chain order, bytes from whoever holds them. */
export async function recoverAll(archive: Archive, options: RecoverOptions): Promise<Recovery> {
  const signal = options.signal ?? new AbortController().signal;
  const { objects, unreadable } = await archive.list(signal);
  const files: RecoveredFile[] = [];
  const failed: FailedFile[] = [];
  await mkdir(options.directory, { recursive: true });
  for (const object of objects) {
    try {
      const path = safePath(options.directory, object.name);
      const { reader, body, extent, rootKey } = await archive.byName(object.name, signal);
      const plain = objectBytes(reader, body, extent, rootKey, { from: 0, to: extent.size }, signal);
      const { sha256 } = await writeWhole(path, plain, (count) => options.onBytes?.(object.name, count));
      const file = { ...object, path, sha256 };
      files.push(file);
      options.onFile?.(file);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof MemoError)) throw error;
      const file = { name: object.name, code: error.code, reason: error.message };
      failed.push(file);
      options.onFile?.(file);
    }
  }
  return { files, failed, unreadable, complete: failed.length === 0 && unreadable.length === 0 };
}
