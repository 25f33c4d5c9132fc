import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Address, Hex } from "viem";

/** Where Ignition notes what it does, line by line, before and after it does it. */
const JOURNAL = "journal.jsonl";

/** One transaction of a deployment, as far as it came. */
export type JournalEntry = {
  readonly futureId: string;
  /** Of the transaction that counted, or of the last one that was sent. */
  readonly transaction?: Hex;
  /** Of the transaction, from before it is sent. */
  readonly nonce?: number;
  /** Prepared, but whether it was sent before the process ended nobody noted. */
  readonly lost: boolean;
  /** Reverted, or not seen in a block for too long. */
  readonly failed: boolean;
  /** Whether the transaction is done and the chain has what it was for. */
  readonly done: boolean;
  /** Of the contract, when it was a deployment. */
  readonly address?: Address;
};

type Message = {
  readonly type: string;
  readonly futureId?: string;
  readonly hash?: Hex;
  readonly nonce?: number;
  readonly transaction?: { readonly hash: Hex; readonly nonce?: number };
  readonly result?: { readonly type: string; readonly address?: Address };
};

/** What a journal says, by future; empty when there is none. */
export async function readJournal(folder: string): Promise<ReadonlyMap<string, JournalEntry>> {
  const text = await readFile(join(folder, JOURNAL), "utf8").catch(() => "");
  const entries = new Map<string, JournalEntry>();
  for (const line of text.split("\n")) {
    // The last line may be cut off where the process was killed.
    const message = parse(line);
    if (message?.futureId !== undefined) apply(entries, message, message.futureId);
  }
  return entries;
}

function apply(entries: Map<string, JournalEntry>, message: Message, futureId: string): void {
  const entry = entries.get(futureId) ?? { futureId, done: false, lost: false, failed: false };
  const { type, result, transaction, hash, nonce } = message;
  const set = (changes: Partial<JournalEntry>) => void entries.set(futureId, { ...entry, ...changes });
  if (type === "WIPE_APPLY") entries.delete(futureId);
  else if (/^(DEPLOYMENT|CALL)_EXECUTION_STATE_INITIALIZE$/.test(type)) set({});
  else if (type === "TRANSACTION_PREPARE_SEND" && nonce !== undefined) set({ nonce, lost: true });
  else if (type === "TRANSACTION_SEND" && transaction) set({ transaction: transaction.hash, lost: false });
  else if (type === "TRANSACTION_CONFIRM" && hash) set({ transaction: hash });
  else if (/^ONCHAIN_INTERACTION_(DROPPED|REPLACED_BY_USER)$/.test(type)) {
    // It will be sent anew with another nonce.
    entries.set(futureId, { futureId, done: false, lost: false, failed: false });
  } else if (type === "ONCHAIN_INTERACTION_TIMEOUT") set({ failed: true });
  else if (/^(DEPLOYMENT|CALL)_EXECUTION_STATE_COMPLETE$/.test(type) && result) {
    const done = result.type === "SUCCESS";
    set({ done, failed: !done, ...(result.address === undefined ? {} : { address: result.address }) });
  }
}

function parse(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined;
  }
}
