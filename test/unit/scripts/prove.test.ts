import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSolver } from "../../../scripts/prove/solver.ts";
import { propertiesOf } from "../../../scripts/prove/verdicts.ts";

const FILE = "test/contracts/smt/SomeProof.sol";
const SOURCE = `contract SomeProof {
  function first() external pure { assert(a); assert(b); }
  function second() external pure { assert(c); }
}`;
const SAFE = "BMC: Assertion violation check is safe!";
const BROKEN = "BMC: Assertion violation happens here.";
const OPEN = "BMC: Assertion violation might happen here.";

function found(message: string, text: string, file = FILE) {
  return { message, sourceLocation: { file, start: SOURCE.indexOf(text) } };
}

function verdicts(findings: Parameters<typeof propertiesOf>[2]) {
  return propertiesOf(FILE, SOURCE, findings).map(({ name, verdict }) => `${name}: ${verdict}`);
}

describe("A property of the libraries", () => {
  it("is proven when every assertion of its function is", () => {
    const findings = [found(SAFE, "assert(a)"), found(SAFE, "assert(b)"), found(SAFE, "assert(c)")];
    assert.deepEqual(verdicts(findings), ["first: proven", "second: proven"]);
  });

  it("is unknown when the checker left an assertion out or gave it up", () => {
    const findings = [found(SAFE, "assert(a)"), found(OPEN, "assert(c)")];
    assert.deepEqual(verdicts(findings), ["first: unknown", "second: unknown"]);
  });

  it("is violated when one assertion is, whatever the others are", () => {
    const findings = [found(OPEN, "assert(a)"), found(BROKEN, "assert(b)"), found(SAFE, "assert(c)")];
    assert.deepEqual(verdicts(findings), ["first: violated", "second: proven"]);
  });

  it("is the arithmetic of a library too", () => {
    const overflow = "BMC: Overflow (resulting value larger than 2**256 - 1)";
    const findings = [
      found(`${overflow} check is safe!`, "assert(a)", "contracts/libraries/One.sol"),
      found(`${overflow} happens here.`, "assert(a)", "contracts/libraries/Two.sol"),
    ];
    assert.deepEqual(verdicts(findings).slice(2), [
      "arithmetic of One.sol: proven",
      "arithmetic of Two.sol: violated",
    ]);
  });

  it("is not looked into without a solver", () => {
    assert.throws(() => createSolver("/nowhere/z3"), { code: "SMT_SOLVER_MISSING" });
  });
});
