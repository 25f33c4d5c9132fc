import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { PAYLOAD_BYTES, SHARD_BYTES } from "../../../protocol/constants.ts";
import { type Policy, parsePolicy } from "../../../protocol/object/policy.ts";
import { createReedSolomon } from "../../../protocol/object/reedSolomon.ts";
import {
  decodeStripe,
  encodeReplicatedStripe,
  encodeStripe,
  stripePayloadBytes,
  stripePayloads,
  stripesFor,
} from "../../../protocol/object/stripes.ts";
import { LAYOUT } from "../../../protocol/order.ts";
import { assertShard } from "../../../protocol/shard/shard.ts";
import { noise } from "./noise.ts";

const reedSolomon = createReedSolomon();

/** Every way to lose exactly `lost` of `n`. */
function* losses(n: number, lost: number, from = 0): Generator<number[]> {
  if (lost === 0) yield [];
  else for (let i = from; i < n; i++) for (const rest of losses(n, lost - 1, i + 1)) yield [i, ...rest];
}

function without(shards: readonly Uint8Array[], lost: readonly number[]): (Uint8Array | undefined)[] {
  return shards.map((shard, slot) => (lost.includes(slot) ? undefined : shard));
}

function restore(shards: readonly (Uint8Array | undefined)[], policy: Policy): Uint8Array {
  return decodeStripe(reedSolomon.reconstruct(shards, policy).slice(0, policy.k));
}

describe("stripes", () => {
  it("come back under every loss of up to m shards, parity rebuilt too", () => {
    for (const text of ["rs(2,1)", "rs(3,2)", "rs(6,3)", "copies(3)"]) {
      const policy = parsePolicy(text);
      const shards = encodeStripe(noise(stripePayloadBytes(policy) - 5, 7), policy, reedSolomon);
      for (let count = 1; count <= policy.m; count++) {
        for (const lost of losses(policy.n, count)) {
          // What an earlier call left in the library's memory must not be of help.
          encodeStripe(noise(40, 8), policy, reedSolomon);
          const rebuilt = reedSolomon.reconstruct(without(shards, lost), policy);
          for (const [slot, shard] of rebuilt.entries()) {
            assert.ok(Buffer.compare(shard, shards[slot]!) === 0, `${text} without ${lost}: slot ${slot}`);
          }
        }
      }
    }
  });

  it("cannot be read with one shard fewer than k", () => {
    const policy = parsePolicy("rs(6,3)");
    const shards = encodeStripe(noise(10, 1), policy, reedSolomon);
    assert.throws(() => reedSolomon.reconstruct(without(shards, [0, 3, 4, 8]), policy), {
      code: "TOO_FEW_SHARDS",
    });
  });

  it("have parity whose every element is canonical", () => {
    const policy = parsePolicy("rs(6,3)");
    const worst = new Uint8Array(stripePayloadBytes(policy)).fill(0xff);
    for (const payload of [worst, noise(worst.length, 3), new Uint8Array(0)]) {
      for (const shard of encodeStripe(payload, policy, reedSolomon)) assertShard(shard, LAYOUT.packed31);
    }
  });

  it("hold the same shard in all slots when replicated, and that is a codeword of Reed–Solomon", () => {
    for (const text of ["rs(6,3)", "rs(20,12)", "copies(4)"]) {
      const policy = parsePolicy(text);
      const payload = noise(1234, 9);
      const shards = encodeReplicatedStripe(payload, policy);
      assert.equal(shards.length, policy.n);
      const lost = Array.from({ length: policy.m }, (_, i) => i);
      for (const shard of reedSolomon.reconstruct(without(shards, lost), policy))
        assert.deepEqual(shard, shards[0]);
      assert.deepEqual(decodeStripe([shards[0]!]).subarray(0, payload.length), payload);
    }
  });

  it("refuse a shard of another length and a payload that is too long", () => {
    const policy = parsePolicy("rs(2,1)");
    const shards = encodeStripe(noise(9, 2), policy, reedSolomon);
    assert.throws(() => reedSolomon.reconstruct([shards[0]!.subarray(1), shards[1], undefined], policy), {
      code: "SHARD_LENGTH_INVALID",
    });
    assert.throws(() => encodeStripe(new Uint8Array(stripePayloadBytes(policy) + 1), policy, reedSolomon), {
      code: "STRIPE_INVALID",
    });
    assert.throws(() => reedSolomon.encode(new Uint8Array(SHARD_BYTES), policy), { code: "STRIPE_INVALID" });
    assert.throws(() => reedSolomon.reconstruct(shards.slice(1), policy), { code: "STRIPE_INVALID" });
  });

  it("are counted from payload bytes", () => {
    const policy = parsePolicy("rs(6,3)");
    assert.equal(stripesFor(0, policy), 0);
    assert.equal(stripesFor(1, policy), 1);
    assert.equal(stripesFor(6 * PAYLOAD_BYTES, policy), 1);
    assert.equal(stripesFor(6 * PAYLOAD_BYTES + 1, policy), 2);
  });

  it("bring back any bytes, however the source cuts them, under any policy and any loss of up to m", async () => {
    const anyPolicy = fc
      .constantFrom("rs(1,1)", "rs(2,2)", "rs(5,2)", "rs(10,6)", "copies(1)", "copies(2)")
      .map(parsePolicy);
    await fc.assert(
      fc.asyncProperty(
        anyPolicy,
        fc.integer({ min: 0, max: 3 * PAYLOAD_BYTES }),
        fc.integer({ min: 1, max: 300_000 }),
        fc.infiniteStream(fc.nat()),
        async (policy, length, chunk, picks) => {
          const bytes = noise(length, length);
          const chunks = Array.from({ length: Math.ceil(length / chunk) }, (_, i) =>
            bytes.subarray(i * chunk, (i + 1) * chunk),
          );
          const restored: Uint8Array[] = [];
          for await (const payload of stripePayloads(chunks, policy)) {
            const lost = Array.from({ length: policy.m }, () => picks.next().value! % policy.n);
            const shards = without(encodeStripe(payload, policy, reedSolomon), lost);
            restored.push(restore(shards, policy).subarray(0, payload.length));
          }
          assert.ok(Buffer.concat(restored).equals(bytes));
        },
      ),
      { numRuns: 15 },
    );
  });
});
