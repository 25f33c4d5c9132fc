import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, concatHex, type Hex, hexToBytes, keccak256, numberToHex, stringToHex } from "viem";
import { verifyRangeProof } from "../../../protocol/merkle/rangeProof.ts";
import { leafHash, TAG } from "../../../protocol/merkle/tree.ts";
import { coverBytes, coveredPairs, type Holding, setPair } from "../../../protocol/results/cover.ts";
import {
  exceptionChunks,
  exceptionPayload,
  exceptionsOf,
  exceptionsRoot,
} from "../../../protocol/results/exceptions.ts";
import {
  absentMembers,
  type Inventory,
  judge,
  VERDICT,
  type Verdict,
} from "../../../protocol/results/judge.ts";
import { resultPayload, resultsRoot } from "../../../protocol/results/results.ts";
import vectors from "../../vectors/results.json" with { type: "json" };

const set = [
  { provider: 3, pairs: 1 },
  { provider: 7, pairs: 4 },
  { provider: 9, pairs: 11 },
];

const holding = (pairs: number): fc.Arbitrary<Holding> => {
  const simple = fc.constantFrom<Holding>("whole", "nothing");
  if (pairs < 2) return simple;
  const bitmap = fc.uniqueArray(fc.nat(pairs - 1), { minLength: 1 }).map((indexes) => {
    const cover = new Uint8Array(coverBytes(pairs));
    for (const pair of indexes) setPair(cover, pair);
    return cover;
  });
  return fc.oneof(simple, bitmap);
};
const holdings = fc.tuple(...set.map(({ pairs }) => holding(pairs)));
const inventories = (members: number) =>
  fc
    .array(holdings, { minLength: 1, maxLength: members })
    .map((all) => all.map((each, member): Inventory => ({ member, holdings: each })));

describe("verdicts from inventories", () => {
  it("another inventory never turns passed into missed, nor takes a pair from a cover", () => {
    fc.assert(
      fc.property(inventories(6), holdings, (before, extra) => {
        const less = judge(set, before);
        const more = judge(set, [...before, { member: 31, holdings: extra }]);
        for (const [index, judgement] of less.entries()) {
          if (judgement.verdict === VERDICT.passed) assert.equal(more[index]!.verdict, VERDICT.passed);
          const covered = coveredPairs(more[index]!.cover);
          assert.ok(coveredPairs(judgement.cover).every((pair) => covered.includes(pair)));
        }
      }),
    );
  });

  it("do not depend on the order of the inventories", () => {
    fc.assert(
      fc.property(inventories(6), (all) => {
        assert.deepEqual(judge(set, [...all].reverse()), judge(set, all));
      }),
    );
  });

  it("missed if and only if no inventory says whole and the pairs named are not all", () => {
    fc.assert(
      fc.property(inventories(5), (all) => {
        for (const [index, { verdict }] of judge(set, all).entries()) {
          const held = all.map((each) => each.holdings[index]!);
          const named = new Set(held.flatMap((each) => (typeof each === "string" ? [] : coveredPairs(each))));
          const passed = held.includes("whole") || named.size === set[index]!.pairs;
          assert.equal(verdict, passed ? VERDICT.passed : VERDICT.missed);
        }
      }),
    );
  });

  const malformed: [string, Holding][] = [
    ["a bitmap over a single pair", Uint8Array.of(1)],
    ["an empty bitmap", Uint8Array.of(0)],
    ["a bit beyond the pairs", Uint8Array.of(0b10000)],
    ["a bitmap of another length", Uint8Array.of(1, 0)],
  ];
  for (const [what, held] of malformed) {
    it(`refuses ${what}`, () => {
      const at = what.includes("single") ? 0 : 1;
      const all: Holding[] = ["nothing", "nothing", "nothing"];
      all[at] = held;
      assert.throws(() => judge(set, [{ member: 0, holdings: all }]), { code: "HOLDING_MALFORMED" });
    });
  }

  it("refuses an inventory of another set and two of one member", () => {
    const one = { member: 1, holdings: ["whole", "whole", "whole"] } as const;
    assert.throws(() => judge(set, [{ member: 0, holdings: ["whole"] }]), { code: "INVENTORY_MALFORMED" });
    assert.throws(() => judge(set, [one, one]), { code: "INVENTORY_REPEATED" });
  });

  it("names the absent members, up to the 32nd", () => {
    const of = (members: number[]) => members.map((member) => ({ member, holdings: [] }));
    assert.equal(absentMembers(4, of([0, 1, 3])), 0b0100);
    assert.equal(absentMembers(32, of([0])), 0xffff_fffe);
    assert.equal(absentMembers(32, of(Array.from({ length: 31 }, (_, index) => index))), 0x8000_0000);
  });
});

