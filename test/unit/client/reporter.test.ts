import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProviderLink } from "../../../client/providerLink.ts";
import { createReporter } from "../../../client/read/reporter.ts";
import { createManualClock } from "../../../protocol/runtime/clock.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";

const shard = (stripe: number, slot = 0) =>
  ({ orderId: `0x${"11".repeat(32)}`, slot, stripe, reason: "SHARD_WRONG" }) as const;

function setUp(
  answer: () => Promise<unknown> = async () => ({}),
  keepers: () => Promise<string[]> = async () => ["k1", "k2"],
) {
  const calls: {
    endpoint: string;
    method: string;
    request: { slot: number; stripe: number; reason: string };
  }[] = [];
  const clock = createManualClock();
  const link = {
    keeper(endpoint: string, method: string, request: never) {
      calls.push({ endpoint, method, request });
      return answer();
    },
  } as unknown as Pick<ProviderLink, "keeper">;
  const reporter = createReporter({
    link,
    keepers,
    capabilityFor: async () => "capability" as never,
    clock,
    logger: createSilentLogger(),
  });
  return { calls, clock, reporter };
}

describe("reports of unreadable shards", () => {
  it("go to every keeper, once for each shard, with the reason and the owner's word", async () => {
    const { calls, reporter } = setUp();
    reporter.report(shard(7));
    reporter.report(shard(7));
    await reporter.close();
    const request = { ...shard(7), capability: "capability" };
    assert.deepEqual(calls, [
      { endpoint: "k1", method: "reportShard", request },
      { endpoint: "k2", method: "reportShard", request },
    ]);
  });

  it("name four stripes of a slot and no more", async () => {
    const { calls, reporter } = setUp();
    for (let stripe = 0; stripe < 10; stripe++) {
      reporter.report(shard(stripe));
      reporter.report(shard(stripe, 1));
    }
    await reporter.close();
    const named = calls.filter((call) => call.endpoint === "k1").map((call) => call.request);
    assert.deepEqual(
      named.filter((one) => one.slot === 0).map((one) => one.stripe),
      [0, 1, 2, 3],
    );
    assert.deepEqual(
      named.filter((one) => one.slot === 1).map((one) => one.stripe),
      [0, 1, 2, 3],
    );
  });

  it("are sent two at a time, and dropped when 64 wait", async () => {
    const stuck = setUp(() => new Promise(() => {}));
    for (let slot = 0; slot < 100; slot++) stuck.reporter.report(shard(0, slot));
    await new Promise(setImmediate);
    assert.equal(new Set(stuck.calls.map((call) => call.request.slot)).size, 2);
    const { calls, reporter } = setUp();
    for (let slot = 0; slot < 100; slot++) reporter.report(shard(0, slot));
    await reporter.close();
    assert.equal(new Set(calls.map((call) => call.request.slot)).size, 2 + 64);
  });

  it("may fail in any way without anybody noticing", async () => {
    const refusing = setUp(() => Promise.reject(new Error("no")));
    refusing.reporter.report(shard(0));
    await refusing.reporter.close();
    assert.equal(refusing.calls.length, 2);
    const lonely = setUp(undefined, () => Promise.reject(new Error("chain is away")));
    lonely.reporter.report(shard(0));
    await lonely.reporter.close();
    assert.equal(lonely.calls.length, 0);
  });

  it("are waited for two seconds at the end, not longer, and none is taken after that", async () => {
    const { calls, clock, reporter } = setUp(() => new Promise(() => {}));
    reporter.report(shard(0));
    await new Promise(setImmediate);
    let closed = false;
    const closing = reporter.close().then(() => {
      closed = true;
    });
    clock.advance(1_999);
    await new Promise(setImmediate);
    assert.equal(closed, false);
    clock.advance(1);
    await closing;
    const before = calls.length;
    reporter.report(shard(1));
    await new Promise(setImmediate);
    assert.equal(calls.length, before);
  });
});
