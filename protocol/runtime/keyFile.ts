import { open } from "node:fs/promises";
import { type Hex, isHex } from "viem";
import { privateKeyToAddress } from "viem/accounts";
import { MemoError } from "../errors.ts";

/**
 * Reads a private key (32 bytes as hex, `0x` optional) from a file that only its owner may read.
 * @throws KEY_FILE_MISSING, KEY_FILE_MODE (readable by others), KEY_FILE_INVALID
 */
export async function readKeyFile(path: string): Promise<Hex> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw new MemoError(
      "KEY_FILE_MISSING",
      `The key file ${path} cannot be opened. Check the path and that this user may read it.`,
      { details: { path }, cause },
    );
  });
  try {
    // Mode and content come from one descriptor, so nobody can swap the file in between.
    const { mode } = await file.stat();
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new MemoError(
        "KEY_FILE_MODE",
        `The key file ${path} may be read by other users. Run: chmod 600 ${path}`,
        { details: { path, mode: (mode & 0o777).toString(8) } },
      );
    }
    return parseKey((await file.readFile("utf8")).trim(), path);
  } finally {
    await file.close();
  }
}

/**
 * Writes a new private key file with mode 600 and durable content.
 * @throws KEY_FILE_EXISTS rather than overwrite a key, KEY_FILE_INVALID
 */
export async function writeKeyFile(path: string, key: Hex): Promise<void> {
  parseKey(key, path);
  const file = await open(path, "wx", 0o600).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new MemoError("KEY_FILE_EXISTS", `${path} exists already. Move it away if it is not needed.`, {
      details: { path },
      cause,
    });
  });
  try {
    await file.writeFile(`${key}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

function parseKey(text: string, path: string): Hex {
  const key = (text.startsWith("0x") ? text : `0x${text}`) as Hex;
  try {
    if (!isHex(key) || key.length !== 66) throw new RangeError("length");
    privateKeyToAddress(key);
    return key;
  } catch {
    // The cause is left out on purpose: it may quote the key.
    throw new MemoError(
      "KEY_FILE_INVALID",
      `${path} does not hold a private key. It must hold 64 hexadecimal digits of a secp256k1 key.`,
      { details: { path } },
    );
  }
}
