import { existsSync } from "node:fs";
import { readDeploymentParameters } from "@nomicfoundation/hardhat-ignition/helpers";
import type { AbiParameter } from "viem";
import { z } from "zod";
import type { DeploymentChoice, GroupChoice } from "../../ignition/runModules.ts";
import { groupFactoryAbi } from "../../protocol/abi/generated/GroupFactory.ts";
import { groupParametersSchema, packThresholds } from "../../protocol/chain/parameters.ts";
import { MemoError } from "../../protocol/errors.ts";

const SECONDS_PER_HOUR = 3600;
const THRESHOLD_MAX = 0xffff;

/** Numbers and amounts are told apart from flags and from nothing: `null` and `true` would count as 0 and 1. */
const plain = z.union([z.number(), z.bigint(), z.string().min(1), z.boolean(), z.array(z.number())]);

const amount = z
  .union([z.bigint(), z.int(), z.string().regex(/^\d+$/, "expected a whole number")])
  .transform((value) => BigInt(value));

const thresholds = z
  .array(z.int().min(0).max(THRESHOLD_MAX))
  .min(1)
  .max(16)
  .transform((values) => packThresholds(values as [number, ...number[]]));

const groupFile = groupParametersSchema.omit({ token: true }).extend({
  treasury: groupParametersSchema.shape.treasury.optional(),
  genesis: z.union([z.literal("now"), z.int().min(0)]).optional(),
  repairThresholds: z.union([thresholds, groupParametersSchema.shape.repairThresholds]),
});

const parameterFile = z.object({
  Token: z.object({ supply: amount }).optional(),
  Factory: z
    .object({ blockTime: z.int().min(1), appealWindowMin: z.int().min(0), blobs: z.boolean() })
    .optional(),
  Group: groupFile,
});

/** A parameter file, checked field by field; whether the values fit together is the factory's to say. */
export type ParameterFile = z.output<typeof parameterFile>;

/** What a deployment was made with so far: nothing of it can be another when it goes on. */
export type FixedChoice = Partial<Omit<DeploymentChoice, "group">> & { readonly group?: GroupChoice };

/**
 * Reads a parameter file.
 * @throws PARAMETERS_MISSING, PARAMETERS_MALFORMED, PARAMETER_UNKNOWN, PARAMETER_MISSING, PARAMETER_INVALID,
 * PARAMETER_OUT_OF_RANGE
 */
export async function readParameters(path: string): Promise<ParameterFile> {
  const details = { path };
  if (!existsSync(path)) {
    throw new MemoError("PARAMETERS_MISSING", `There is no parameter file ${path}: check --parameters.`, {
      details,
    });
  }
  const json: unknown = await readDeploymentParameters(path).catch((cause: unknown) => {
    throw new MemoError("PARAMETERS_MALFORMED", `${path} is not JSON5.`, { details, cause });
  });
  return checkParameters(json);
}

/** @throws PARAMETERS_MALFORMED, PARAMETER_UNKNOWN, PARAMETER_MISSING, PARAMETER_INVALID, PARAMETER_OUT_OF_RANGE */
export function checkParameters(json: unknown): ParameterFile {
  const file = z.record(z.string(), z.record(z.string(), z.unknown())).safeParse(json).data;
  if (file === undefined) {
    throw new MemoError(
      "PARAMETERS_MALFORMED",
      "A parameter file has the sections Token, Factory and Group.",
    );
  }
  const shapes: Readonly<Record<string, object>> = {
    Token: { supply: 0 },
    Factory: { blockTime: 0, appealWindowMin: 0, blobs: 0 },
    Group: groupFile.shape,
  };
  for (const [section, values] of Object.entries(file)) {
    const shape = shapes[section];
    if (shape === undefined) throw unknown(section, Object.keys(shapes));
    for (const [name, value] of Object.entries(values)) {
      const known = Object.keys(shape);
      if (!known.includes(name)) throw unknown(`${section}.${name}`, known);
      const isFlag = name === "blobs" || name === "blobAnswers";
      if (!plain.safeParse(value).success || (typeof value === "boolean") !== isFlag) {
        throw wrong(
          `${section}.${name}`,
          isFlag ? "expected true or false" : "expected a number, an amount or an address",
        );
      }
    }
  }
  if (file.Group === undefined) throw missing("Group");
  const parsed = parameterFile.safeParse(file);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const path = issue.path.join(".");
    const [section, name] = issue.path as [string, string?];
    const isMissing = name !== undefined && file[section]?.[name] === undefined;
    throw isMissing ? missing(path) : wrong(path, issue.message);
  }
  checkWidths(parsed.data.Group);
  return parsed.data;
}

