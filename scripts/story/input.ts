import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";

/** The file as it is on disk. */
export interface InputFile {
  path: string;
  name: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** Reads a file once for its length and digest. */
export async function readInput(path: string): Promise<InputFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { path, name: basename(path), bytes, sha256: hash.digest("hex") };
}
