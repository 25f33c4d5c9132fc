import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HardhatArtifactResolver } from "@nomicfoundation/hardhat-ignition/helpers";
import { trackTransaction, wipe } from "@nomicfoundation/ignition-core";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { EthereumProvider } from "hardhat/types/providers";
import type { Address, Hex } from "viem";
import { type JournalEntry, readJournal } from "../../ignition/readJournal.ts";
import { clientOf } from "../../ignition/runModules.ts";
import { MemoError } from "../../protocol/errors.ts";

/** Blocks back that are searched for a transaction of which only the nonce is known. */
const SEARCH_BLOCKS = 2000;

/**
 * Puts right what a killed or failed run left in the journal, so that Ignition goes on by itself: a transaction of
 * which nobody noted whether it was sent is found on the chain or given up, one that failed is sent anew.
 * @returns what was done, for people
 * @throws TRANSACTION_PENDING, TRANSACTION_LOST
 */
export async function mendJournal(options: {
  readonly hre: HardhatRuntimeEnvironment;
  readonly provider: EthereumProvider;
  readonly folder: string;
  readonly sender: Address;
}): Promise<readonly string[]> {
  const { hre, provider, folder, sender } = options;
  const client = clientOf(provider);
  const forget = (futureId: string) => wipe(folder, new HardhatArtifactResolver(hre.artifacts), futureId);
  await dropTornLine(join(folder, "journal.jsonl"));
  const notes: string[] = [];
  for (const { futureId, lost, failed, nonce, transaction } of (await readJournal(folder)).values()) {
    if (lost && nonce !== undefined) {
      const hash = await findTransaction(client, sender, nonce);
      if (hash === undefined) await forget(futureId);
      else await trackTransaction(folder, hash, provider);
      notes.push(hash === undefined ? `${futureId} had not been sent` : `${futureId} had been sent: ${hash}`);
    } else if (failed) {
      if (transaction !== undefined) await requireSettled(client, futureId, transaction);
      await forget(futureId);
      notes.push(`${futureId} failed and is sent anew`);
    }
  }
  return notes;
}

/** A process that was killed while it wrote leaves a line that nobody can read. */
async function dropTornLine(path: string): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "");
  const lines = text.split("\n");
  try {
    JSON.parse(lines.at(-1) || "{}");
  } catch {
    await writeFile(path, lines.slice(0, -1).join("\n"));
  }
}

type Client = ReturnType<typeof clientOf>;

/** Hash of the sender's transaction with this nonce; undefined when there is none. */
async function findTransaction(client: Client, sender: Address, nonce: number): Promise<Hex | undefined> {
  const sent = await client.getTransactionCount({ address: sender, blockTag: "pending" });
  if (sent <= nonce) return undefined;
  const latest = await client.getBlock({ includeTransactions: true });
  const pending = await client.getBlock({ blockTag: "pending", includeTransactions: true });
  const isIt = (each: { from: Address; nonce: number }) =>
    each.nonce === nonce && each.from.toLowerCase() === sender.toLowerCase();
  for (let block = latest, back = 0; ; back++) {
    const found = [...(back === 0 ? pending.transactions : []), ...block.transactions].find(isIt);
    if (found !== undefined) return found.hash;
    if (block.number === 0n || back >= SEARCH_BLOCKS) break;
    block = await client.getBlock({ blockNumber: block.number - 1n, includeTransactions: true });
  }
  throw new MemoError(
    "TRANSACTION_LOST",
    `The transaction of ${sender} with nonce ${nonce} belongs to this deployment, but the last ${SEARCH_BLOCKS} blocks do not have it. Wait until it is in a block and run the command again; if it never is, replace it in a wallet.`,
    { details: { sender, nonce }, retryable: true },
  );
}

/** A second transaction for the same must not join one that may still come. */
async function requireSettled(client: Client, futureId: JournalEntry["futureId"], hash: Hex): Promise<void> {
  const transaction = await client.getTransaction({ hash }).catch(() => undefined);
  if (transaction === undefined || transaction.blockNumber !== null) return;
  throw new MemoError(
    "TRANSACTION_PENDING",
    `${futureId} was sent as ${hash}, which is in no block yet. Wait for it, or replace it in a wallet, and run the command again.`,
    { details: { futureId, hash }, retryable: true },
  );
}
