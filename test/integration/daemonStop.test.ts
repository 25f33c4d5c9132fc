import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { formatDeployment } from "../../protocol/chain/deployment.ts";
import { deployment } from "../unit/client/memoryNetwork.ts";
import { waitFor } from "./providerSupport.ts";

/** Nobody answers there: a daemon has to start without its chain, and wait for it. */
const NO_CHAIN = "http://127.0.0.1:9";

describe("a daemon that is told to end while it starts", () => {
  const folder = mkdtempSync(join(tmpdir(), "memo-stop-"));
  after(() => rmSync(folder, { recursive: true }));
  const deploymentPath = join(folder, "deployment.json");
  writeFileSync(deploymentPath, formatDeployment(deployment));
  const keyPath = join(folder, "operator.key");
  writeFileSync(keyPath, `0x${"11".repeat(32)}`, { mode: 0o600 });

  for (const name of ["memo-provider", "memo-keeper"]) {
    it(`${name} takes down what is up and ends with 0`, { timeout: 60_000 }, async () => {
      const dataDir = join(folder, name);
      const flags = {
        "--deployment": deploymentPath,
        "--operator-key-file": keyPath,
        "--data-dir": dataDir,
        "--rpc-url": NO_CHAIN,
        "--listen": "/ip4/127.0.0.1/tcp/0",
        "--http-port": "0",
      };
      const bin = fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url));
      const child = spawn(process.execPath, [bin, "start", ...Object.entries(flags).flat()], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let log = "";
      child.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString();
      });
      const exited = once(child, "exit");
      // The directory is made first; stores, network and HTTP come after it.
      await waitFor("the start has begun", () => existsSync(dataDir) || undefined);
      child.kill("SIGTERM");
      const [code] = await exited;
      assert.equal(code, 0, log);
      assert.match(log, /"msg":"stopped"/);
      assert.doesNotMatch(log, /"level":"(error|fatal)"/);
    });
  }
});
