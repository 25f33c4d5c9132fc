import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keccak256 } from "viem";
import { type ChallengeProof, challengePairs, coverOf } from "../../../protocol/challenge/proof.ts";
import { shardKey } from "../../../protocol/challenge/sample.ts";
import {
  type ChallengeContext,
  type CommittedShard,
  challengeTranscript,
} from "../../../protocol/challenge/transcript.ts";
import {
  type ProofCheck,
  type ProofClaim,
  verifyBatch,
  verifyProof,
} from "../../../protocol/challenge/verify.ts";
import { FIELD_MODULUS, SHARD_BYTES } from "../../../protocol/constants.ts";
import { fieldFromBytes, fieldToBytes } from "../../../protocol/kzg/field.ts";
import { createReedSolomon } from "../../../protocol/object/reedSolomon.ts";
import { encodePacked31 } from "../../../protocol/shard/packed31.ts";
import { cofactorPart, findPointOutsideSubgroup } from "./points.ts";
import * as world from "./world.ts";

const { kzg, points, contextOf, forge, prove } = world;
const context = contextOf();
const holding = await world.holdingOf([
  [world.shardOf(1), world.shardOf(2), world.shardOf(3)],
  [world.shardOf(4), world.shardOf(5)],
]);
const challenge = holding.challenge(context);
const bytes = challenge.map((shard) => holding.bytes.get(shardKey(shard))!);
const shards = world.opened(challenge);
const honest = await prove(context, holding);

const single = (claim: ProofClaim) => verifyProof({ ...claim, kzg, points });
const batch = (claims: ProofClaim[]) => verifyBatch({ claims, points });

/** Both verifiers must say the same. */
async function verdictOf(proof: ChallengeProof, of: Partial<ProofClaim> = {}): Promise<ProofCheck> {
  const claim = { context, shards, proof, ...of };
  const alone = single(claim);
  const [together, companion] = await batch([claim, { context, shards, proof: honest }]);
  assert.deepEqual(together, alone);
  assert.equal(companion!.valid, true, "an honest proof passes beside any other");
  return alone;
}

async function assertRefused(proof: ChallengeProof, code = "PROOF_INVALID", of: Partial<ProofClaim> = {}) {
  const check = await verdictOf(proof, of);
  assert.equal(check.valid, false);
  assert.equal(!check.valid && check.code, code);
}

async function assertAccepted(shardsHeld: Uint8Array[][]): Promise<ChallengeProof> {
  const own = await world.holdingOf(shardsHeld);
  const proof = await prove(context, own);
  const claim = { context, shards: world.opened(own.challenge(context)), proof };
  assert.deepEqual(single(claim), { valid: true });
  assert.deepEqual(await batch([claim]), [{ valid: true }]);
  return proof;
}

describe("an honest proof", () => {
  it("is accepted, alone and in a batch", async () => {
    assert.deepEqual(await verdictOf(honest), { valid: true });
    assert.equal(honest.parts.length, 1);
  });

  it("of a shard of zeros is accepted: identity commitment, zero value, identity proof", async () => {
    const proof = await assertAccepted([[world.ZERO_SHARD]]);
    assert.deepEqual(proof.parts, [{ y: new Uint8Array(32), proof: world.IDENTITY }]);
  });

  it("of a one-byte file under rs(6,3) is accepted for each of the nine shards", async () => {
    const policy = { kind: "rs", k: 6, m: 3, n: 9 } as const;
    const stripe = new Uint8Array(9 * SHARD_BYTES);
    stripe.set(encodePacked31(Uint8Array.of(42)));
    createReedSolomon().encode(stripe, policy);
    const all = Array.from({ length: 9 }, (_, slot) =>
      stripe.slice(slot * SHARD_BYTES, (slot + 1) * SHARD_BYTES),
    );
    assert.notDeepEqual(all[6], world.ZERO_SHARD);
    for (const shard of [all[0]!, all[1]!, all[6]!, all[7]!, all[8]!]) await assertAccepted([[shard]]);
  });

  it("of elements up to the modulus − 1 (layout blob) is accepted", async () => {
    const blob = world.shardOf(6);
    blob.set(fieldToBytes(FIELD_MODULUS - 1n), 0);
    blob.set(fieldToBytes(FIELD_MODULUS - 1n), 4095 * 32);
    await assertAccepted([[blob, world.shardOf(7)]]);
  });
});

