import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { MemoError } from "../../../protocol/errors.ts";
import { type CliSurroundings, runDaemonCli } from "../../../protocol/runtime/daemonCli.ts";
import { daemonSettings } from "../../../protocol/runtime/daemonSettings.ts";

const settings = daemonSettings({
  name: "clerk",
  data: "ledgers",
  operatorKey: "signs entries",
  peers: "customers",
  peerPort: 4901,
  httpPort: 4911,
  httpPaths: "/status",
  stake: 12n,
});

type Run = (argv: readonly string[], surroundings: CliSurroundings) => Promise<number>;

async function capture(run: Run, argv: readonly string[], env: Record<string, string> = {}) {
  let out = "";
  let err = "";
  const code = await run(argv, {
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

function clerk(change: { start?: () => Promise<number>; register?: () => Promise<unknown> } = {}): Run {
  return (argv, surroundings) =>
    runDaemonCli(
      {
        name: "clerk",
        description: "A clerk.",
        examples: ["memo-clerk start"],
        remark: "Clerks sleep at night.",
        settings,
        start: change.start ?? (async () => 0),
        register: { description: "sign on", run: change.register ?? (async () => ({})) },
      },
      argv,
      surroundings,
    );
}

describe("the command line of a daemon", () => {
  it("helps with commands, examples, its environment and exit codes", async () => {
    const { code, out } = await capture(clerk(), ["--help"]);
    assert.equal(code, 0);
    for (const text of [
      "config",
      "start",
      "register",
      "status",
      "CLERK_…",
      "memo-clerk start",
      "Clerks sleep",
    ]) {
      assert.ok(out.includes(text), text);
    }
    assert.match(out, /\n\nExit codes: 0 done, 1 failed/);
    assert.match(
      (await capture(clerk(), ["start", "--help"])).out,
      /--http-port <value> [^-]*\(CLERK_HTTP_PORT\)/,
    );
  });

  it("hands the settings to the command and ends with the code that the daemon ended with", async () => {
    const seen: unknown[] = [];
    const run: Run = (argv, surroundings) =>
      runDaemonCli(
        {
          name: "clerk",
          description: "A clerk.",
          examples: [],
          settings,
          async start({ httpPort, stake, dataDir }) {
            seen.push(httpPort, stake, dataDir);
            return 3;
          },
          register: { description: "sign on", run: async () => ({}) },
        },
        argv,
        surroundings,
      );
    const { code } = await capture(run, ["start", "--http-port", "7"], { CLERK_STAKE: "44" });
    assert.equal(code, 3);
    assert.deepEqual(seen, [7, 44n, "memo-clerk-data"]);
  });

  it("prints what registering brought as one line of JSON", async () => {
    const { code, out } = await capture(clerk({ register: async () => ({ clerkId: 4 }) }), ["register"]);
    assert.deepEqual([code, out], [0, '{"clerkId":4}\n']);
  });

  it("prints the status that the running daemon answers, and says when none answers well", async (t) => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/status" ? 200 : 404;
      response.end('{"epoch": 9}\n');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const port = String((server.address() as AddressInfo).port);
    const { code, out } = await capture(clerk(), ["status", "--http-port", port]);
    assert.deepEqual([code, out], [0, '{"epoch": 9}\n']);
    const nobody = await capture(clerk(), ["status", "--http-port", "1"]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.err, /^NOT_RUNNING: No clerk answers at http:\/\/127\.0\.0\.1:1\/status\./);
  });

  it("fails with one line and code 1, by the error's own code where it has one", async () => {
    const refuse = (error: Error) =>
      clerk({
        start() {
          throw error;
        },
      });
    const known = await capture(refuse(new MemoError("NO_PEN", "There is no pen. Buy one.")), ["start"]);
    assert.deepEqual([known.code, known.err], [1, "NO_PEN: There is no pen. Buy one.\n"]);
    const unknown = await capture(refuse(new TypeError("odd")), ["start"]);
    assert.deepEqual([unknown.code, unknown.err], [1, "TypeError: odd\n"]);
    const variable = await capture(clerk(), ["config", "print"], { CLERK_DESK: "1" });
    assert.deepEqual([variable.code, variable.out], [1, ""]);
    assert.match(variable.err, /^SETTING_UNKNOWN: /);
  });
});

describe("--version", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  for (const name of ["memo", "memo-keeper", "memo-provider"]) {
    it(`of ${name} prints the package's`, async () => {
      const bin = fileURLToPath(new URL(`../../../bin/${name}.js`, import.meta.url));
      const { stdout } = await promisify(execFile)(process.execPath, [bin, "--version"]);
      assert.equal(stdout, `${version}\n`);
    });
  }
});
