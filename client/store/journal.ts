import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "viem";
import { z } from "zod";
import { MemoError } from "../../protocol/errors.ts";

const JOURNAL_VERSION = 1;
const hex = z.custom<Hex>((value) => typeof value === "string" && /^0x[0-9a-f]+$/i.test(value));

const entrySchema = z.strictObject({
  v: z.literal(JOURNAL_VERSION),
  uploadId: hex,
  name: z.string(),
  /** `sending`: nothing is on chain. `opening`: the order's transaction may or may not have got there. */
  step: z.enum(["sending", "opening"]),
  orderId: hex.optional(),
  /** Chain time (seconds) after which the order cannot be opened any more. */
  openBy: z.int(),
});

export type JournalEntry = z.infer<typeof entrySchema>;

/** What uploads are under way, on disk, so that a crash leaves no doubt about what was opened. */
export type UploadJournal = {
  /** Durable when it resolves. */
  write(entry: Omit<JournalEntry, "v">): Promise<void>;
  remove(uploadId: Hex): Promise<void>;
  list(): Promise<JournalEntry[]>;
};

/** A journal that forgets, for clients without a directory: what was opened is on chain anyway. */
export function createNoJournal(): UploadJournal {
  return { write: async () => {}, remove: async () => {}, list: async () => [] };
}

/** A journal with one file per upload. @throws JOURNAL_INVALID when a file in it is not readable as an entry */
export function createUploadJournal(directory: string): UploadJournal {
  const path = (uploadId: Hex) => join(directory, `${uploadId.slice(2)}.json`);
  return {
    async write(entry) {
      await mkdir(directory, { recursive: true });
      const temporary = `${path(entry.uploadId)}.tmp`;
      const file = await open(temporary, "w", 0o600);
      try {
        await file.writeFile(JSON.stringify({ v: JOURNAL_VERSION, ...entry }));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path(entry.uploadId));
    },
    remove: (uploadId) => rm(path(uploadId), { force: true }),
    async list() {
      const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw error;
      });
      const entries: JournalEntry[] = [];
      for (const name of names.filter((file) => file.endsWith(".json"))) {
        entries.push(parseEntry(await readFile(join(directory, name), "utf8"), name));
      }
      return entries;
    },
  };
}

function parseEntry(text: string, name: string): JournalEntry {
  try {
    return entrySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new MemoError(
      "JOURNAL_INVALID",
      `The upload journal has an unreadable file ${name}. Move it away.`,
      {
        details: { name },
        cause,
      },
    );
  }
}
