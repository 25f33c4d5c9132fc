import { readFileSync } from "node:fs";
import type { z } from "zod";
import { MemoError } from "../errors.ts";

/** One setting: where it may come from and what it may be. */
export type SettingDefinition<Schema extends z.ZodType = z.ZodType> = {
  /** Environment variable, e.g. `PROVIDER_PORT`. For secrets `<env>_FILE` names a file to read instead. */
  readonly env: string;
  /** Command-line flag, e.g. `--port`. */
  readonly flag: string;
  readonly description: string;
  /** As it would be typed; absent means that the setting must be given unless the schema is optional. */
  readonly default?: string;
  /** Parses what was typed (a string) or what the configuration file holds. */
  readonly schema: Schema;
  /** Never printed, and may be given through a file. */
  readonly secret?: boolean;
};

export type SettingDefinitions = Readonly<Record<string, SettingDefinition>>;

/** The values of a table of settings. */
export type SettingValues<Definitions extends SettingDefinitions> = {
  readonly [Key in keyof Definitions]: z.output<Definitions[Key]["schema"]>;
};

export type SettingSource = "flag" | "env" | "file" | "default" | "none";

export type Settings<Definitions extends SettingDefinitions> = {
  readonly values: SettingValues<Definitions>;
  readonly sources: { readonly [Key in keyof Definitions]: SettingSource };
  /** For printing: every value with its source, secrets redacted. */
  describe(): { key: string; value: string; source: SettingSource; flag: string; env: string }[];
};

/** Keeps the literal type of a table of settings. */
export function defineSettings<const Definitions extends SettingDefinitions>(
  definitions: Definitions,
): Definitions {
  return definitions;
}

type LoadOptions<Definitions extends SettingDefinitions> = {
  definitions: Definitions;
  env?: Readonly<Record<string, string | undefined>>;
  /** By setting key or by flag name, as commander's `opts()` gives them; `undefined` counts as not given. */
  flags?: Readonly<Record<string, unknown>>;
  /** Parsed configuration file, by setting key. */
  file?: Readonly<Record<string, unknown>>;
  /** Environment variables with this prefix must all be known, e.g. `PROVIDER_`. */
  envPrefix?: string;
  readTextFile?: (path: string) => string;
};

/**
 * Loads settings: flag before environment before file before default.
 * @throws SETTING_INVALID (details: key, flag, env, source) when a value is missing or not allowed
 * @throws SETTING_UNKNOWN when a flag, variable or file key belongs to no setting
 */
export function loadSettings<const Definitions extends SettingDefinitions>(
  options: LoadOptions<Definitions>,
): Settings<Definitions> {
  const { definitions, env = {}, file = {} } = options;
  const flags = flagsByKey(definitions, options.flags ?? {});
  refuseUnknown(definitions, file, env, options.envPrefix);
  const values: Record<string, unknown> = {};
  const sources: Record<string, SettingSource> = {};
  for (const [key, definition] of Object.entries(definitions)) {
    const { source, raw } = pick(key, definition, { flags, env, file, readTextFile: options.readTextFile });
    const parsed = definition.schema.safeParse(raw);
    if (!parsed.success) throw invalid(key, definition, source, raw, parsed.error);
    values[key] = parsed.data;
    sources[key] = source;
  }
  return {
    values: values as SettingValues<Definitions>,
    sources: sources as Settings<Definitions>["sources"],
    describe: () =>
      Object.entries(definitions).map(([key, { flag, env, secret }]) => ({
        key,
        value: secret && values[key] !== undefined ? "[redacted]" : String(values[key] ?? ""),
        source: sources[key] ?? "none",
        flag,
        env,
      })),
  };
}

type Origins = {
  flags: ReadonlyMap<string, unknown>;
  env: Readonly<Record<string, string | undefined>>;
  file: Readonly<Record<string, unknown>>;
  readTextFile: ((path: string) => string) | undefined;
};

