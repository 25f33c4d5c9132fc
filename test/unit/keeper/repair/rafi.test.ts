import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { lostTimes, waitingTime } from "../../../../keeper/repair/rafi.ts";

const GONE = Number.NEGATIVE_INFINITY;
/** U_0 … U_3: T_1 = 12 with three parities, T_2 = 4, T_3 = 2. */
const THRESHOLDS = [2, 4, 12, 24];

/** "At any instant, if at least i slots have each been unavailable for T_i, all of those are lost." */
function lostByRule(since: readonly number[], now: number, parities: number): boolean[] {
  const lost = since.map(() => false);
  for (let i = 1; i <= since.length; i++) {
    const wait = THRESHOLDS[Math.min(THRESHOLDS.length - 1, Math.max(0, parities - i))]!;
    const long = since.map((start) => now - start >= wait);
    if (long.filter(Boolean).length >= i) for (const [index, is] of long.entries()) lost[index] ||= is;
  }
  return lost;
}

describe("how long to wait", () => {
  it("is U_(m−i) with i of m parities gone, and U_0 when more are gone than there are", () => {
    assert.deepEqual(
      [1, 2, 3, 4, 9].map((unavailable) => waitingTime(THRESHOLDS, 3, unavailable)),
      [12, 4, 2, 2, 2],
    );
  });

  it("is that of the last threshold when there are more parities than thresholds", () => {
    assert.equal(waitingTime(THRESHOLDS, 20, 1), 24);
    assert.equal(waitingTime(THRESHOLDS, 4, 1), 24);
    assert.equal(waitingTime(THRESHOLDS, 0, 1), 2);
  });
});

describe("when unavailable slots are lost", () => {
  it("one alone waits for T_1", () => {
    assert.deepEqual(lostTimes([5], THRESHOLDS, 3), [17]);
  });

  it("two are lost together as soon as the second has waited T_2", () => {
    assert.deepEqual(lostTimes([5, 9], THRESHOLDS, 3), [13, 13]);
  });

  it("one that began late waits its own T_2 beside one that is lost for long", () => {
    assert.deepEqual(lostTimes([0, 11], THRESHOLDS, 3), [12, 15]);
  });

  it("slots without holder make the others wait less", () => {
    assert.deepEqual(lostTimes([5, GONE], THRESHOLDS, 3), [9, GONE]);
    assert.deepEqual(lostTimes([5, GONE, GONE], THRESHOLDS, 3), [7, GONE, GONE]);
    assert.deepEqual(lostTimes([5, GONE, GONE, GONE, GONE], THRESHOLDS, 3)[0], 7);
  });

  it("agrees with the rule at every instant", () => {
    const start = fc.oneof({ arbitrary: fc.nat(30), weight: 4 }, { arbitrary: fc.constant(GONE), weight: 1 });
    fc.assert(
      fc.property(fc.array(start, { maxLength: 9 }), fc.nat(7), fc.nat(60), (since, parities, now) => {
        // The rule at an instant sees only what has begun by then.
        const begun = since.filter((each) => each <= now);
        const ever = begun.map(() => false);
        for (let at = 0; at <= now; at++) {
          const present = begun.filter((each) => each <= at);
          const lost = lostByRule(present, at, parities);
          const places = begun.flatMap((each, place) => (each <= at ? [place] : []));
          for (const [index, place] of places.entries()) ever[place] ||= lost[index]!;
        }
        const times = lostTimes(begun, THRESHOLDS, parities);
        assert.deepEqual(
          times.map((time) => time <= now),
          ever,
        );
      }),
      { numRuns: 500 },
    );
  });
});