describe("whoever does not hold the shards is refused", () => {
  it("no data: the zero proof, and an arbitrary value with an arbitrary point", async () => {
    await assertRefused(world.wholeProof(challenge, new Uint8Array(32), world.IDENTITY));
    await assertRefused(world.wholeProof(challenge, fieldToBytes(7n), challenge[0]!.commitment));
    await assertRefused(await forge(context, challenge, Array(bytes.length).fill(world.ZERO_SHARD)));
  });

  it("one shard kept: alone, or in place of all", async () => {
    const rest = bytes.map((shard, index) => (index === 0 ? shard : world.ZERO_SHARD));
    await assertRefused(await forge(context, challenge, rest));
    await assertRefused(await forge(context, challenge, Array(bytes.length).fill(bytes[0])));
  });

  it("only last epoch's weighted sum kept", async () => {
    const before = contextOf(41);
    const asked = holding.challenge(before);
    const { weights } = challengeTranscript(before, asked);
    const kept = await world.fieldPool.weightedSum(
      asked.map((shard) => holding.bytes.get(shardKey(shard))!),
      weights,
    );
    await assertRefused(await world.openSum(kept, challengeTranscript(context, challenge).point, challenge));
  });

  it("two shards swapped", async () => {
    await assertRefused(await forge(context, challenge, [bytes[1]!, bytes[0]!, ...bytes.slice(2)]));
  });

  it("a truncated shard", async () => {
    const cut = bytes[2]!.slice();
    cut.fill(0, SHARD_BYTES - 32);
    await assertRefused(await forge(context, challenge, bytes.with(2, cut)));
  });

  it("one bit flipped", async () => {
    const flipped = bytes[3]!.with(77, bytes[3]![77]! ^ 1);
    await assertRefused(await forge(context, challenge, bytes.with(3, flipped)));
  });

  it("the right sum opened at another point, or to another value", async () => {
    const { weights, point } = challengeTranscript(context, challenge);
    const sum = await world.fieldPool.weightedSum(bytes, weights);
    await assertRefused(await world.openSum(sum, point + 1n, challenge));
    const { y, proof } = honest.parts[0]!;
    await assertRefused(
      world.wholeProof(challenge, fieldToBytes((fieldFromBytes(y) + 1n) % FIELD_MODULUS), proof),
    );
  });
});

describe("a proof answers one challenge only", () => {
  const others: [string, ChallengeContext][] = [
    ["epoch", { ...context, epoch: 41 }],
    ["provider", { ...context, provider: 8 }],
    ["group", { ...context, group: "0x00000000000000000000000000000000c0ffee02" }],
    ["chain", { ...context, chainId: 1 }],
    ["seed (stale)", { ...context, seed: contextOf(41).seed }],
  ];
  for (const [name, other] of others) {
    it(`a proof of another ${name} is refused`, async () => {
      await assertRefused(await forge(other, challenge, bytes));
    });
  }

  it("a proof of another order, slot or stripe that holds the same bytes is refused", async () => {
    const move = (change: (shard: CommittedShard) => Partial<CommittedShard>) =>
      forge(
        context,
        challenge.map((shard) => ({ ...shard, ...change(shard) })),
        bytes,
      );
    await assertRefused(await move(({ orderId }) => ({ orderId: keccak256(orderId) })));
    await assertRefused(await move(({ slot }) => ({ slot: slot + 1 })));
    await assertRefused(await move(({ stripe }) => ({ stripe: stripe + 1 })));
  });

  it("a proof over the same shards in another sequence, or over fewer, is refused", async () => {
    await assertRefused(await forge(context, challenge.toReversed(), bytes.toReversed()));
    await assertRefused(await forge(context, challenge.slice(1), bytes.slice(1)));
  });
});

describe("a batch", () => {
  it("names both of two providers whose errors cancel without weights", async () => {
    const other = contextOf(42, 8);
    const otherShards = world.opened(holding.challenge(other));
    const second = await prove(other, holding);
    const shift = (proof: ChallengeProof, by: bigint): ChallengeProof => {
      const { y, proof: point } = proof.parts[0]!;
      const shifted = (fieldFromBytes(y) + by + FIELD_MODULUS) % FIELD_MODULUS;
      return { ...proof, parts: [{ y: fieldToBytes(shifted), proof: point }] };
    };
    const claims = [
      { context, shards, proof: shift(honest, 5n) },
      { context, shards, proof: honest },
      { context: other, shards: otherShards, proof: shift(second, -5n) },
    ];
    const openings = claims.map(({ context, shards, proof }) => {
      const committed = shards.map((shard) => ({ ...shard, commitment: points.compress(shard.point) }));
      const { weights, point: z } = challengeTranscript(context, committed);
      const sum = points.weightedSumPoint(
        shards.map(({ point }) => point),
        weights,
      );
      const { y, proof: opening } = proof.parts[0]!;
      return { sum, z, y: fieldFromBytes(y), proof: points.decompress(opening) };
    });
    assert.equal(points.verifySums(openings, [1n, 1n, 1n]), true, "without weights the errors cancel");
    assert.deepEqual(
      (await batch(claims)).map(({ valid }) => valid),
      [false, true, false],
    );
  });

  it("draws its weights from local randomness, 16 bytes for each opening, after all sums are known", async () => {
    const sizes: number[] = [];
    const random = (size: number) => {
      sizes.push(size);
      return new Uint8Array(size).fill(sizes.length);
    };
    const claim = { context, shards, proof: honest };
    await verifyBatch({ claims: [claim, claim], points, random });
    assert.deepEqual(sizes, [16, 16]);
  });

  it("names every bad one among many, and only those", async () => {
    const good = { context, shards, proof: honest };
    const bad = { ...good, proof: await forge(context, challenge, bytes.with(0, bytes[1]!)) };
    const malformed = { ...good, proof: { ...honest, parts: [] } };
    const claims = [good, bad, good, malformed, good, bad, good];
    assert.deepEqual(
      (await batch(claims)).map((check) => (check.valid ? "valid" : check.code)),
      ["valid", "PROOF_INVALID", "valid", "PROOF_MALFORMED", "valid", "PROOF_INVALID", "valid"],
    );
    assert.deepEqual(await batch([]), []);
  });

  it("stops when its signal aborts", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await assert.rejects(
      verifyBatch({ claims: [{ context, shards, proof: honest }], points, signal }),
      /stop/,
    );
  });
});

