import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createReports } from "../../../keeper/reports.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { createManualClock } from "../../../protocol/runtime/clock.ts";
import type { ReadCapability } from "../../../protocol/wire/codecs.ts";
import { groupState, orderInfo, providerInfo } from "../../sim/repair/chain.ts";

const order = orderInfo({ name: "a", holders: [5, undefined], m: 1, stripes: 3 });
const state = groupState({ orders: [order], providers: [providerInfo(5, { endpoint: "/p/5" })] });
const capability = {} as ReadCapability;
const bytes = new Uint8Array(131_072).fill(7);
const point = Uint8Array.of(7);

function reporting(of: { read?: () => Promise<Uint8Array>; kzg?: boolean; known?: boolean } = {}) {
  const clock = createManualClock();
  const looks: string[] = [];
  const reports = createReports({
    state: () => state,
    read: async (endpoint, { stripe }) => {
      looks.push(`${endpoint} ${stripe}`);
      return of.read === undefined ? bytes : of.read();
    },
    pointOf: () => (of.known === false ? undefined : point),
    points: { compress: (it) => it },
    ...(of.kzg === false ? {} : { kzg: { commit: async (shard: Uint8Array) => shard.slice(0, 1) } }),
    clock,
    onReport: () => undefined,
  });
  const report = (more: object = {}) =>
    reports.report({ orderId: order.id, slot: 0, stripe: 0, reason: "SHARD_WRONG", capability, ...more });
  return { reports, report, clock, looks };
}

describe("a shard that a reader reports", () => {
  const cases: [string, Parameters<typeof reporting>[0], string][] = [
    ["is intact when its commitment is that of the order", {}, "intact"],
    ["is wrong when it is another", { read: async () => new Uint8Array(131_072) }, "wrong"],
    ["is only readable while no commitment is known", { known: false }, "readable"],
    ["is only readable where nothing computes commitments", { kzg: false }, "readable"],
    [
      "has the code of the error when this keeper cannot read it either",
      { read: async () => Promise.reject(new MemoError("RPC_UNREACHABLE", "nobody there")) },
      "RPC_UNREACHABLE",
    ],
  ];
  for (const [what, world, outcome] of cases) {
    it(what, async () => {
      const { reports, report } = reporting(world);
      await report();
      const [first] = reports.list();
      assert.deepEqual(
        [first!.provider, first!.reason, first!.outcome, first!.times],
        [5, "SHARD_WRONG", outcome, 1],
      );
    });
  }

  it("is looked at once a minute, however often it is reported", async () => {
    const { reports, report, clock, looks } = reporting();
    await report();
    clock.advance(59_999);
    await report();
    assert.equal(looks.length, 1);
    clock.advance(1);
    await report();
    assert.equal(looks.length, 2);
    assert.equal(reports.list()[0]!.times, 3);
  });

  it("has to be a shard that somebody holds", async () => {
    const { report, looks } = reporting();
    await assert.rejects(report({ orderId: `0x${"99".repeat(32)}` }), { code: "ORDER_UNKNOWN" });
    await assert.rejects(report({ slot: 1 }), { code: "SHARD_UNKNOWN" });
    await assert.rejects(report({ slot: 2 }), { code: "SHARD_UNKNOWN" });
    await assert.rejects(report({ stripe: 3 }), { code: "SHARD_UNKNOWN" });
    await report({ stripe: 2 });
    assert.deepEqual(looks, ["/p/5 2"]);
  });

  it("waits for its turn when four are being looked at", async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const { report, reports } = reporting({ read: () => promise });
    const first = [0, 1, 2].map((stripe) => report({ stripe }));
    const fourth = report({ slot: 0, stripe: 0 });
    const fifth = report({ stripe: 1 }).catch(({ code }: MemoError) => code);
    resolve(bytes);
    assert.equal(await fifth, "REPORTS_BUSY");
    await Promise.all([...first, fourth]);
    assert.equal(reports.list().length, 3);
  });
});