describe("the roots of an epoch", () => {
  const missed = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ provider: 2 * index + 1, verdict: VERDICT.missed }));

  it("exceptions are the missed ones by id, and chunks of any size prove themselves in order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 130 }), fc.integer({ min: 1, max: 60 }), (count, size) => {
        const leaves = exceptionsOf([...missed(count)].reverse());
        assert.deepEqual(
          leaves.map(({ provider }) => provider),
          missed(count).map(({ provider }) => provider),
        );
        const root = exceptionsRoot(leaves);
        let next = 0;
        for (const { from, leaves: chunk, proof } of exceptionChunks(leaves, 0, size)) {
          assert.equal(from, next);
          next += chunk.length;
          const hashes = chunk.map((leaf, index) =>
            leafHash(TAG.exception, from + index, exceptionPayload(leaf)),
          );
          assert.ok(verifyRangeProof({ root, count, from, leaves: hashes, proof }));
        }
        assert.equal(next, count);
      }),
      { numRuns: 30 },
    );
  });

  it("go on from what is applied already", () => {
    const chunks = exceptionChunks(exceptionsOf(missed(120)), 50, 50);
    assert.deepEqual(
      chunks.map(({ from, leaves }) => [from, leaves.length]),
      [
        [50, 50],
        [100, 20],
      ],
    );
  });

  it("without exceptions is the root of the empty tree", () => {
    assert.equal(exceptionsRoot([]), "0xf2ee15ea639b73fa3db9b34a245bdfa015c260c598b211bf05a1ecc4b3e3b4f2");
  });

  it("of results agree with the golden vectors, from the leaves' fields on", () => {
    const tag = keccak256(stringToHex("memo/result/v1"));
    for (const { leaves, root } of vectors) {
      for (const [index, { provider, verdict, cover, parts, payload, leafHash }] of leaves.entries()) {
        const proofs = concatHex(parts.flatMap(({ y, proof }) => [y, proof] as Hex[]));
        const fields = [numberToHex(provider, { size: 4 }), numberToHex(verdict, { size: 1 })];
        const expected = concatHex([...fields, keccak256(cover as Hex), keccak256(proofs)]);
        assert.equal(payload, expected);
        assert.equal(
          leafHash,
          keccak256(concatHex(["0x00", tag, numberToHex(index, { size: 4 }), expected])),
        );
      }
      const read = leaves.map(({ provider, verdict, cover, parts }) => ({
        provider,
        verdict: verdict as Verdict,
        cover: hexToBytes(cover as Hex),
        parts: parts.map(({ y, proof }) => ({ y: hexToBytes(y as Hex), proof: hexToBytes(proof as Hex) })),
      }));
      assert.deepEqual(
        read.map((leaf) => bytesToHex(resultPayload(leaf))),
        leaves.map(({ payload }) => payload),
      );
      assert.equal(resultsRoot(read), root);
    }
    const [none, one, two] = vectors;
    assert.equal(none!.root, keccak256("0x02"));
    assert.equal(one!.root, one!.leaves[0]!.leafHash);
    const [left, right] = two!.leaves.map(({ leafHash }) => leafHash as Hex);
    assert.equal(two!.root, keccak256(concatHex(["0x01", left!, right!])));
  });

  it("change with verdict, cover and every byte of a proof", () => {
    const part = { y: new Uint8Array(32), proof: new Uint8Array(48) };
    const leaf = { provider: 1, verdict: VERDICT.passed, cover: Uint8Array.of(1), parts: [part] };
    const roots = [
      [leaf],
      [{ ...leaf, verdict: VERDICT.missed }],
      [{ ...leaf, cover: Uint8Array.of(3) }],
      [{ ...leaf, provider: 2 }],
      [{ ...leaf, parts: [{ ...part, y: new Uint8Array(32).fill(1) }] }],
      [{ ...leaf, parts: [] }],
      [leaf, { ...leaf, provider: 2 }],
    ].map(resultsRoot);
    assert.equal(new Set(roots).size, roots.length);
  });
});
