import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { MemoError } from "../../protocol/errors.ts";
import { createDaemonServer, type Readiness } from "../../protocol/runtime/daemonServer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { createMetrics } from "../../protocol/runtime/metrics.ts";

function createServer(overrides: Partial<Parameters<typeof createDaemonServer>[0]> = {}) {
  return createDaemonServer({
    port: 0,
    metrics: createMetrics({ prefix: "test", build: { version: "1" } }),
    ready: () => ({ ready: true, reasons: [] }),
    status: () => ({ head: 12n }),
    logger: createSilentLogger(),
    ...overrides,
  });
}

describe("daemon server", () => {
  it("answers health, readiness with reasons, status and metrics on loopback", async () => {
    let readiness: Readiness = { ready: false, reasons: ["chain is 5 blocks behind"] };
    const server = createServer({ ready: () => readiness });
    const { url, host } = await server.start();
    try {
      assert.equal(host, "127.0.0.1");
      assert.equal((await fetch(`${url}/health`)).status, 200);
      const notReady = await fetch(`${url}/ready`);
      assert.equal(notReady.status, 503);
      assert.deepEqual(await notReady.json(), readiness);
      readiness = { ready: true, reasons: [] };
      assert.equal((await fetch(`${url}/ready`)).status, 200);
      assert.deepEqual(await (await fetch(`${url}/status`)).json(), { head: "12" });
      assert.match(await (await fetch(`${url}/metrics`)).text(), /test_build_info/);
      assert.equal((await fetch(`${url}/none`)).status, 404);
    } finally {
      await server.stop();
    }
  });

  it("serves further routes, and hides what went wrong inside them", async () => {
    const server = createServer({
      routes: (app) => {
        app.get("/fails", () => {
          throw new Error("path /home/me/secret");
        });
        app.get("/refuses", () => {
          throw new MemoError("SOME_CODE", "do this");
        });
      },
    });
    const { url } = await server.start();
    try {
      const fails = await fetch(`${url}/fails`);
      assert.equal(fails.status, 500);
      assert.ok(!(await fails.text()).includes("secret"));
      assert.deepEqual(await (await fetch(`${url}/refuses`)).json(), {
        code: "SOME_CODE",
        message: "do this",
      });
    } finally {
      await server.stop();
    }
  });

  it("says that a port is in use and what to do", async () => {
    const first = createServer();
    const { port } = await first.start();
    try {
      const second = createServer({ port });
      await assert.rejects(second.start(), (error: unknown) => {
        assert.ok(error instanceof MemoError);
        return error.code === "PORT_IN_USE" && /choose another/.test(error.message);
      });
      await second.stop();
    } finally {
      await first.stop();
    }
  });

  it("stops although a client keeps its connection open, and cuts a request that does not end", async () => {
    const reached = Promise.withResolvers<void>();
    const server = createServer({
      routes: (app) => {
        app.get("/slow", () => {
          reached.resolve();
          return new Promise<Response>(() => {});
        });
      },
    });
    const { port, url } = await server.start();
    const idle = connect(port, "127.0.0.1");
    idle.write("GET /health HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    await new Promise((resolve) => idle.once("data", resolve));
    const slow = fetch(`${url}/slow`);
    await reached.promise;
    const idleClosed = new Promise((resolve) => idle.once("close", resolve));
    await Promise.all([server.stop(20), assert.rejects(slow), idleClosed]);
    await server.stop();
  });
});
