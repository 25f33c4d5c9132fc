import { copyFile, rename } from "node:fs/promises";
import type { Address, PublicClient } from "viem";
import type { JournalEntry } from "../../ignition/readJournal.ts";
import {
  type Deployment,
  type Deployments,
  readDeployments,
  writeDeployments,
} from "../../protocol/chain/deployment.ts";
import { MemoError } from "../../protocol/errors.ts";

const NOTHING: Deployments = { version: 3, chains: {} };

/** The deployment file as it is; without one, an empty one. */
export async function readKnown(path: string): Promise<Deployments> {
  return readDeployments(path).catch((error: unknown) => {
    if (error instanceof MemoError && error.code === "DEPLOYMENT_MISSING") return NOTHING;
    throw error;
  });
}

/**
 * A deployment joins what is known: no chain and no group is ever lost.
 * @throws DEPLOYMENT_OTHER_FACTORY
 */
export function mergeDeployment(known: Deployments, { chainId, ...added }: Deployment): Deployments {
  const present = known.chains[chainId];
  if (present === undefined) return { ...known, chains: { ...known.chains, [chainId]: added } };
  requireSameFactory(present.factory.address, added.factory.address, chainId);
  const groups = new Map(
    [...present.groups, ...added.groups].map((group) => [group.settlement.toLowerCase(), group]),
  );
  const merged = { ...present, groups: [...groups.values()].sort((a, b) => a.groupId - b.groupId) };
  return { ...known, chains: { ...known.chains, [chainId]: merged } };
}

/**
 * What is known of a chain must be there, and of this journal, before anything is spent.
 * @throws DEPLOYMENT_STALE, DEPLOYMENT_OTHER_FACTORY
 */
export async function requireKnown(options: {
  readonly client: PublicClient;
  readonly chainId: number;
  readonly known: Deployments;
  readonly journal: ReadonlyMap<string, JournalEntry>;
}): Promise<void> {
  const { client, chainId, known, journal } = options;
  const present = known.chains[chainId]?.factory.address;
  const made = [...journal.values()].flatMap((entry) => (entry.address === undefined ? [] : [entry.address]));
  for (const address of [...(present === undefined ? [] : [present]), ...made]) {
    if ((await client.getCode({ address })) !== undefined) continue;
    throw new MemoError(
      "DEPLOYMENT_STALE",
      `There is nothing at ${address}, where the last deployment to chain ${chainId} was: the chain has begun anew, or this is another one with its id. --reset begins anew too and keeps what was known aside.`,
      { details: { chainId, address } },
    );
  }
  if (present === undefined) return;
  requireSameFactory(present, journal.get("Factory#GroupFactory")?.address, chainId);
}

function requireSameFactory(present: Address, other: Address | undefined, chainId: number): void {
  if (present.toLowerCase() === other?.toLowerCase()) return;
  const made = other === undefined ? "this journal made none yet" : `this journal made ${other}`;
  throw new MemoError(
    "DEPLOYMENT_OTHER_FACTORY",
    `The deployment file has the factory ${present} on chain ${chainId}, ${made}. Give another file with --out, or the journal of that factory with --deployment-id.`,
    { details: { chainId, present, other } },
  );
}

/** Sets journal and chain aside: the folder and the file keep their content under other names. */
export async function setAside(options: {
  readonly folder: string;
  readonly out: string;
  readonly known: Deployments;
  readonly chainId: number;
  readonly suffix: string;
}): Promise<Deployments> {
  const { folder, out, known, chainId, suffix } = options;
  await rename(folder, `${folder}-${suffix}`).catch(ignoreMissing);
  if (known.chains[chainId] === undefined) return known;
  await copyFile(out, `${out}.${suffix}`);
  const { [String(chainId)]: _, ...chains } = known.chains;
  const rest: Deployments = { ...known, chains };
  await writeDeployments(out, rest);
  return rest;
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
