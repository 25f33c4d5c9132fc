import { readFile } from "node:fs/promises";
import { privateKeyToAccount } from "viem/accounts";
import { readDeployment } from "../../protocol/chain/deployment.ts";
import { MemoError } from "../../protocol/errors.ts";
import { readKeyFile } from "../../protocol/runtime/keyFile.ts";
import { createLogger } from "../../protocol/runtime/logger.ts";
import { type Client, createClient } from "../createClient.ts";
import type { ClientSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

/** What a verb works with. */
export type Session = {
  readonly client: Client;
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
};

/** Exit codes of `memo`. */
export const EXIT = { done: 0, failed: 1, incomplete: 2 } as const;

async function readPhrase(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new MemoError("RECOVERY_PHRASE_MISSING", `The recovery phrase file ${path} cannot be read.`, {
      details: { path },
      cause,
    });
  });
}

/** Makes the client that the settings describe. */
export async function openClient(settings: ClientSettings): Promise<Client> {
  const { rpcUrl, recoveryPhraseFile, dataDir, group, report, logLevel } = settings;
  const deployment = await readDeployment(settings.deployment, rpcUrl);
  const account = privateKeyToAccount(await readKeyFile(settings.keyFile));
  return createClient({
    rpcUrl,
    deployment,
    account,
    report,
    logger: createLogger({ name: "memo", level: logLevel }),
    ...(group === undefined ? {} : { group }),
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(recoveryPhraseFile === undefined ? {} : { recoveryPhrase: await readPhrase(recoveryPhraseFile) }),
  });
}
