import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MemoError } from "../../../protocol/errors.ts";
import { createManualClock, systemClock } from "../../../protocol/runtime/clock.ts";
import { readKeyFile, writeKeyFile } from "../../../protocol/runtime/keyFile.ts";
import { createLogger, createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createMetrics } from "../../../protocol/runtime/metrics.ts";
import { createShutdown } from "../../../protocol/runtime/shutdown.ts";

const KEY = `0x${"11".repeat(32)}` as const;

describe("key files", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "memo-key-"));
  });
  after(() => rm(dir, { recursive: true }));

  it("come back as written, readable by the owner only, and are never overwritten", async () => {
    const path = join(dir, "a.key");
    await writeKeyFile(path, KEY);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(await readKeyFile(path), KEY);
    await assert.rejects(writeKeyFile(path, KEY), { code: "KEY_FILE_EXISTS" });
  });

  it("are refused when others may read them", async () => {
    const path = join(dir, "b.key");
    await writeKeyFile(path, KEY);
    await chmod(path, 0o640);
    await assert.rejects(readKeyFile(path), { code: "KEY_FILE_MODE", details: { path, mode: "640" } });
  });

  it("are refused when missing or no key, without quoting what they hold", async () => {
    await assert.rejects(readKeyFile(join(dir, "none")), { code: "KEY_FILE_MISSING" });
    for (const content of ["0x1234", "ff".repeat(32), "not a key"]) {
      const path = join(dir, `${content.length}.key`);
      await writeFile(path, content, { mode: 0o600 });
      await assert.rejects(readKeyFile(path), (error: unknown) => {
        assert.ok(error instanceof MemoError);
        assert.equal(error.code, "KEY_FILE_INVALID");
        return !error.message.includes(content) && error.cause === undefined;
      });
    }
  });
});

describe("shutdown", () => {
  function createProcess() {
    const exits: number[] = [];
    const source = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) });
    return { exits, source };
  }

  it("on the first signal aborts and runs the steps, the last registered first", async () => {
    const { source, exits } = createProcess();
    const shutdown = createShutdown({ logger: createSilentLogger(), process: source });
    const order: string[] = [];
    shutdown.onStop("store", () => void order.push(`store ${shutdown.signal.aborted}`));
    shutdown.onStop("network", async () => void order.push("network"));
    source.emit("SIGTERM");
    assert.equal(await shutdown.done, 0);
    assert.deepEqual(order, ["network", "store true"]);
    assert.deepEqual(exits, []);
    assert.equal(source.listenerCount("SIGINT") + source.listenerCount("SIGTERM"), 0);
  });

  it("on the second signal forces exit code 1", async () => {
    const { source, exits } = createProcess();
    const shutdown = createShutdown({ logger: createSilentLogger(), process: source });
    const { promise, resolve } = Promise.withResolvers<void>();
    shutdown.onStop("stuck", () => promise);
    source.emit("SIGINT");
    source.emit("SIGINT");
    assert.deepEqual(exits, [1]);
    resolve();
    await shutdown.done;
  });

  it("forces the exit when a step takes longer than allowed", async () => {
    const { source } = createProcess();
    const exited = Promise.withResolvers<number>();
    source.exit = (code) => exited.resolve(code) as undefined as never;
    const stuck = Promise.withResolvers<void>();
    const shutdown = createShutdown({ logger: createSilentLogger(), process: source, timeoutMs: 5 });
    shutdown.onStop("stuck", () => stuck.promise);
    const alive = setInterval(() => {}, 1_000);
    source.emit("SIGINT");
    assert.equal(await exited.promise, 1);
    clearInterval(alive);
    stuck.resolve();
    await shutdown.done;
  });

  it("still runs the other steps when one fails, and says so by its code", async () => {
    const { source } = createProcess();
    const shutdown = createShutdown({ logger: createSilentLogger(), process: source });
    let ran = false;
    shutdown.onStop("store", () => {
      ran = true;
    });
    shutdown.onStop("network", () => {
      throw new Error("broken");
    });
    shutdown.request("test");
    assert.equal(await shutdown.done, 1);
    assert.ok(ran);
  });
});

describe("clocks", () => {
  it("wake sleepers in order of their time", async () => {
    const clock = createManualClock(100);
    const woken: number[] = [];
    const sleeps = [30, 10, 20].map((ms) => clock.sleep(ms).then(() => woken.push(ms)));
    clock.advance(20);
    await Promise.all(sleeps.slice(1));
    assert.deepEqual(woken, [10, 20]);
    assert.deepEqual([clock.now(), clock.sleeping()], [120, 1]);
    clock.advance(10);
    await sleeps[0];
  });

  it("reject with the reason of the signal", async () => {
    const reason = new MemoError("STOPPED", "stopped");
    for (const clock of [systemClock, createManualClock()]) {
      const controller = new AbortController();
      const sleep = clock.sleep(1_000_000, controller.signal);
      controller.abort(reason);
      await assert.rejects(sleep, { code: "STOPPED" });
      await assert.rejects(clock.sleep(1, controller.signal), { code: "STOPPED" });
    }
  });
});

describe("logger", () => {
  it("writes one JSON object per line, censors secrets and keeps codes and bigints of errors", () => {
    const lines: string[] = [];
    const logger = createLogger({ name: "test", destination: { write: (line) => void lines.push(line) } });
    const error = new MemoError("SOME_CODE", "what to do", {
      details: { amount: 5n },
      cause: new Error("why"),
    });
    logger.warn({ privateKey: "hunter2", wallet: { seed: "hunter2" }, error }, "hello");
    assert.ok(!lines.join().includes("hunter2"));
    const line = JSON.parse(lines[0] ?? "");
    assert.deepEqual([line.name, line.level, line.msg], ["test", "warn", "hello"]);
    assert.equal(line.error.code, "SOME_CODE");
    assert.equal(line.error.details.amount, "5");
    assert.equal(line.error.cause.message, "why");
  });
});

describe("metrics", () => {
  it("are private to a node, prefixed, and one per name", async () => {
    const [a, b] = [createMetrics({ prefix: "provider" }), createMetrics({ prefix: "provider" })];
    const definition = { name: "shards_total", help: "Shards.", labels: ["outcome"] } as const;
    a.counter(definition).inc({ outcome: "stored" });
    a.counter(definition).inc({ outcome: "stored" });
    assert.match(await a.registry.metrics(), /provider_shards_total\{outcome="stored"\} 2/);
    assert.ok(!(await b.registry.metrics()).includes("shards_total"));
  });

  it("say what runs", async () => {
    const metrics = createMetrics({ prefix: "keeper", build: { version: "1.2.3" } });
    assert.match(
      await metrics.registry.metrics(),
      /keeper_build_info\{version="1.2.3",commit="",network=""\} 1/,
    );
  });
});
