import { readFile, rename, writeFile } from "node:fs/promises";
import { createPublicClient, http } from "viem";
import { z } from "zod";
import { MemoError } from "../errors.ts";
import { addressText, groupParametersSchema } from "./parameters.ts";

const VERSION = 3;

const deployedGroup = z.strictObject({
  groupId: z.int().min(0),
  staking: addressText,
  orders: addressText,
  settlement: addressText,
  disputes: addressText,
  repairs: addressText,
  allowances: addressText,
  /** Block of the group's creation. */
  startBlock: z.int().min(0),
  parameters: groupParametersSchema,
});

/** A contract that is there once, and the block from which it logs. */
const deployedContract = z.strictObject({ address: addressText, startBlock: z.int().min(0) });

const deployedChain = z.strictObject({
  factory: deployedContract,
  storeRegistry: deployedContract,
  token: addressText,
  groups: z.array(deployedGroup).min(1),
});

const deploymentsSchema = z.strictObject({
  version: z.literal(VERSION),
  /** By chain id in decimal. */
  chains: z.record(z.string().regex(/^[1-9][0-9]*$/, "expected a chain id"), deployedChain),
});

/** The one file that every part reads: where everything is, chain by chain. */
export type Deployments = z.output<typeof deploymentsSchema>;
/** Where everything is on one chain. */
export type Deployment = z.output<typeof deployedChain> & { readonly chainId: number };
export type DeployedGroup = z.output<typeof deployedGroup>;

/**
 * Reads a deployment file and gives the part about one chain: the only one in it, else the one that `rpcUrl` leads
 * to. A file with one chain is read without asking anybody.
 * @throws DEPLOYMENT_MISSING, DEPLOYMENT_INVALID, DEPLOYMENT_VERSION_NEWER, DEPLOYMENT_VERSION_OLD,
 * DEPLOYMENT_CHAIN_UNKNOWN, and what asking for the chain id throws
 */
export async function readDeployment(path: string, rpcUrl?: string): Promise<Deployment> {
  const deployments = await readDeployments(path);
  const isAmbiguous = Object.keys(deployments.chains).length > 1;
  if (!isAmbiguous || rpcUrl === undefined) return deploymentOf(deployments);
  return deploymentOf(deployments, await createPublicClient({ transport: http(rpcUrl) }).getChainId());
}

/**
 * Reads and checks a whole deployment file.
 * @throws DEPLOYMENT_MISSING, DEPLOYMENT_INVALID, DEPLOYMENT_VERSION_NEWER, DEPLOYMENT_VERSION_OLD
 */
export async function readDeployments(path: string): Promise<Deployments> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new MemoError("DEPLOYMENT_MISSING", `The deployment file ${path} cannot be read. Check the path.`, {
      details: { path },
      cause,
    });
  });
  return parseDeployments(text);
}

/**
 * Checks the text of a deployment file.
 * @throws DEPLOYMENT_INVALID, DEPLOYMENT_VERSION_NEWER, DEPLOYMENT_VERSION_OLD
 */
export function parseDeployments(text: string): Deployments {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new MemoError("DEPLOYMENT_INVALID", "The deployment file is not JSON.", { cause });
  }
  const version = z.object({ version: z.number() }).safeParse(json).data?.version ?? VERSION;
  if (version > VERSION) {
    throw new MemoError(
      "DEPLOYMENT_VERSION_NEWER",
      `The deployment file has version ${version}, this program reads up to ${VERSION}. Use a newer program.`,
      { details: { version } },
    );
  }
  if (version < VERSION) {
    throw new MemoError(
      "DEPLOYMENT_VERSION_OLD",
      `The deployment file has version ${version}, this program reads version ${VERSION}: its contracts are others. Use the program that the group was deployed with, or deploy a group anew.`,
      { details: { version } },
    );
  }
  const parsed = deploymentsSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new MemoError(
    "DEPLOYMENT_INVALID",
    `The deployment file is not valid: ${z.prettifyError(parsed.error)}`,
  );
}

/**
 * What is on the chain of this id, or on the only chain of the file when none is given.
 * @throws DEPLOYMENT_CHAIN_UNKNOWN
 */
export function deploymentOf(deployments: Deployments, chainId?: number): Deployment {
  const ids = Object.keys(deployments.chains);
  const id = chainId ?? (ids.length === 1 ? Number(ids[0]) : undefined);
  const chain = id === undefined ? undefined : deployments.chains[id];
  if (id !== undefined && chain !== undefined) return { chainId: id, ...chain };
  const wanted = id === undefined ? "several chains" : `nothing for the chain ${id}`;
  const known = ids.length === 0 ? "none" : ids.join(", ");
  throw new MemoError(
    "DEPLOYMENT_CHAIN_UNKNOWN",
    `The deployment file has ${wanted}; it knows: ${known}. Use the JSON-RPC of one of them, or deploy with npm run deploy.`,
    { details: { chainId: id, known } },
  );
}

/** Text of a deployment file; money as decimal strings. */
export function formatDeployments(deployments: Deployments): string {
  const text = (_key: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);
  return `${JSON.stringify(deployments, text, 2)}\n`;
}

/** Text of a deployment file with one chain. */
export function formatDeployment(deployment: Deployment): string {
  const { chainId, ...chain } = deployment;
  return formatDeployments({ version: VERSION, chains: { [chainId]: chain } });
}

/** Writes a deployment file with one chain. */
export async function writeDeployment(path: string, deployment: Deployment): Promise<void> {
  await replaceFile(path, formatDeployment(deployment));
}

/** Writes a whole deployment file. */
export async function writeDeployments(path: string, deployments: Deployments): Promise<void> {
  await replaceFile(path, formatDeployments(deployments));
}

/** In one step, so that no reader sees half of it. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

/**
 * The group whose `ChallengeSettlement` this is, or the only one when none is named.
 * @throws GROUP_UNKNOWN
 */
export function findGroup(deployment: Deployment, settlement?: string): DeployedGroup {
  const wanted = settlement?.toLowerCase();
  const group = deployment.groups.find((candidate) => candidate.settlement.toLowerCase() === wanted);
  if (group !== undefined) return group;
  if (wanted === undefined && deployment.groups.length === 1) return deployment.groups[0]!;
  const known = deployment.groups.map((candidate) => candidate.settlement).join(", ");
  throw new MemoError("GROUP_UNKNOWN", `Name one of the groups of this deployment: ${known}.`, {
    details: { settlement },
  });
}
