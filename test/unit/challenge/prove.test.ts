import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { challengePairs, coverOf, isWhole } from "../../../protocol/challenge/proof.ts";
import { type ProveResult, proveChallenge } from "../../../protocol/challenge/prove.ts";
import { type ShardRef, shardKey } from "../../../protocol/challenge/sample.ts";
import { verifyProof } from "../../../protocol/challenge/verify.ts";
import * as world from "./world.ts";

const context = world.contextOf();
const holding = await world.holdingOf([
  [world.shardOf(1), world.shardOf(2)],
  [world.shardOf(3), world.shardOf(4)],
  [world.shardOf(5)],
]);
const challenge = holding.challenge(context);
const pairs = challengePairs(challenge);
const asKeys = (shards: readonly ShardRef[]) => shards.map(shardKey).sort();

function proveWith(readShard: (shard: ShardRef) => Promise<Uint8Array | undefined>): Promise<ProveResult> {
  return proveChallenge({ context, shards: challenge, readShard, ...world.tools });
}
const check = ({ proof }: ProveResult) =>
  verifyProof({ context, shards: world.opened(challenge), proof, kzg: world.kzg, points: world.points });

describe("a provider's proof", () => {
  it("is one part when everything is held", async () => {
    const result = await proveWith(holding.read);
    assert.equal(isWhole(result.proof.cover, pairs.length), true);
    assert.equal(result.proof.parts.length, 1);
    assert.deepEqual([result.missing, result.uncovered], [[], []]);
    assert.deepEqual(check(result), { valid: true });
  });

  it("covers the other slots when a shard is gone, and names what is missing and uncovered", async () => {
    const gone = pairs[1]!.shards[0]!;
    const result = await proveWith(async (shard) =>
      shardKey(shard) === shardKey(gone) ? undefined : holding.read(shard),
    );
    assert.deepEqual(result.proof.cover, coverOf([0, 2], 3));
    assert.equal(result.proof.parts.length, 2);
    assert.deepEqual(asKeys(result.missing), asKeys([gone]));
    assert.deepEqual(asKeys(result.uncovered), asKeys(pairs[1]!.shards));
    assert.deepEqual(check(result), { valid: true });
  });

  it("finds a shard that is silently corrupt, because it checks itself", async () => {
    const corrupt = pairs[0]!.shards[0]!;
    const result = await proveWith(async (shard) => {
      const bytes = await holding.read(shard);
      return shardKey(shard) === shardKey(corrupt) ? bytes!.with(1000, bytes![1000]! ^ 1) : bytes;
    });
    assert.deepEqual(result.proof.cover, coverOf([1, 2], 3));
    assert.deepEqual(result.missing, []);
    assert.deepEqual(asKeys(result.uncovered), asKeys(pairs[0]!.shards));
    assert.deepEqual(check(result), { valid: true });
  });

  it("counts a truncated shard as missing", async () => {
    const cut = pairs[2]!.shards[0]!;
    const result = await proveWith(async (shard) => {
      const bytes = await holding.read(shard);
      return shardKey(shard) === shardKey(cut) ? bytes!.subarray(0, 131_000) : bytes;
    });
    assert.deepEqual(asKeys(result.missing), asKeys([cut]));
    assert.deepEqual(check(result), { valid: true });
  });

  it("has no parts when nothing is held, and then there is nothing to send", async () => {
    const result = await proveWith(async () => undefined);
    assert.deepEqual(result.proof, { cover: coverOf([], 3), parts: [] });
    assert.deepEqual(asKeys(result.missing), asKeys(challenge));
    assert.deepEqual(asKeys(result.uncovered), asKeys(challenge));
  });

  it("of a single (order, slot) is all or nothing", async () => {
    const own = pairs[0]!.shards;
    const { proof, uncovered } = await proveChallenge({
      ...{ context, shards: own, ...world.tools },
      readShard: async (shard) => (shard.stripe === own[0]!.stripe ? undefined : holding.read(shard)),
    });
    assert.deepEqual(proof, { cover: coverOf([], 1), parts: [] });
    assert.deepEqual(asKeys(uncovered), asKeys(own));
  });

  it("of an empty challenge is empty", async () => {
    const { proof } = await proveChallenge({ context, shards: [], readShard: holding.read, ...world.tools });
    assert.deepEqual(proof, { cover: new Uint8Array(), parts: [] });
  });

  it("of more shards than are held in memory at a time verifies", async () => {
    const many = await world.holdingOf([Array(70).fill(world.shardOf(1))]);
    const asked = many.challenge(
      context,
      Array.from({ length: 70 }, (_, stripe) => ({ ...many.slots[0]!, stripe })),
    );
    assert.equal(asked.length, 70);
    const result = await proveChallenge({ context, shards: asked, readShard: many.read, ...world.tools });
    const { kzg, points } = world;
    const claim = { context, shards: world.opened(asked), proof: result.proof };
    assert.deepEqual(verifyProof({ ...claim, kzg, points }), { valid: true });
  });

  it("gives up, retryable, on a disk that answers differently each time", async () => {
    let reads = 0;
    const unstable = async (shard: ShardRef) => {
      const bytes = await holding.read(shard);
      // Wrong whenever the whole challenge is read, right for the parts.
      return reads++ % (2 * challenge.length) < challenge.length ? bytes!.with(9, bytes![9]! ^ 1) : bytes;
    };
    await assert.rejects(proveWith(unstable), { code: "SHARDS_UNSTABLE", retryable: true });
  });

  it("stops with its signal, and with what reading throws", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    const of = { context, shards: challenge, ...world.tools };
    await assert.rejects(proveChallenge({ ...of, readShard: holding.read, signal }), /too late/);
    const failing = async () => {
      throw new Error("the disk is on fire");
    };
    await assert.rejects(proveChallenge({ ...of, readShard: failing }), /on fire/);
  });
});
