import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import {
  daemonReadiness,
  type RunningDaemon,
  runDaemon,
  superviseDaemon,
} from "../../../protocol/runtime/daemonLife.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createShutdown } from "../../../protocol/runtime/shutdown.ts";

const logger = createSilentLogger();

function supervised() {
  const order: string[] = [];
  const work = Promise.withResolvers<void>();
  const stopping = new AbortController();
  stopping.signal.addEventListener("abort", () => {
    order.push("abort");
    work.reject(stopping.signal.reason);
  });
  const parts = new AsyncDisposableStack();
  parts.defer(() => void order.push("store"));
  parts.defer(() => void order.push("network"));
  const life = superviseDaemon({
    name: "clerk",
    work: work.promise,
    stopping,
    parts,
    failure: "the clerk cannot go on",
    onFailed: (error) => void order.push(`failed: ${String(error)}`),
    onStop: () => void order.push("on stop"),
    logger,
  });
  return { order, work, life, parts };
}

describe("a supervised daemon", () => {
  it("stops its work first, then its parts, the last one first, and only once", async () => {
    const { order, life, parts } = supervised();
    // What goes out of scope at the end of a start must take nothing down.
    await parts.disposeAsync();
    assert.deepEqual(order, []);
    void life.stop();
    // Whoever asks second waits for the same end.
    await life.stop();
    assert.deepEqual(order, ["abort", "on stop", "network", "store"]);
    await life.ended;
  });

  it("tells when its work fails, and can still be stopped", async () => {
    const { order, work, life } = supervised();
    work.reject(new Error("broken"));
    await assert.rejects(life.ended, { message: "broken" });
    assert.deepEqual(order, ["failed: Error: broken"]);
    await life.stop();
    assert.deepEqual(order.slice(1), ["abort", "on stop", "network", "store"]);
  });
});

describe("readiness", () => {
  it("names every reason", () => {
    assert.deepEqual(daemonReadiness({ caughtUp: true, registered: true, operatorReplaced: false }), {
      ready: true,
      reasons: [],
    });
    const { ready, reasons } = daemonReadiness({
      failure: "it broke",
      caughtUp: false,
      registered: false,
      operatorReplaced: true,
    });
    assert.equal(ready, false);
    assert.deepEqual(reasons, [
      "it broke; see the log",
      "the chain has not been read up to its newest final block",
      "the operator is not registered in the group",
      "the operator on chain is another key than this daemon's",
    ]);
  });
});

describe("running a daemon", () => {
  function createDaemon() {
    const end = Promise.withResolvers<void>();
    let stops = 0;
    const daemon: RunningDaemon<object> = {
      status() {
        if (stops > 0) throw new Error("the database is closed");
        return {};
      },
      pending: () => 0,
      headProcessed: () => -1n,
      ended: end.promise,
      async stop() {
        stops++;
        end.resolve();
      },
    };
    return { daemon, fail: end.reject, stops: () => stops };
  }
  const createProcess = () => {
    const exits: number[] = [];
    return Object.assign(new EventEmitter(), { exits, exit: (code: number) => void exits.push(code) });
  };

  it("ends with 0 when it is told to", async () => {
    const { daemon, stops } = createDaemon();
    const source = createProcess();
    const shutdown = createShutdown({ logger, process: source });
    const code = runDaemon({ name: "clerk", logger, shutdown, start: async () => daemon });
    await Promise.resolve();
    source.emit("SIGTERM");
    assert.equal(await code, 0);
    assert.equal(stops(), 1);
  });

  it("ends with 1 when the daemon cannot go on", async () => {
    const { daemon, fail, stops } = createDaemon();
    const shutdown = createShutdown({ logger, process: createProcess() });
    const code = runDaemon({ name: "clerk", logger, shutdown, start: async () => daemon });
    fail(new Error("broken"));
    assert.equal(await code, 1);
    assert.equal(stops(), 1);
  });

  it("stops a daemon that was still starting when the end was asked for", async () => {
    const { daemon, stops } = createDaemon();
    const source = createProcess();
    const shutdown = createShutdown({ logger, process: source });
    const starting = Promise.withResolvers<RunningDaemon<object>>();
    const code = runDaemon({ name: "clerk", logger, shutdown, start: () => starting.promise });
    source.emit("SIGINT");
    starting.resolve(daemon);
    assert.equal(await code, 0);
    assert.equal(stops(), 1);
    assert.deepEqual(source.exits, [], "nothing forced the exit");
  });

  it("passes on why it could not start when the end was asked for meanwhile", async () => {
    const source = createProcess();
    const shutdown = createShutdown({ logger, process: source });
    const starting = Promise.withResolvers<RunningDaemon<object>>();
    const code = runDaemon({ name: "clerk", logger, shutdown, start: () => starting.promise });
    source.emit("SIGTERM");
    starting.reject(new Error("no port"));
    await assert.rejects(code, { message: "no port" });
    assert.deepEqual(source.exits, [], "nothing forced the exit");
  });

  it("stops what was started before a failed start, then fails with its error", async () => {
    const shutdown = createShutdown({ logger, process: createProcess() });
    let stopped = false;
    shutdown.onStop("pool", () => {
      stopped = true;
    });
    const start = async () => {
      throw new Error("no port");
    };
    await assert.rejects(runDaemon({ name: "clerk", logger, shutdown, start }), { message: "no port" });
    assert.ok(stopped);
  });
});
