import { z } from "zod";
import { defineSettings, loadSettings, type SettingValues } from "../protocol/runtime/settings.ts";
import { integerSetting, pathSetting, urlSetting } from "../protocol/runtime/settingTypes.ts";

/** Ponder refuses to poll faster than ten times a second. */
const LEAST_POLLING_MS = 100;
const MOST_POLLING_MS = 600_000;

/** Ponder has its own command line, so the environment is where these come from. */
export const INDEXER_SETTINGS = defineSettings({
  deploymentPath: {
    env: "MEMO_DEPLOYMENT",
    flag: "--deployment",
    description: "path of the deployment file",
    schema: pathSetting,
  },
  rpcUrl: {
    env: "MEMO_RPC_URL",
    flag: "--rpc-url",
    description: "JSON-RPC of the chain, over HTTP",
    schema: urlSetting,
  },
  pollingMs: {
    env: "MEMO_INDEXER_POLLING_MS",
    flag: "--polling-ms",
    description: "milliseconds between two questions for a new block",
    default: "1000",
    schema: integerSetting(LEAST_POLLING_MS, MOST_POLLING_MS),
  },
  pgliteDir: {
    env: "MEMO_INDEXER_DIR",
    flag: "--dir",
    description: "directory of PGlite, which is used without a database URL",
    schema: pathSetting.optional(),
  },
  databaseUrl: {
    env: "DATABASE_URL",
    flag: "--database-url",
    description: "PostgreSQL, e.g. postgres://user:password@host:5432/name",
    secret: true,
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\//, "must begin with postgres:// or postgresql://")
      .optional(),
  },
});

export type IndexerSettings = SettingValues<typeof INDEXER_SETTINGS>;

/** @throws MemoError `SETTING_INVALID` naming the variable. */
export function readIndexerSettings(env: Readonly<Record<string, string | undefined>>): IndexerSettings {
  return loadSettings({ definitions: INDEXER_SETTINGS, env }).values;
}
