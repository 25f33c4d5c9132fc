import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

export interface Comparison {
  bytes: number;
  /** Hex. */
  sha256: string;
  /** Whether every byte, and the number of them, is as in the file. */
  match: boolean;
}

/**
 * Compares a stream with the bytes [from, to) of a file, one chunk at a time, so that size does not matter.
 * @param onBytes told how many bytes have been compared
 */
export async function compareWithFile(
  stream: AsyncIterable<Uint8Array>,
  path: string,
  range: { from: number; to: number },
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Comparison> {
  const file = await open(path, "r");
  const hash = createHash("sha256");
  let bytes = 0;
  let match = true;
  try {
    for await (const chunk of stream) {
      hash.update(chunk);
      const wanted = Buffer.alloc(chunk.length);
      const { bytesRead } = await file.read(wanted, 0, chunk.length, range.from + bytes);
      match &&= bytesRead === chunk.length && wanted.equals(chunk);
      bytes += chunk.length;
      onBytes(bytes);
    }
  } finally {
    await file.close();
  }
  match &&= bytes === range.to - range.from;
  return { bytes, sha256: hash.digest("hex"), match };
}
