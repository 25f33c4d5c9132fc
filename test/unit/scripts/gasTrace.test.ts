import assert from "node:assert/strict";
import { test } from "node:test";
import { createContractNames } from "../../../scripts/bench/gas/contractNames.ts";
import { ownSteps, type TraceStep } from "../../../scripts/bench/gas/trace.ts";

const INNER = `0x${"00".repeat(18)}0abc`;

function step(op: string, depth: number, gas: number, gasCost: number, ...stack: string[]): TraceStep {
  return { op, depth, gas, gasCost, stack };
}

/** Reads a word, calls a contract that writes one and hashes, calls a precompile, ends. */
const TRACE = [
  step("SLOAD", 1, 10_000, 2100, "0x7"),
  step("CALL", 1, 7900, 5000, INNER, "0x1388"),
  step("SHR", 2, 2400, 3, "0xa9059cbb00", "0xe0"),
  step("DUP1", 2, 2397, 3, "0xa9059cbb"),
  step("SSTORE", 2, 2394, 100, "0x1", "0x8"),
  step("KECCAK256", 2, 2294, 36, "0x40", "0x0"),
  step("RETURN", 2, 2258, 0),
  step("STATICCALL", 1, 5261, 3100, "0x1", "0x1388"),
  step("STOP", 1, 2161, 0),
];

test("each step has its own gas, and all together what execution took", () => {
  const { steps, calls } = ownSteps(TRACE);
  assert.equal(
    steps.reduce((sum, { gas }) => sum + gas, 0),
    10_000 - 2161,
  );
  const call = steps.find(({ op }) => op === "CALL")!;
  // 7,900 − 5,261 left for the call; 2,400 − 2,258 of it in the called code.
  assert.deepEqual(call, { op: "CALL", kind: "calls", gas: 2497, call: 0 });
  assert.deepEqual(
    calls.map(({ address, depth, selector }) => [address, depth, selector]),
    [
      [undefined, 1, undefined],
      [INNER, 2, "0xa9059cbb"],
    ],
  );
});

test("steps are told apart by what they touch", () => {
  const kinds = new Map(ownSteps(TRACE).steps.map(({ op, kind }) => [op, kind]));
  assert.equal(kinds.get("SLOAD"), "storage read, cold");
  assert.equal(kinds.get("SSTORE"), "storage write, again");
  assert.equal(kinds.get("KECCAK256"), "hashing");
  assert.equal(kinds.get("STATICCALL"), "precompiles");
  const { steps } = ownSteps([step("SLOAD", 1, 200, 100, "0x7"), step("STOP", 1, 100, 0)]);
  assert.equal(steps[0]?.kind, "storage read, warm");
});

test("a word that is written is new, or changed, by what it takes", () => {
  const kindOf = (gas: number) =>
    ownSteps([step("SSTORE", 1, 30_000, gas, "0x1", "0x0"), step("STOP", 1, 30_000 - gas, 0)]).steps[0]?.kind;
  assert.equal(kindOf(22_100), "storage write, new word");
  assert.equal(kindOf(20_000), "storage write, new word");
  assert.equal(kindOf(5000), "storage write, changed word");
  assert.equal(kindOf(2900), "storage write, changed word");
  assert.equal(kindOf(100), "storage write, again");
});

test("code is known again though constructors wrote into it, and a proxy is one", async () => {
  const codes: Record<string, `0x${string}`> = {
    "0x01": "0x6001aabb6002",
    "0x02": `0x363d3d373d3d3d363d73${"12".repeat(20)}5af43d82803e903d91602b57fd5bf3ff`,
    "0x03": "0x6001aabb6003",
  };
  const abi = [{ type: "function", name: "transfer", inputs: [{ type: "address" }, { type: "uint256" }] }];
  const names = createContractNames(
    [
      {
        ...{ contractName: "Token", abi, deployedBytecode: "0x600100006002" },
        immutableReferences: { "7": [{ start: 2, length: 2 }] },
      },
    ],
    async (address) => codes[address],
  );
  assert.deepEqual(
    await Promise.all(["0x01", "0x02", "0x03", "0x04"].map((it) => names.nameOf(it as `0x${string}`))),
    ["Token", "clone", "unknown", "unknown"],
  );
  assert.equal(names.functionOf("0xa9059cbb"), "transfer");
});
