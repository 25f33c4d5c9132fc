import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { type RunningDaemon, runDaemon } from "../../../protocol/runtime/daemonLife.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createShutdown } from "../../../protocol/runtime/shutdown.ts";

const logger = createSilentLogger();

/** A daemon that starts and ends when the test says so, and whose status cannot be told once it is stopped. */
function prepare() {
  const exits: number[] = [];
  const source = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) });
  const started = Promise.withResolvers<void>();
  const life = Promise.withResolvers<void>();
  let stops = 0;
  const daemon: RunningDaemon<object> = {
    ended: life.promise,
    pending: () => 0,
    headProcessed: () => -1n,
    status() {
      if (stops > 0) throw new Error("the database is closed");
      return {};
    },
    async stop() {
      stops++;
      life.resolve();
    },
  };
  const shutdown = createShutdown({ logger, process: source });
  const code = runDaemon({ name: "it", shutdown, logger, start: () => started.promise.then(() => daemon) });
  return { code, exits, started, life, stops: () => stops, signal: () => source.emit("SIGTERM") };
}

describe("a daemon's process", () => {
  it("ends with 0 when it is told to", async () => {
    const { code, exits, started, stops, signal } = prepare();
    started.resolve();
    await new Promise(setImmediate);
    assert.equal(stops(), 0);
    signal();
    assert.equal(await code, 0);
    assert.deepEqual([stops(), exits], [1, []]);
  });

  it("ends with 0, all taken down, when it is told to while it starts", async () => {
    const { code, exits, started, stops, signal } = prepare();
    signal();
    started.resolve();
    assert.equal(await code, 0);
    assert.deepEqual([stops(), exits], [1, []]);
  });

  it("ends with 1 when the daemon cannot go on", async () => {
    const { code, exits, started, life, stops } = prepare();
    started.resolve();
    life.reject(new Error("no chain"));
    assert.equal(await code, 1);
    assert.deepEqual([stops(), exits], [1, []]);
  });

  for (const told of [false, true]) {
    it(`passes on why it could not start${told ? ", also when it was told to end meanwhile" : ""}`, async () => {
      const { code, exits, started, signal } = prepare();
      if (told) signal();
      started.reject(new Error("port in use"));
      await assert.rejects(code, /port in use/);
      assert.deepEqual(exits, []);
    });
  }
});
