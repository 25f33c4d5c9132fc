import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createTurnstile } from "../../../protocol/net/turnstile.ts";

const never = new AbortController().signal;
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("turnstile", () => {
  it("lets in up to its limits of number and bytes, the rest in their order", async () => {
    const turnstile = createTurnstile({ inFlight: 2, inFlightBytes: 100, waiting: 10 });
    const entered: string[] = [];
    const leaves: (() => void)[] = [];
    for (const [name, bytes] of [
      ["a", 60],
      ["b", 60],
      ["c", 10],
      ["d", 10],
    ] as const) {
      void turnstile.enter(bytes, never).then((leave) => {
        entered.push(name);
        leaves.push(leave);
      });
    }
    await settled();
    assert.deepEqual(entered, ["a"]);
    leaves[0]!();
    await settled();
    assert.deepEqual(entered, ["a", "b", "c"]);
    leaves[1]!();
    await settled();
    assert.deepEqual(entered, ["a", "b", "c", "d"]);
  });

  it("lets one in that is larger than the limit of bytes, alone", async () => {
    const turnstile = createTurnstile({ inFlight: 5, inFlightBytes: 10, waiting: 10 });
    const leave = await turnstile.enter(1_000, never);
    let second = false;
    void turnstile.enter(1, never).then(() => {
      second = true;
    });
    await settled();
    assert.equal(second, false);
    leave();
    await settled();
    assert.equal(second, true);
  });

  it("says RPC_BUSY when too many wait", async () => {
    const turnstile = createTurnstile({ inFlight: 1, inFlightBytes: 10, waiting: 1 });
    await turnstile.enter(1, never);
    void turnstile.enter(1, never);
    await assert.rejects(turnstile.enter(1, never), { code: "RPC_BUSY", retryable: true });
  });

  it("lets the next one in when a larger one before it gives up", async () => {
    const turnstile = createTurnstile({ inFlight: 5, inFlightBytes: 10, waiting: 10 });
    await turnstile.enter(8, never);
    const controller = new AbortController();
    const large = turnstile.enter(9, controller.signal);
    const small = turnstile.enter(2, never);
    controller.abort(new Error("gave up"));
    await assert.rejects(large, /gave up/);
    await small;
  });

  it("never exceeds its limits and lets everybody in at last", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }), async (sizes) => {
        const turnstile = createTurnstile({ inFlight: 3, inFlightBytes: 50, waiting: 100 });
        let count = 0;
        let total = 0;
        await Promise.all(
          sizes.map(async (bytes) => {
            const leave = await turnstile.enter(bytes, never);
            count += 1;
            total += bytes;
            assert.ok(count <= 3 && (total <= 50 || count === 1));
            await settled();
            count -= 1;
            total -= bytes;
            leave();
          }),
        );
      }),
      { numRuns: 30 },
    );
  });
});
