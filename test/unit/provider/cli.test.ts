import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runCli } from "../../../provider/cli.ts";
import { encodeDomain } from "../../../provider/register.ts";
import { makeDirectory } from "./support.ts";

async function run(args: readonly string[], env: Record<string, string> = {}) {
  let out = "";
  let err = "";
  const code = await runCli(args, {
    env,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

describe("memo-provider", () => {
  it("prints help with examples and exit codes", async () => {
    const { code, out } = await run(["--help"]);
    assert.equal(code, 0);
    for (const word of [
      "start",
      "register",
      "exit",
      "stay",
      "status",
      "config",
      "Examples:",
      "Exit codes:",
    ]) {
      assert.ok(out.includes(word), word);
    }
  });

  it("prints settings with their sources: flag before environment before file, and no secret", async (t) => {
    const file = join(makeDirectory(t), "config.json");
    writeFileSync(file, JSON.stringify({ capacity: "3 GiB", httpPort: 1, pollMs: 77 }));
    const secret = `0x${"5e".repeat(32)}`;
    const env = { PROVIDER_CAPACITY: "2 GiB", PROVIDER_HTTP_PORT: "2", PROVIDER_PEER_SEED: secret };
    const { code, out } = await run(["config", "print", "--config", file, "--http-port", "3"], env);
    assert.equal(code, 0);
    assert.match(out, /--http-port = 3 \(flag\)/);
    assert.match(out, /--capacity = 2147483648 \(env\)/);
    assert.match(out, /--poll-ms = 77 \(file\)/);
    assert.match(out, /--listen = \/ip4\/127\.0\.0\.1\/tcp\/4701 \(default\)/);
    assert.match(out, /--peer-seed = \[redacted\] \(env\)/);
    assert.ok(!out.includes(secret));
  });

  it("says in one line what is wrong with a setting, a file or the command", async (t) => {
    const directory = makeDirectory(t);
    const list = join(directory, "list.json");
    writeFileSync(list, "[]");
    const open = join(directory, "open.key");
    writeFileSync(open, `0x${"11".repeat(32)}`, { mode: 0o644 });
    const deployment = ["--deployment", join(directory, "none.json")];
    const cases: [string[], string][] = [
      [["config", "print", "--http-port", "70000"], "SETTING_INVALID"],
      [["config", "print", "--capacity", "much"], "SETTING_INVALID"],
      [["config", "print", "--read-burst", "1 KiB"], "SETTING_INVALID"],
      [["config", "print", "--domain", "x".repeat(33)], "SETTING_INVALID"],
      [["config", "print", "--config", list], "CONFIG_INVALID"],
      [["start", ...deployment], "DEPLOYMENT_MISSING"],
      [["register", ...deployment], "DEPLOYMENT_MISSING"],
      [["exit", ...deployment], "DEPLOYMENT_MISSING"],
      [["stay", ...deployment], "DEPLOYMENT_MISSING"],
      [["config", "print", "--heal", "maybe"], "SETTING_INVALID"],
      [["status", "--http-port", "1"], "NOT_RUNNING"],
      [["begin"], "unknown command"],
      [["start", "--nonsense"], "unknown option"],
    ];
    for (const [args, expected] of cases) {
      const { code, err } = await run(args);
      assert.equal(code, 1, args.join(" "));
      assert.ok(err.includes(expected), `${args.join(" ")}: ${err}`);
    }
    const { err } = await run(["config", "print"], { PROVIDER_CAPACTIY: "1" });
    assert.match(err, /^SETTING_UNKNOWN: /);
  });
});

describe("a failure domain", () => {
  it("is a padded name, or 32 bytes as they are", () => {
    assert.equal(encodeDomain("cellar"), `0x63656c6c6172${"00".repeat(26)}`);
    assert.equal(encodeDomain(`0x${"ab".repeat(32)}`), `0x${"ab".repeat(32)}`);
  });
});
