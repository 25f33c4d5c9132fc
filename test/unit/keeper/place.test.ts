import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Address, keccak256 } from "viem";
import { placeIn } from "../../../keeper/submit/place.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";

const operators: Address[] = [
  "0x00000000000000000000000000000000000000aa",
  "0x00000000000000000000000000000000000000bb",
];
const seed = keccak256("0x05");
const root = keccak256("0x06");
const state = {
  certificates: new Map([
    [4, { epoch: 4, term: 0, resultsRoot: root }],
    [5, { epoch: 5, term: 0, resultsRoot: root }],
  ]),
  seeds: new Map([[5, { seed }]]),
  rosters: new Map([[0, { term: 0, operators, keeperIds: [1, 2] }]]),
} as unknown as GroupState;

describe("a keeper's place in submitting", () => {
  it("is that of its operator in the roster that certified the epoch", () => {
    assert.deepEqual(placeIn(state, 5, operators[1]!), { seed, self: 1, members: 2 });
  });

  it("does not exist without certificate, seed or seat", () => {
    assert.equal(placeIn(state, 6, operators[1]!), undefined);
    assert.equal(placeIn(state, 4, operators[1]!), undefined);
    assert.equal(placeIn(state, 5, "0x00000000000000000000000000000000000000cc"), undefined);
  });
});
