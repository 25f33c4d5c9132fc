import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  cutoffTime,
  epochAt,
  epochStart,
  isLastOfTerm,
  seedTime,
  termOf,
} from "../../../protocol/chain/epochs.ts";

const parameters = { genesis: 1_000, epochLength: 60, seedDelay: 20, answerWindow: 20, termLength: 10 };

describe("epochs", () => {
  it("begin at genesis and follow each other without gap", () => {
    assert.deepEqual(
      [999, 1_000, 1_059, 1_060].map((timestamp) => epochAt(parameters, timestamp)),
      [-1, 0, 0, 1],
    );
  });

  it("contain exactly the seconds from their start to the next one's", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(59), (epoch, second) => {
        assert.equal(epochAt(parameters, epochStart(parameters, epoch) + second), epoch);
        assert.equal(epochAt(parameters, epochStart(parameters, epoch) - 1), epoch - 1);
      }),
    );
  });

  it("have their seed after the delay and their cut-off after the window", () => {
    assert.deepEqual(
      [epochStart(parameters, 2), seedTime(parameters, 2), cutoffTime(parameters, 2)],
      [1_120, 1_140, 1_160],
    );
  });

  it("belong to terms", () => {
    assert.deepEqual(
      [0, 9, 10].map((epoch) => termOf(parameters, epoch)),
      [0, 0, 1],
    );
    assert.deepEqual(
      [8, 9, 10, 19].map((epoch) => isLastOfTerm(parameters, epoch)),
      [false, true, false, true],
    );
  });
});
