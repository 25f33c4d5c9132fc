import { z } from "zod";
import { defineSettings, type SettingValues } from "../../protocol/runtime/settings.ts";
import {
  booleanSetting,
  logLevelSetting,
  pathSetting,
  urlSetting,
} from "../../protocol/runtime/settingTypes.ts";

/** Settings of `memo`: flag, then environment, then default. */
export const clientSettings = defineSettings({
  rpcUrl: {
    env: "MEMO_RPC_URL",
    flag: "--rpc-url",
    description: "JSON-RPC of the chain",
    default: "http://127.0.0.1:8545",
    schema: urlSetting,
  },
  deployment: {
    env: "MEMO_DEPLOYMENT",
    flag: "--deployment",
    description: "deployment file: where the contracts are",
    schema: pathSetting,
  },
  group: {
    env: "MEMO_GROUP",
    flag: "--group",
    description: "settlement contract of the group, when the deployment has several",
    schema: z.string().optional(),
  },
  keyFile: {
    env: "MEMO_KEY_FILE",
    flag: "--key-file",
    description: "file with the private key of your wallet (mode 600)",
    schema: pathSetting,
  },
  recoveryPhraseFile: {
    env: "MEMO_RECOVERY_PHRASE_FILE",
    flag: "--recovery-phrase-file",
    description: "file with a recovery phrase that unlocks your keys too",
    schema: pathSetting.optional(),
  },
  dataDir: {
    env: "MEMO_DATA_DIR",
    flag: "--data-dir",
    description: "folder in which uploads are journalled; without it nothing is kept",
    schema: pathSetting.optional(),
  },
  report: {
    env: "MEMO_REPORT",
    flag: "--no-report",
    description: "tell keepers nothing about shards that could not be read",
    default: "true",
    schema: booleanSetting,
  },
  logLevel: {
    env: "MEMO_LOG_LEVEL",
    flag: "--log-level",
    description: "what is logged to standard error",
    default: "silent",
    schema: logLevelSetting,
  },
});

export type ClientSettings = SettingValues<typeof clientSettings>;
