/** How many tests of a runner passed and failed. */
export interface Totals {
  passed: number;
  failed: number;
}

interface NodeTestCounts {
  passed: number;
  cancelled: number;
  skipped: number;
  todo: number;
  tests: number;
}

/**
 * Totals of a node:test run from the line that the totals reporter wrote. Whatever did not pass has failed: a
 * skipped, cancelled or postponed test shows nothing. No line at all (the runner died) is one failure.
 */
export function totalsOfNodeTest(line: string): Totals {
  if (line.trim() === "") return { passed: 0, failed: 1 };
  const counts = JSON.parse(line) as NodeTestCounts;
  const passed = counts.passed;
  return { passed, failed: counts.tests - passed };
}

/**
 * Totals of Hardhat's Solidity runner from what it prints ("12 passing", "1 failing"). An exit code other than 0
 * without a failing test (it did not compile, say) is one failure.
 */
export function totalsOfSolidity(output: string, exitCode: number): Totals {
  const last = (word: string): number => {
    const matches = [...output.matchAll(new RegExp(`(\\d+) ${word}`, "g"))];
    return matches.length === 0 ? 0 : Number(matches[matches.length - 1]?.[1]);
  };
  const failed = last("failing") + last("skipped");
  return { passed: last("passing"), failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

export function addTotals(all: readonly Totals[]): Totals {
  return all.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }), {
    passed: 0,
    failed: 0,
  });
}
