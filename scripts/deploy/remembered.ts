import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { groupModuleId } from "../../ignition/modules/Group.ts";
import type { JournalEntry } from "../../ignition/readJournal.ts";
import type { DeploymentChoice } from "../../ignition/runModules.ts";
import { groupParametersSchema } from "../../protocol/chain/parameters.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { FixedChoice } from "./parameters.ts";

/** Beside Ignition's journal: the parameters as they were resolved, of which the journal shows only the use. */
const FILE = "parameters.json";

const schema = z.strictObject({
  supply: z.coerce.bigint(),
  facts: z.strictObject({ blockTime: z.int(), appealWindowMin: z.int(), blobs: z.boolean() }),
  groups: z.record(z.string(), groupParametersSchema.omit({ token: true })),
});

/**
 * What a deployment that goes on cannot change any more: what transactions were sent for.
 * @throws DEPLOYMENT_FOLDER_INVALID
 */
export async function readFixedChoice(
  folder: string,
  groupName: string,
  journal: ReadonlyMap<string, JournalEntry>,
): Promise<FixedChoice> {
  const saved = await read(folder);
  if (saved === undefined) return {};
  const group = journal.has(`${groupModuleId(groupName)}#createGroup`) ? saved.groups[groupName] : undefined;
  return {
    ...(journal.has("Token#MemoToken") ? { supply: saved.supply } : {}),
    ...(journal.has("Factory#GroupFactory") ? { facts: saved.facts } : {}),
    ...(group === undefined ? {} : { group }),
  };
}

/** Notes what a group is deployed with, before anything is sent. */
export async function rememberChoice(
  folder: string,
  groupName: string,
  { supply, facts, group }: DeploymentChoice,
): Promise<void> {
  const groups = { ...(await read(folder))?.groups, [groupName]: group };
  const text = (_key: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `${FILE}.tmp`);
  await writeFile(temporary, `${JSON.stringify({ supply, facts, groups }, text, 2)}\n`);
  await rename(temporary, join(folder, FILE));
}

async function read(folder: string): Promise<z.output<typeof schema> | undefined> {
  const path = join(folder, FILE);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new MemoError(
      "DEPLOYMENT_FOLDER_INVALID",
      `${path} is damaged: restore it, or begin anew with --reset.`,
      {
        details: { path },
        cause,
      },
    );
  }
}