function pick(key: string, definition: SettingDefinition, origins: Origins) {
  const flag = origins.flags.get(key);
  if (flag !== undefined) return { source: "flag" as const, raw: flag };
  const fromEnv = origins.env[definition.env];
  const path = definition.secret ? origins.env[`${definition.env}_FILE`] : undefined;
  if (fromEnv !== undefined && path !== undefined) {
    throw new MemoError("SETTING_INVALID", `Give ${definition.env} or ${definition.env}_FILE, not both.`, {
      details: { key, flag: definition.flag, env: definition.env, source: "env" },
    });
  }
  if (path !== undefined) return { source: "env" as const, raw: readSecret(key, definition, path, origins) };
  // An empty variable is how shells and unit files say "not set".
  if (fromEnv !== undefined && fromEnv !== "") return { source: "env" as const, raw: fromEnv };
  if (origins.file[key] !== undefined) return { source: "file" as const, raw: origins.file[key] };
  if (definition.default !== undefined) return { source: "default" as const, raw: definition.default };
  return { source: "none" as const, raw: undefined };
}

function readSecret(key: string, definition: SettingDefinition, path: string, origins: Origins): string {
  try {
    return (origins.readTextFile ?? ((name) => readFileSync(name, "utf8")))(path).trim();
  } catch (cause) {
    throw new MemoError(
      "SETTING_INVALID",
      `The file that ${definition.env}_FILE names cannot be read. Check that it exists and may be read.`,
      { details: { key, flag: definition.flag, env: `${definition.env}_FILE`, path }, cause },
    );
  }
}

function invalid(
  key: string,
  definition: SettingDefinition,
  source: SettingSource,
  raw: unknown,
  error: z.ZodError,
): MemoError {
  const where = `${definition.flag} (environment: ${definition.env}${definition.secret ? ` or ${definition.env}_FILE` : ""})`;
  const details = { key, flag: definition.flag, env: definition.env, source };
  if (raw === undefined) {
    return new MemoError("SETTING_INVALID", `${where} must be given: ${definition.description}.`, {
      details,
    });
  }
  const allowed = error.issues.map((issue) => issue.message).join("; ");
  const shown = definition.secret ? "The value" : `"${String(raw)}"`;
  return new MemoError(
    "SETTING_INVALID",
    `${shown} (from ${source}) is not allowed for ${where}: ${allowed}. It sets: ${definition.description}.`,
    { details },
  );
}

function flagsByKey(definitions: SettingDefinitions, flags: Readonly<Record<string, unknown>>) {
  const keys = new Map<string, string>();
  for (const [key, definition] of Object.entries(definitions)) {
    keys.set(key, key).set(camelCase(definition.flag), key);
  }
  const result = new Map<string, unknown>();
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const key = keys.get(name) ?? keys.get(camelCase(name));
    if (key === undefined) {
      throw unknownSetting(
        `flag ${name}`,
        Object.values(definitions).map((definition) => definition.flag),
      );
    }
    result.set(key, value);
  }
  return result;
}

function refuseUnknown(
  definitions: SettingDefinitions,
  file: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  envPrefix: string | undefined,
) {
  for (const key of Object.keys(file)) {
    if (!Object.hasOwn(definitions, key)) {
      throw unknownSetting(`"${key}" in the configuration file`, Object.keys(definitions));
    }
  }
  if (envPrefix === undefined) return;
  const variables = Object.values(definitions).flatMap(({ env: name, secret }) =>
    secret ? [name, `${name}_FILE`] : [name],
  );
  for (const name of Object.keys(env)) {
    if (name.startsWith(envPrefix) && !variables.includes(name)) {
      throw unknownSetting(`environment variable ${name}`, variables);
    }
  }
}

function unknownSetting(what: string, known: readonly string[]): MemoError {
  return new MemoError("SETTING_UNKNOWN", `There is no setting for ${what}. Known: ${known.join(", ")}.`, {
    details: { what, known },
  });
}

/** `--data-dir` → `dataDir`, as commander names it. */
function camelCase(flag: string): string {
  return flag
    .replace(/^--(no-)?/, "")
    .replace(/-([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
}
