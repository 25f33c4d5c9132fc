import assert from "node:assert/strict";
import { test } from "node:test";
import { instrumentBranches } from "../../../scripts/coverage/instrument.ts";
import { coverageOf, formatMissed, LEAST, parseLcov, totalOf } from "../../../scripts/coverage/report.ts";

const SOURCE = `pragma solidity 0.8.37;
contract A {
    // ä: two bytes
    function f(uint a, uint b) external pure returns (uint) {
        if (a > 1 && b > 2) return a == b ? 1 : 2;
        for (uint i = 0; i < b; ++i) a += i;
        return a;
    }
}
`;

test("every condition reports its outcome where it stands", () => {
  const { source, conditions } = instrumentBranches("contracts/A.sol", SOURCE);
  assert.deepEqual(conditions.map(({ line, kind, text }) => `${line} ${kind} ${text}`).sort(), [
    "5 conditional a == b",
    "5 if a > 1 && b > 2",
    "5 operand a > 1",
    "6 loop i < b",
  ]);
  const plain = source.replace(/__MemoBranches\.hit\(/g, "").replace(/, 0x[0-9a-f]{64}\)/g, "");
  assert.equal(plain, `${SOURCE}\nimport "memo-branches.sol";\n`);
  const [line = ""] = source.split("\n").filter((it) => it.includes("if ("));
  assert.match(line, /if \(__MemoBranches\.hit\(__MemoBranches\.hit\(a > 1, 0x\w+\) && b > 2, 0x\w+\)\)/);
  const ids = conditions.flatMap(({ whenTrue, whenFalse }) => [whenTrue, whenFalse]);
  assert.equal(new Set(ids).size, 8);
  for (const { whenTrue, whenFalse } of conditions)
    assert.equal(BigInt(`0x${whenTrue}`) ^ BigInt(`0x${whenFalse}`), 1n);
});

test("a branch is an outcome, a line is covered when all of it ran", () => {
  const { conditions } = instrumentBranches("contracts/A.sol", SOURCE);
  const lcov = parseLcov(
    "TN:\nSF:contracts/A.sol\nDA:5,1\nDA:6,0\nDA:7,3\nLH:2\nLF:3\nend_of_record\nSF:contracts/B.sol\nDA:1,1\n",
  );
  const seen = new Set(conditions.map(({ whenTrue }) => whenTrue));
  const [a, b] = coverageOf(lcov, conditions, seen);
  assert.deepEqual([a?.lines, a?.linesRun, a?.missedLines], [3, 2, [6]]);
  assert.deepEqual([a?.branches, a?.branchesRun], [8, 4]);
  assert.ok(a?.missedBranches.includes("6 loop never false: i < b"));
  assert.deepEqual([b?.lines, b?.linesRun, b?.branches], [1, 1, 0]);
  assert.deepEqual(totalOf([a!, b!]), { lines: 75, branches: 50 });
  assert.match(formatMissed([a!, b!]), /^contracts\/A.sol\n {2}lines 6\n {2}5 /);
  assert.ok(LEAST.lines >= 98 && LEAST.branches >= 95);
});