describe("points outside the subgroup are refused", () => {
  const outside = findPointOutsideSubgroup(points);
  const cofactor = cofactorPart(points);

  it("a proof point with a part in the cofactor, which the pairing does not see", async () => {
    const { y, proof } = honest.parts[0]!;
    const hidden = points.weightedSumPoint([points.decompress(proof), cofactor], [1n, 1n]);
    assert.equal(points.isInSubgroup(hidden), false);
    await assertRefused(world.wholeProof(challenge, y, points.compress(hidden)));
  });

  it("a commitment with a part in the cofactor: its sum is not in the subgroup", async () => {
    const hidden = points.weightedSumPoint([shards[0]!.point, cofactor], [1n, 1n]);
    const tampered = shards.with(0, { ...shards[0]!, point: hidden });
    const asked = challenge.with(0, { ...challenge[0]!, commitment: points.compress(hidden) });
    await assertRefused(await forge(context, asked, bytes), "PROOF_INVALID", { shards: tampered });
  });

  it("a commitment elsewhere on the curve, or off it", async () => {
    await assertRefused(honest, "PROOF_INVALID", {
      shards: shards.with(1, { ...shards[1]!, point: outside.point }),
    });
    const off = shards[1]!.point.with(95, shards[1]!.point[95]! ^ 1);
    await assertRefused(honest, "POINT_NOT_ON_CURVE", {
      shards: shards.with(1, { ...shards[1]!, point: off }),
    });
  });
});

describe("a malformed proof is refused by code", () => {
  const [part] = honest.parts;

  it("with a value that is not canonical", async () => {
    const value = fieldFromBytes(part!.y) + FIELD_MODULUS;
    if (value < 1n << 256n) {
      const y = Uint8Array.from(value.toString(16).padStart(64, "0").match(/../g)!, (byte) =>
        Number.parseInt(byte, 16),
      );
      await assertRefused(world.wholeProof(challenge, y, part!.proof), "FIELD_ELEMENT_NOT_CANONICAL");
    }
    await assertRefused(
      world.wholeProof(challenge, new Uint8Array(32).fill(0xff), part!.proof),
      "FIELD_ELEMENT_NOT_CANONICAL",
    );
  });

  it("with a wrong number or size of parts, or a cover of another challenge", async () => {
    await assertRefused({ ...honest, parts: [part!, part!] }, "PROOF_MALFORMED");
    await assertRefused({ ...honest, parts: [] }, "PROOF_MALFORMED");
    await assertRefused({ ...honest, parts: [{ ...part!, proof: new Uint8Array(47) }] }, "PROOF_MALFORMED");
    await assertRefused({ ...honest, cover: Uint8Array.of(0b111) }, "COVER_MALFORMED");
    await assertRefused({ ...honest, cover: new Uint8Array(2) }, "COVER_MALFORMED");
  });
});

describe("a proof in parts", () => {
  const pairs = challengePairs(challenge);
  const partOf = async (pair: number) => {
    const asked = pairs[pair]!.shards;
    const held = asked.map((shard) => holding.bytes.get(shardKey(shard))!);
    return (await forge(context, asked, held)).parts[0]!;
  };

  it("is accepted for the pairs that it covers", async () => {
    assert.equal(pairs.length, 2);
    for (const pair of [0, 1]) {
      const proof = { cover: coverOf([pair], 2), parts: [await partOf(pair)] };
      assert.deepEqual(await verdictOf(proof), { valid: true });
    }
  });

  it("is refused for a pair that it does not cover, and in parts where the whole would do", async () => {
    await assertRefused({ cover: coverOf([1], 2), parts: [await partOf(0)] });
    await assertRefused(
      { cover: coverOf([0, 1], 2), parts: [await partOf(0), await partOf(1)] },
      "PROOF_MALFORMED",
    );
    await assertRefused({ cover: coverOf([0], 2), parts: honest.parts });
  });
});
