import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { MemoError } from "../errors.ts";
import { addressText, groupParametersSchema } from "./parameters.ts";

const VERSION = 2;

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

const deploymentSchema = z.strictObject({
  version: z.literal(VERSION),
  chainId: z.int().min(1),
  factory: z.strictObject({ address: addressText, startBlock: z.int().min(0) }),
  token: addressText,
  groups: z.array(deployedGroup).min(1),
});

/** Where everything is on one chain; the one file that every part reads. */
export type Deployment = z.output<typeof deploymentSchema>;
export type DeployedGroup = z.output<typeof deployedGroup>;

/**
 * Reads and checks a deployment file.
 * @throws DEPLOYMENT_MISSING, DEPLOYMENT_INVALID, DEPLOYMENT_VERSION_NEWER, DEPLOYMENT_VERSION_OLD
 */
export async function readDeployment(path: string): Promise<Deployment> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new MemoError("DEPLOYMENT_MISSING", `The deployment file ${path} cannot be read. Check the path.`, {
      details: { path },
      cause,
    });
  });
  return parseDeployment(text);
}

/**
 * Checks the text of a deployment file.
 * @throws DEPLOYMENT_INVALID, DEPLOYMENT_VERSION_NEWER, DEPLOYMENT_VERSION_OLD
 */
export function parseDeployment(text: string): Deployment {
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
  const parsed = deploymentSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new MemoError(
    "DEPLOYMENT_INVALID",
    `The deployment file is not valid: ${z.prettifyError(parsed.error)}`,
  );
}

/** Text of a deployment file; money as decimal strings. */
export function formatDeployment(deployment: Deployment): string {
  const text = (_key: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);
  return `${JSON.stringify(deployment, text, 2)}\n`;
}

/** Writes a deployment file in one step, so that no reader sees half of it. */
export async function writeDeployment(path: string, deployment: Deployment): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, formatDeployment(deployment));
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
