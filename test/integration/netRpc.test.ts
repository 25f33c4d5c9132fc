import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { encode } from "@ipld/dag-cbor";
import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { z } from "zod";
import { MemoError } from "../../protocol/errors.ts";
import { frameOf } from "../../protocol/net/frames.ts";
import { createHost, type Host, peerIdFromSeed } from "../../protocol/net/host.ts";
import { createRpcClient } from "../../protocol/net/rpcClient.ts";
import { createRpcServer, type RpcHandlers, type RpcServer } from "../../protocol/net/rpcServer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { createMetrics } from "../../protocol/runtime/metrics.ts";
import { defineProtocol } from "../../protocol/wire/protocol.ts";

const logger = createSilentLogger();
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const methods = {
  echo: { request: z.strictObject({ bytes }), response: z.strictObject({ bytes }) },
  fail: { request: z.strictObject({ how: z.string() }), response: z.strictObject({}) },
  wait: { request: z.strictObject({ id: z.int() }), response: z.strictObject({ peer: z.string() }) },
} as const;
const protocol = defineProtocol({ name: "/memo/test", version: "1.0.0", maxFrameBytes: 262_144, methods });
const id = "/memo/test/1.0.0";

/** A handler that answers when the test says so. */
function createGate() {
  const entered = new Map<number, { signal: AbortSignal; release: () => void }>();
  let most = 0;
  let notify = () => {};
  return {
    entered,
    most: () => most,
    /** Resolves when `condition` holds; looked at whenever a request enters. */
    until: (condition: () => boolean) =>
      new Promise<void>((resolve) => {
        notify = () => condition() && resolve();
        notify();
      }),
    handle: (request: { id: number }, { peer, signal }: { peer: string; signal: AbortSignal }) =>
      new Promise<{ peer: string }>((resolve, reject) => {
        const leave = () => entered.delete(request.id);
        entered.set(request.id, { signal, release: () => leave() && resolve({ peer }) });
        signal.addEventListener("abort", () => leave() && reject(signal.reason));
        most = Math.max(most, entered.size);
        notify();
      }),
  };
}

const seedOf = (number: number) => `0x${number.toString(16).padStart(64, "0")}` as const;
const listen = ["/ip4/127.0.0.1/tcp/0"];

