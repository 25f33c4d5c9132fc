import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { MemoError } from "../errors.ts";
import { readKeyFile } from "./keyFile.ts";

/**
 * The account of a key file that a setting names.
 * @throws SETTING_INVALID when the setting was not given, and what `readKeyFile` throws
 */
export async function accountOfKeyFile(path: string | undefined, flag: string): Promise<PrivateKeyAccount> {
  if (path !== undefined) return privateKeyToAccount(await readKeyFile(path));
  throw new MemoError("SETTING_INVALID", `${flag} must be given: a file with a private key, mode 600.`, {
    details: { flag },
  });
}
