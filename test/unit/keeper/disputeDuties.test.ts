import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isClosable } from "../../../keeper/submit/disputeDuties.ts";
import type { LostRecordInfo } from "../../../protocol/chain/disputeTypes.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";
import { hash } from "../../sim/repair/chain.ts";

const record = (status: LostRecordInfo["status"]): LostRecordInfo => ({
  ...{ provider: 1, epoch: 5, part: 0, draw: hash("draw"), deadline: 1_000, deadlineBlock: 50, block: 40 },
  ...{ isProtected: status === "protected", status },
  entries: [{ orderId: hash("a"), slot: 2, stripe: 0, since: 1, until: 5, stripes: 9 }],
});
const state = (timestamp: number, number: number, challenged?: number, providerId = 1) =>
  ({
    head: { number, hash: "0x", timestamp },
    directChallenges: new Map(
      challenged === undefined
        ? []
        : [[1n, { ticket: { orderId: hash("a"), slot: challenged, providerId } }]],
    ),
  }) as unknown as GroupState;

describe("a lost record", () => {
  it("can be closed once both its seconds and its blocks are over", () => {
    assert.equal(isClosable(state(1_001, 51), record("open")), true);
    assert.equal(isClosable(state(1_000, 51), record("open")), false);
    assert.equal(isClosable(state(1_001, 50), record("open")), false);
    assert.equal(isClosable({ ...state(0, 0), head: undefined }, record("open")), false);
  });

  it("is closed once", () => {
    assert.equal(isClosable(state(1_001, 51), record("closed")), false);
  });

  it("that is appealed or protected waits while one of its slots is challenged; one to be slashed does not", () => {
    for (const status of ["appealed", "protected"] as const) {
      assert.equal(isClosable(state(1_001, 51, 2), record(status)), false);
      assert.equal(isClosable(state(1_001, 51, 3), record(status)), true);
      assert.equal(isClosable(state(1_001, 51, 2, 9), record(status)), true, "it is about the next holder");
    }
    assert.equal(isClosable(state(1_001, 51, 2), record("open")), true);
  });
});