describe("rpc over real sockets", () => {
  let server: Host;
  let caller: Host;
  let rpc: RpcServer;
  let endpoint: string;
  let gate = createGate();
  const metrics = createMetrics({ prefix: "test" });
  const handlers: RpcHandlers<typeof methods> = {
    echo: (request) => request,
    fail: ({ how }) => {
      if (how === "known") throw new MemoError("QUOTA_EXCEEDED", "ask for less", { retryable: true });
      if (how === "large") return { large: new Uint8Array(300_000) } as unknown as Record<string, never>;
      throw new Error("/secret/path");
    },
    wait: (request, context) => gate.handle(request, context),
  };
  const closedFor = async (reason: string) => {
    const metric = await metrics.registry.getSingleMetric("test_rpc_server_streams_closed_total")?.get();
    return metric?.values.find((value) => value.labels.reason === reason)?.value ?? 0;
  };

  before(async () => {
    server = await createHost({ seed: seedOf(1), listen, logger });
    caller = await createHost({ seed: seedOf(2), listen: [], logger });
    rpc = await createRpcServer({
      host: server,
      protocol,
      handlers,
      logger,
      metrics,
      limits: { inFlight: 8 },
    });
    endpoint = server.endpoints()[0] ?? assert.fail("no endpoint");
  });
  after(async () => {
    await rpc.close();
    await Promise.all([server.stop(), caller.stop()]);
  });

  it("knows the peer id of a seed before the host runs", async () => {
    assert.equal(await peerIdFromSeed(seedOf(1)), server.peerId);
    assert.ok(endpoint.endsWith(`/p2p/${server.peerId}`));
  });

  it("keeps one stream for many calls at once and gives each its own answer", async () => {
    const client = createRpcClient({ host: caller, protocol, logger });
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        client.call(endpoint, "echo", { bytes: Uint8Array.of(index % 256, index >> 8) }),
      ),
    );
    for (const [index, answer] of answers.entries()) {
      assert.deepEqual([...answer.bytes], [index % 256, index >> 8]);
    }
    const streams = server.libp2p.getConnections().flatMap((connection) => connection.streams);
    assert.equal(streams.filter((stream) => stream.protocol === id).length, 1);
    client.close();
  });

  it("moves hundreds of shards at once, every byte of them", async () => {
    const client = createRpcClient({ host: caller, protocol, logger });
    const shard = crypto.getRandomValues(new Uint8Array(65_536));
    const body = new Uint8Array(131_072);
    body.set(shard);
    body.set(shard, 65_536);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => client.call(endpoint, "echo", { bytes: body })),
    );
    for (const answer of answers) assert.equal(Buffer.compare(answer.bytes, body), 0);
    client.close();
  });

  it("tells the handler who calls", async () => {
    gate = createGate();
    const client = createRpcClient({ host: caller, protocol, logger });
    const call = client.call(endpoint, "wait", { id: 1 });
    await gate.until(() => gate.entered.size === 1);
    gate.entered.get(1)?.release();
    assert.deepEqual(await call, { peer: caller.peerId });
    client.close();
  });

  it("lets errors of handlers travel by code, and nothing of unexpected ones but INTERNAL", async () => {
    const client = createRpcClient({ host: caller, protocol, logger });
    await assert.rejects(client.call(endpoint, "fail", { how: "known" }), (error: unknown) => {
      assert.ok(error instanceof MemoError);
      assert.deepEqual(
        [error.code, error.message, error.retryable],
        ["QUOTA_EXCEEDED", "ask for less", true],
      );
      return error.details.remote === true;
    });
    await assert.rejects(client.call(endpoint, "fail", { how: "unknown" }), (error: unknown) => {
      assert.ok(error instanceof MemoError);
      return error.code === "INTERNAL" && !error.message.includes("secret");
    });
    await assert.rejects(client.call(endpoint, "fail", { how: "large" }), { code: "INTERNAL" });
    assert.deepEqual(
      (await client.call(endpoint, "echo", { bytes: Uint8Array.of(1) })).bytes,
      Uint8Array.of(1),
    );
    client.close();
  });

  it("works on no more requests of a peer than allowed, however many it sends", async () => {
    gate = createGate();
    const client = createRpcClient({ host: caller, protocol, logger, limits: { inFlight: 1_000 } });
    const calls = Array.from({ length: 100 }, (_, index) => client.call(endpoint, "wait", { id: index }));
    for (let done = 0; done < 100; ) {
      await gate.until(() => gate.entered.size === Math.min(8, 100 - done));
      for (const { release } of [...gate.entered.values()]) {
        release();
        done += 1;
      }
    }
    await Promise.all(calls);
    assert.equal(gate.most(), 8);
    client.close();
  });

  it("aborts the handler when the caller aborts, and rejects with the caller's reason", async () => {
    gate = createGate();
    const client = createRpcClient({ host: caller, protocol, logger });
    const controller = new AbortController();
    const call = client.call(endpoint, "wait", { id: 1 }, { signal: controller.signal });
    await gate.until(() => gate.entered.size === 1);
    const aborted = new Promise((resolve) => gate.entered.get(1)?.signal.addEventListener("abort", resolve));
    controller.abort(new MemoError("CHANGED_MY_MIND", "no"));
    await assert.rejects(call, { code: "CHANGED_MY_MIND" });
    await aborted;
    await assert.rejects(client.call(endpoint, "wait", { id: 2 }, { signal: controller.signal }), {
      code: "CHANGED_MY_MIND",
    });
    client.close();
  });

  it("times out, and goes on after it", async () => {
    gate = createGate();
    const client = createRpcClient({ host: caller, protocol, logger });
    await assert.rejects(client.call(endpoint, "wait", { id: 1 }, { timeoutMs: 30 }), {
      code: "RPC_TIMEOUT",
      retryable: true,
    });
    assert.equal((await client.call(endpoint, "echo", { bytes: Uint8Array.of(7) })).bytes[0], 7);
    client.close();
  });

  it("refuses requests that do not fit the schema or the frame before they are sent", async () => {
    const client = createRpcClient({ host: caller, protocol, logger });
    const wrong = { bytes: "text" } as unknown as { bytes: Uint8Array };
    await assert.rejects(client.call(endpoint, "echo", wrong), { code: "RPC_INVALID_REQUEST" });
    const large = client.call(endpoint, "echo", { bytes: new Uint8Array(262_145) });
    await assert.rejects(large, { code: "RPC_INVALID_REQUEST" });
    await assert.rejects(client.call("/ip4/127.0.0.1/tcp/1", "echo", { bytes: Uint8Array.of(1) }), {
      code: "ENDPOINT_MALFORMED",
    });
    client.close();
  });

  it("says which versions there are when a peer speaks another one", async () => {
    const newer = { ...protocol, version: "2.0.0" };
    const client = createRpcClient({ host: caller, protocol: newer, logger });
    await assert.rejects(client.call(endpoint, "echo", { bytes: Uint8Array.of(1) }), (error: unknown) => {
      assert.ok(error instanceof MemoError);
      return error.code === "UNSUPPORTED_VERSION" && error.message.includes("/memo/test/1.0.0");
    });
    client.close();
  });

  it("fails fast and retryably when nobody is there, and calls again once somebody is", async () => {
    const gone = await createHost({ seed: seedOf(3), listen, logger });
    const address = gone.endpoints()[0]!;
    await gone.stop();
    const client = createRpcClient({ host: caller, protocol, logger, limits: { backoffMs: 1 } });
    const call = () => client.call(address, "echo", { bytes: Uint8Array.of(1) });
    await assert.rejects(call(), { code: "RPC_UNREACHABLE", retryable: true });
    const port = multiaddr(address)
      .getComponents()
      .find(({ name }) => name === "tcp")?.value;
    const back = await createHost({ seed: seedOf(3), listen: [`/ip4/127.0.0.1/tcp/${port}`], logger });
    const served = await createRpcServer({ host: back, protocol, handlers, logger });
    let answer: { bytes: Uint8Array } | undefined;
    while (answer === undefined) {
      answer = await call().catch((error: unknown) => {
        assert.equal((error as MemoError).code, "RPC_UNREACHABLE");
        return undefined;
      });
    }
    assert.equal(answer.bytes[0], 1);
    await served.close();
    await back.stop();
    await assert.rejects(call(), (error: unknown) => error instanceof MemoError && error.retryable);
    client.close();
  });

  it("rejects the calls under way when the peer goes away, and those of a closed client", async () => {
    gate = createGate();
    const other = await createHost({ seed: seedOf(4), listen, logger });
    const served = await createRpcServer({ host: other, protocol, handlers, logger });
    const client = createRpcClient({ host: caller, protocol, logger });
    const first = client.call(other.endpoints()[0]!, "wait", { id: 1 });
    await gate.until(() => gate.entered.size === 1);
    await served.close();
    await assert.rejects(first, { code: "RPC_DISCONNECTED", retryable: true });
    const second = client.call(endpoint, "wait", { id: 2 });
    await gate.until(() => gate.entered.has(2));
    client.close();
    await assert.rejects(second, { code: "RPC_DISCONNECTED" });
    await other.stop();
  });

  describe("from a hostile caller", () => {
    let hostile: Host;
    before(async () => {
      hostile = await createHost({ seed: seedOf(66), listen: [], logger });
    });
    after(() => hostile.stop());

    const open = async () => {
      const connection = await hostile.libp2p.dial(multiaddr(endpoint));
      return connection.newStream(id);
    };
    const closed = (stream: Stream) =>
      new Promise<void>((resolve) => {
        if (stream.status !== "open") resolve();
        stream.addEventListener("close", () => resolve());
      });
    const request = (frame: object) => frameOf(encode(frame));

    const attacks: [string, string, (stream: Stream) => void][] = [
      [
        "a frame that is not dag-cbor",
        "malformed",
        (stream) => stream.send(frameOf(Uint8Array.of(0xff, 0xff))),
      ],
      [
        "a frame nested a hundred thousand deep",
        "malformed",
        (stream) => stream.send(frameOf(new Uint8Array(100_000).fill(0x81))),
      ],
      [
        "a frame with an unknown field",
        "malformed",
        (stream) => stream.send(request({ v: 1, id: 0, method: "echo", body: {}, extra: 1 })),
      ],
      [
        "a frame larger than allowed",
        "oversize",
        (stream) => stream.send(Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0)),
      ],
      ["an empty frame", "empty", (stream) => stream.send(new Uint8Array(4))],
      [
        "two requests with one id",
        "repeated_id",
        (stream) => {
          for (let copy = 0; copy < 2; copy++)
            stream.send(request({ v: 1, id: 5, method: "wait", body: { id: 5 } }));
        },
      ],
    ];
    for (const [what, reason, attack] of attacks) {
      it(`closes the stream, counts "${reason}" and serves on after ${what}`, {
        timeout: 60_000,
      }, async () => {
        const counted = await closedFor(reason);
        const stream = await open();
        const ended = closed(stream);
        attack(stream);
        await ended;
        assert.equal(await closedFor(reason), counted + 1);
        const client = createRpcClient({ host: hostile, protocol, logger });
        assert.equal((await client.call(endpoint, "echo", { bytes: Uint8Array.of(9) })).bytes[0], 9);
        client.close();
      });
    }

    it("answers unknown methods, bodies and frame versions by name and keeps the stream", async () => {
      const stream = await open();
      const codes: string[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      stream.addEventListener("message", (event) => {
        const text = Buffer.from(event.data.subarray()).toString("latin1");
        codes.push(...(text.match(/UNKNOWN_METHOD|RPC_INVALID_REQUEST|UNSUPPORTED_VERSION/g) ?? []));
        if (codes.length >= 4) resolve();
      });
      stream.send(request({ v: 1, id: 0, method: "none", body: {} }));
      stream.send(request({ v: 1, id: 1, method: "toString", body: {} }));
      stream.send(request({ v: 1, id: 2, method: "echo", body: { bytes: 1 } }));
      stream.send(request({ v: 2, id: 3, method: "echo", body: {} }));
      await promise;
      assert.deepEqual(codes.sort(), [
        "RPC_INVALID_REQUEST",
        "UNKNOWN_METHOD",
        "UNKNOWN_METHOD",
        "UNSUPPORTED_VERSION",
      ]);
      assert.equal(stream.status, "open");
      stream.abort(new Error("done"));
    });

    it("leaves a flood unread beyond its limits while others are served", async () => {
      gate = createGate();
      const stream = await open();
      for (let index = 0; index < 5_000; index++) {
        stream.send(request({ v: 1, id: index, method: "wait", body: { id: index } }));
      }
      await gate.until(() => gate.entered.size === 8);
      const client = createRpcClient({ host: caller, protocol, logger });
      assert.equal((await client.call(endpoint, "echo", { bytes: Uint8Array.of(3) })).bytes[0], 3);
      assert.equal(gate.most(), 8);
      const aborted = [...gate.entered.values()].map(
        ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
      );
      stream.abort(new Error("done"));
      await Promise.all(aborted);
      client.close();
    });

    it("opens no more streams than allowed", async () => {
      const streams = await Promise.allSettled(Array.from({ length: 4 }, open));
      const extra = await open();
      await closed(extra);
      for (const stream of streams) if (stream.status === "fulfilled") stream.value.abort(new Error("done"));
    });
  });

  describe("from a hostile server", () => {
    const answer = async (seed: number, respond: (stream: Stream) => void) => {
      const host = await createHost({ seed: seedOf(seed), listen, logger });
      await host.libp2p.handle(id, (stream) => {
        stream.addEventListener("message", () => respond(stream), { once: true });
      });
      const client = createRpcClient({ host: caller, protocol, logger });
      const call = client.call(host.endpoints()[0]!, "echo", { bytes: Uint8Array.of(1) });
      return {
        call,
        stop() {
          client.close();
          return host.stop();
        },
      };
    };
    const cases: [string, (stream: Stream) => void][] = [
      ["what is no frame", (stream) => stream.send(frameOf(Uint8Array.of(0xff)))],
      ["a frame that is too large", (stream) => stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff))],
      [
        "an answer of the wrong shape",
        (stream) => stream.send(frameOf(encode({ v: 1, id: 0, body: { other: 1 } }))),
      ],
      [
        "frames of another version",
        (stream) => stream.send(frameOf(encode({ v: 9, id: 0, body: { bytes: Uint8Array.of(1) } }))),
      ],
    ];
    for (const [index, [what, respond]] of cases.entries()) {
      it(`rejects ${what} by RPC_MALFORMED`, async () => {
        const { call, stop } = await answer(80 + index, respond);
        await assert.rejects(call, { code: "RPC_MALFORMED" });
        await stop();
      });
    }
  });
});
