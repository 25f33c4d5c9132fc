import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { chanceToPass, chanceToSee, epochsUntil } from "../../../scripts/bench/detection.ts";

const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

describe("detection of losses", () => {
  it("is samples over shards for one lost shard, and certain when all are asked for", () => {
    near(chanceToSee(1_000, 1, 64), 0.064);
    near(chanceToSee(64, 1, 64), 1);
    near(chanceToSee(10, 1, 64), 1);
    near(chanceToSee(1_000, 0, 64), 0);
  });

  it("counts draws without repeats", () => {
    // Of 4 shards 2 are lost; two draws miss both with 2/4 · 1/3.
    near(chanceToSee(4, 2, 2), 1 - 1 / 6);
  });

  it("comes near 1 − (1 − f)^s for large sets", () => {
    assert.ok(Math.abs(chanceToSee(1_000_000, 10_000, 64) - (1 - chanceToPass(0.01, 64))) < 1e-4);
  });

  it("takes the fewest epochs that reach the certainty", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.9, noNaN: true }), (chance) => {
        const epochs = epochsUntil(chance, 0.99);
        assert.ok(1 - chanceToPass(chance, epochs) >= 0.99 - 1e-12);
        assert.ok(epochs === 1 || 1 - chanceToPass(chance, epochs - 1) < 0.99 + 1e-12);
      }),
    );
    assert.equal(epochsUntil(1, 0.99), 1);
  });
});
