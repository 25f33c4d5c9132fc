import { createReadStream } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { basename } from "node:path";
import { MemoError } from "../../protocol/errors.ts";
import type { ByteSource } from "../../protocol/object/rechunk.ts";

/** Bytes to store. They may be read more than once: a provider that fails late is replaced by another one. */
export type Source = {
  /** Name to store under when the caller gives none. */
  readonly name?: string;
  readonly size: number;
  /** Reads from the start. */
  open(signal?: AbortSignal): ByteSource;
  /** Throws `FILE_CHANGED` when what was read is not what is there now. */
  assertUnchanged(): Promise<void>;
};

const MIB = 1_048_576;

function fileError(path: string, cause: unknown): MemoError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new MemoError("FILE_NOT_FOUND", `There is no file ${path}. Check the path.`, {
      details: { path },
      cause,
    });
  }
  return new MemoError(
    "FILE_UNREADABLE",
    `${path} cannot be read (${code}). Check that this user may read it.`,
    {
      details: { path, reason: code },
      cause,
    },
  );
}

/**
 * A file as a source.
 * @throws MemoError `FILE_NOT_FOUND`, `NOT_A_FILE`, `FILE_UNREADABLE`; later `FILE_CHANGED`
 */
export async function fileSource(path: string): Promise<Source> {
  const look = () =>
    stat(path, { bigint: true }).catch((cause: unknown) => {
      throw fileError(path, cause);
    });
  const before = await look();
  if (!before.isFile()) {
    throw new MemoError(
      "NOT_A_FILE",
      `${path} is not a file. Only files can be stored; pack a folder first.`,
      {
        details: { path },
      },
    );
  }
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  const size = Number(before.size);
  const changed = () =>
    new MemoError("FILE_CHANGED", `${path} changed while it was read. Nothing was stored; try again.`, {
      details: { path },
      retryable: true,
    });

  return {
    name: basename(path),
    size,
    async *open(signal) {
      let read = 0;
      try {
        const stream = createReadStream(path, {
          highWaterMark: MIB,
          ...(signal === undefined ? {} : { signal }),
        });
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          read += chunk.length;
          if (read > size) throw changed();
          yield chunk;
        }
      } catch (cause) {
        signal?.throwIfAborted();
        throw cause instanceof MemoError ? cause : fileError(path, cause);
      }
      if (read !== size) throw changed();
    },
    async assertUnchanged() {
      const after = await look();
      const same =
        after.size === before.size &&
        after.ino === before.ino &&
        after.dev === before.dev &&
        after.mtimeNs === before.mtimeNs;
      if (!same) throw changed();
    },
  };
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array, name?: string): Source {
  return {
    ...(name === undefined ? {} : { name }),
    size: bytes.length,
    *open() {
      for (let offset = 0; offset < bytes.length; offset += MIB) yield bytes.subarray(offset, offset + MIB);
    },
    async assertUnchanged() {},
  };
}
