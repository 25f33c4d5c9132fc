import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { MemoError } from "../../../protocol/errors.ts";
import { defineSettings, loadSettings } from "../../../protocol/runtime/settings.ts";
import {
  booleanSetting,
  bytesSetting,
  integerSetting,
  logLevelSetting,
  portSetting,
  urlSetting,
} from "../../../protocol/runtime/settingTypes.ts";

const definitions = defineSettings({
  dataDir: {
    env: "NODE_DATA_DIR",
    flag: "--data-dir",
    description: "directory of all state",
    schema: z.string(),
  },
  port: {
    env: "NODE_PORT",
    flag: "--port",
    description: "port of the status server",
    default: "3000",
    schema: portSetting,
  },
  key: {
    env: "NODE_KEY",
    flag: "--key",
    description: "operator key",
    schema: z
      .string()
      .regex(/^0x[0-9a-f]{4}$/, "expected 4 hexadecimal digits")
      .optional(),
    secret: true,
  },
});

function failure(run: () => unknown): MemoError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof MemoError);
    return error;
  }
  return assert.fail("it did not throw");
}

describe("loadSettings", () => {
  it("prefers flag to environment to file to default", () => {
    const file = { dataDir: "from-file", port: 1 };
    const env = { NODE_PORT: "2", NODE_DATA_DIR: "from-env" };
    const base = loadSettings({ definitions, file: { dataDir: "x" } });
    assert.deepEqual([base.values.port, base.sources.port], [3000, "default"]);
    const withFile = loadSettings({ definitions, file });
    assert.deepEqual([withFile.values.port, withFile.sources.port], [1, "file"]);
    const withEnv = loadSettings({ definitions, file, env });
    assert.deepEqual([withEnv.values.port, withEnv.sources.port], [2, "env"]);
    const all = loadSettings({ definitions, file, env, flags: { port: "4", dataDir: undefined } });
    assert.deepEqual([all.values.port, all.sources.port], [4, "flag"]);
    assert.deepEqual([all.values.dataDir, all.sources.dataDir], ["from-env", "env"]);
  });

  it("names flag, variable and what is allowed when a value is not", () => {
    const error = failure(() =>
      loadSettings({ definitions, env: { NODE_PORT: "70000", NODE_DATA_DIR: "d" } }),
    );
    assert.equal(error.code, "SETTING_INVALID");
    assert.match(error.message, /"70000" \(from env\).*--port.*NODE_PORT.*a whole number from 0 to 65535/);
    assert.deepEqual(error.details, { key: "port", flag: "--port", env: "NODE_PORT", source: "env" });
  });

  it("says what is missing and treats an empty variable as not set", () => {
    const error = failure(() => loadSettings({ definitions, env: { NODE_DATA_DIR: "" } }));
    assert.equal(error.code, "SETTING_INVALID");
    assert.match(error.message, /--data-dir.*NODE_DATA_DIR.*must be given: directory of all state/);
  });

  it("refuses flags, file keys and prefixed variables that belong to no setting", () => {
    for (const options of [
      { flags: { prt: "1" } },
      { file: { prt: 1 } },
      { env: { NODE_PRT: "1" }, envPrefix: "NODE_" },
    ]) {
      const error = failure(() => loadSettings({ definitions, ...options }));
      assert.equal(error.code, "SETTING_UNKNOWN");
      assert.match(error.message, /prt/i);
      assert.match(error.message, /Known: .*port/i);
    }
    loadSettings({
      definitions,
      env: { OTHER: "1", NODE_DATA_DIR: "d", NODE_KEY_FILE: "f" },
      envPrefix: "NODE_",
      readTextFile: () => "0x1234",
    });
  });

  it("reads a secret from the file that its _FILE variable names, but not when both are given", () => {
    const env = { NODE_DATA_DIR: "d", NODE_KEY_FILE: "/secret" };
    const settings = loadSettings({
      definitions,
      env,
      readTextFile: (path) => (path === "/secret" ? "0xabcd\n" : assert.fail()),
    });
    assert.equal(settings.values.key, "0xabcd");
    const both = failure(() => loadSettings({ definitions, env: { ...env, NODE_KEY: "0x1234" } }));
    assert.equal(both.code, "SETTING_INVALID");
    const unreadable = failure(() =>
      loadSettings({
        definitions,
        env,
        readTextFile: () => {
          throw new Error("ENOENT");
        },
      }),
    );
    assert.equal(unreadable.code, "SETTING_INVALID");
    assert.match(unreadable.message, /NODE_KEY_FILE/);
  });

  it("never shows a secret, neither when it prints nor when it refuses", () => {
    const settings = loadSettings({ definitions, flags: { "--key": "0xbeef", dataDir: "d" } });
    assert.equal(settings.values.key, "0xbeef");
    assert.ok(!JSON.stringify(settings.describe()).includes("beef"));
    assert.equal(settings.describe().find((entry) => entry.key === "key")?.value, "[redacted]");
    const error = failure(() => loadSettings({ definitions, flags: { key: "hunter2", dataDir: "d" } }));
    assert.ok(!`${error.message}${JSON.stringify(error.details)}`.includes("hunter2"));
  });
});

describe("types of settings", () => {
  it("take what people type and nothing else", () => {
    const cases: [z.ZodType, unknown, unknown][] = [
      [integerSetting(1, 9), "7", 7],
      [integerSetting(1, 9), 7, 7],
      [integerSetting(1, 9), "7.5", undefined],
      [integerSetting(1, 9), "", undefined],
      [integerSetting(1, 9), "10", undefined],
      [bytesSetting, "20 GiB", 20 * 1024 ** 3],
      [bytesSetting, "1048576", 1048576],
      [bytesSetting, "20 GB", undefined],
      [booleanSetting, "true", true],
      [booleanSetting, "0", false],
      [booleanSetting, "yes", undefined],
      [urlSetting, "http://127.0.0.1:8545", "http://127.0.0.1:8545"],
      [urlSetting, "file:///etc/passwd", undefined],
      [logLevelSetting, "loud", undefined],
    ];
    for (const [schema, typed, expected] of cases) {
      assert.deepEqual(schema.safeParse(typed).data, expected, `${String(typed)}`);
    }
  });
});