/** Each value in the width that the contract gives it. */
function checkWidths(group: ParameterFile["Group"]): void {
  for (const { name, type } of parameterTypes()) {
    const bits = /^uint(\d+)$/.exec(type)?.[1];
    const value = (group as Readonly<Record<string, unknown>>)[name];
    if (bits === undefined || (typeof value !== "number" && typeof value !== "bigint")) continue;
    const most = 2n ** BigInt(bits) - 1n;
    if (BigInt(value) > most) throw outOfRange(name, BigInt(value), 0n, most);
  }
}

function parameterTypes(): readonly { readonly name: string; readonly type: string }[] {
  const call = groupFactoryAbi.find((item) => item.type === "function" && item.name === "createGroup");
  const [struct] = (call as { readonly inputs: readonly AbiParameter[] }).inputs;
  return (struct as unknown as { readonly components: readonly { name: string; type: string }[] }).components;
}

/**
 * What is deployed: the file's values, with defaults for treasury and genesis, and as it was fixed where a deployment
 * goes on.
 * @throws PARAMETER_MISSING, PARAMETER_CHANGED
 */
export function resolveChoice(
  file: ParameterFile,
  at: { readonly deployer: GroupChoice["treasury"]; readonly chainTime: number; readonly fixed: FixedChoice },
): DeploymentChoice {
  const { deployer, chainTime, fixed } = at;
  const supply = settled("Token.supply", file.Token?.supply, fixed.supply);
  if (supply === undefined) throw missing("Token");
  const facts = settledAll("Factory", file.Factory, fixed.facts);
  if (facts === undefined) throw missing("Factory");
  const { treasury, genesis, ...values } = file.Group;
  if (fixed.group !== undefined) {
    const given = { ...values, treasury, genesis: genesis === "now" ? undefined : genesis };
    return { supply, facts, group: settledAll("Group", given, fixed.group)! };
  }
  const nextHour = (Math.floor(chainTime / SECONDS_PER_HOUR) + 1) * SECONDS_PER_HOUR;
  const start = genesis === "now" ? chainTime : (genesis ?? nextHour);
  return { supply, facts, group: { ...values, treasury: treasury ?? deployer, genesis: start } };
}

function settledAll<T extends object>(section: string, given: object | undefined, fixed: T | undefined) {
  if (fixed === undefined) return given as T | undefined;
  for (const [name, value] of Object.entries(given ?? {})) {
    settled(`${section}.${name}`, value, (fixed as Readonly<Record<string, unknown>>)[name]);
  }
  return fixed;
}

function settled<T>(name: string, given: T | undefined, fixed: T | undefined): T | undefined {
  if (given === undefined || fixed === undefined) return fixed ?? given;
  if (String(given).toLowerCase() === String(fixed).toLowerCase()) return fixed;
  throw new MemoError(
    "PARAMETER_CHANGED",
    `${name} is ${String(given)} in the file, but this deployment was made with ${String(fixed)}, which nobody can change. ` +
      "Give the file the old value, make another group with --group, or another deployment with --deployment-id and --out.",
    { details: { name, given, fixed } },
  );
}

const unknown = (name: string, known: readonly string[]) =>
  new MemoError("PARAMETER_UNKNOWN", `There is no parameter ${name}: choose of ${known.join(", ")}.`, {
    details: { name },
  });

const missing = (name: string) =>
  new MemoError(
    "PARAMETER_MISSING",
    `The parameter file does not say ${name}, which cannot be changed later.`,
    {
      details: { name },
    },
  );

const wrong = (name: string, why: string) =>
  new MemoError("PARAMETER_INVALID", `${name}: ${why}.`, { details: { name } });

/** A value outside the hard limits of the factory, or outside what its type can hold. */
export function outOfRange(name: string, value: bigint, min: bigint, max: bigint): MemoError {
  return new MemoError("PARAMETER_OUT_OF_RANGE", `${name} is ${value}: it has to be from ${min} to ${max}.`, {
    details: { name, value, min, max },
  });
}
