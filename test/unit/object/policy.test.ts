import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodePolicy, encodePolicy, formatPolicy, parsePolicy } from "../../../protocol/object/policy.ts";

const invalid = { code: "POLICY_INVALID" };

describe("policy", () => {
  it("reads rs(k,m) and copies(n)", () => {
    assert.deepEqual(parsePolicy("rs(6,3)"), { kind: "rs", k: 6, m: 3, n: 9 });
    assert.deepEqual(parsePolicy(" rs( 20 , 12 ) "), { kind: "rs", k: 20, m: 12, n: 32 });
    assert.deepEqual(parsePolicy("copies(3)"), { kind: "copies", k: 1, m: 2, n: 3 });
    assert.deepEqual(parsePolicy("copies(1)"), { kind: "copies", k: 1, m: 0, n: 1 });
  });

  it("encodes as an order carries it", () => {
    assert.equal(encodePolicy(parsePolicy("rs(6,3)")), 0x010603);
    assert.equal(encodePolicy(parsePolicy("copies(3)")), 0x020102);
  });

  for (const text of [
    "",
    "rs",
    "rs(6)",
    "rs(6,3",
    "rs(0,3)",
    "rs(6,0)",
    "rs(30,3)",
    "rs(6,-1)",
    "rs(6.5,3)",
    "copies(0)",
    "copies(33)",
    "copies(1,2)",
    "RS(6,3)",
    "raid5",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parsePolicy(text), invalid);
    });
  }

  for (const code of [0, 0x000603, 0x030603, 0x010003, 0x010600, 0x011f02, 0x020202, 0x020120, -1]) {
    it(`refuses the code ${code}`, () => {
      assert.throws(() => decodePolicy(code), invalid);
    });
  }

  it("comes back from its code and from its text, whichever it is", () => {
    const anyText = fc.oneof(
      fc
        .tuple(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 1, max: 31 }))
        .filter(([k, m]) => k + m <= 32)
        .map(([k, m]) => `rs(${k},${m})`),
      fc.integer({ min: 1, max: 32 }).map((n) => `copies(${n})`),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const policy = parsePolicy(text);
        assert.deepEqual(decodePolicy(encodePolicy(policy)), policy);
        assert.equal(formatPolicy(policy), text);
      }),
    );
  });
});
