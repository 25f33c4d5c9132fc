import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeAbiParameters, encodePacked, type Hex, hexToBytes, keccak256, stringToBytes } from "viem";
import { type HeldSlot, type ShardRef, sampleShards, shardKey } from "../../../protocol/challenge/sample.ts";
import { epochSeed } from "../../../protocol/challenge/seed.ts";
import { challengeTranscript, windowTranscript } from "../../../protocol/challenge/transcript.ts";
import sampling from "../../vectors/sampling.json" with { type: "json" };
import seeds from "../../vectors/seed.json" with { type: "json" };
import transcripts from "../../vectors/transcript.json" with { type: "json" };

const seed = keccak256("0x05");
const idOf = (index: number) => keccak256(`0x${(index + 16).toString(16)}`);
const held = (index: number, stripes: number): HeldSlot => ({
  ...{ orderId: idOf(index), slot: index % 4, stripes, sequence: 100 - index },
});

describe("the seed of an epoch", () => {
  it("agrees with the golden vectors and with abi.encode", () => {
    for (const { chainId, group, epoch, prevRandao, seed } of seeds) {
      const of = { chainId, group: group as Hex, epoch, prevRandao: prevRandao as Hex };
      assert.equal(epochSeed(of), seed);
      assert.equal(epochSeed({ ...of, prevRandao: BigInt(prevRandao) }), seed);
      assert.notEqual(epochSeed({ ...of, epoch: epoch - 1 }), seed);
      assert.notEqual(epochSeed({ ...of, chainId: 1 }), seed);
    }
  });
});

describe("a sample", () => {
  it("agrees with the golden vectors", () => {
    for (const { shards, ...of } of sampling) {
      assert.deepEqual(
        sampleShards({
          ...{ seed: of.seed as Hex, provider: of.provider, samples: of.samples },
          slots: of.slots as HeldSlot[],
          owed: of.owed as ShardRef[],
        }),
        shards,
      );
    }
  });

  const worlds = fc.record({
    slots: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }),
    samples: fc.integer({ min: 1, max: 40 }),
    provider: fc.nat(1000),
    owed: fc.array(fc.record({ slot: fc.nat(6), stripe: fc.nat(40) }), { maxLength: 10 }),
  });

  it("is what the draws say: numbered by sequence, slot and stripe, repeats skipped, then what is owed", () => {
    fc.assert(
      fc.property(worlds, ({ slots, samples, provider, owed }) => {
        const holding = slots.map((stripes, index) => held(index, stripes));
        const owes = owed.map(({ slot, stripe }) => ({ orderId: idOf(slot), slot: slot % 4, stripe }));
        const numbered = [...holding]
          .sort((a, b) => a.sequence - b.sequence)
          .flatMap(({ orderId, slot, stripes }) =>
            Array.from({ length: stripes }, (_, stripe) => ({ orderId, slot, stripe })),
          );
        const expected: ShardRef[] = [];
        const seen = new Set<string>();
        for (let j = 0; expected.length < Math.min(samples, numbered.length); j++) {
          const types = [{ type: "bytes32" }, { type: "uint32" }, { type: "uint32" }] as const;
          const draw = BigInt(keccak256(encodeAbiParameters(types, [seed, provider, j])));
          const shard = numbered[Number(draw % BigInt(numbered.length))]!;
          if (!seen.has(shardKey(shard))) expected.push(shard);
          seen.add(shardKey(shard));
        }
        const owing = new Set(owes.map(shardKey));
        expected.push(
          ...numbered.filter((shard) => owing.has(shardKey(shard)) && !seen.has(shardKey(shard))),
        );
        assert.deepEqual(sampleShards({ seed, provider, slots: holding, samples, owed: owes }), expected);
      }),
      { numRuns: 60 },
    );
  });

  it("does not depend on the order in which slots and owed shards are given", () => {
    const slots = [held(0, 9), held(1, 4), held(2, 7)];
    const owed = [
      { orderId: idOf(2), slot: 2, stripe: 6 },
      { orderId: idOf(0), slot: 0, stripe: 8 },
    ];
    const of = { seed, provider: 3, slots, samples: 4, owed };
    assert.deepEqual(
      sampleShards(of),
      sampleShards({ ...of, slots: slots.toReversed(), owed: owed.toReversed() }),
    );
  });

  it("is everything when there is no more, and nothing when nothing is held", () => {
    const all = sampleShards({ seed, provider: 1, slots: [held(0, 5), held(1, 3)], samples: 64, owed: [] });
    assert.equal(new Set(all.map(shardKey)).size, 8);
    assert.deepEqual(sampleShards({ seed, provider: 1, slots: [], samples: 64, owed: all }), []);
  });

  it("leaves out what is owed of slots that are gone", () => {
    const gone = { orderId: idOf(9), slot: 1, stripe: 0 };
    const otherSlot = { orderId: idOf(0), slot: 3, stripe: 0 };
    const of = { seed, provider: 1, slots: [held(0, 50)], samples: 2 };
    assert.deepEqual(sampleShards({ ...of, owed: [gone, otherSlot] }), sampleShards({ ...of, owed: [] }));
  });

  it("differs between providers and seeds", () => {
    const of = { seed, provider: 1, slots: [held(0, 10000)], samples: 8, owed: [] };
    assert.notDeepEqual(sampleShards(of), sampleShards({ ...of, provider: 2 }));
    assert.notDeepEqual(sampleShards(of), sampleShards({ ...of, seed: keccak256("0x06") }));
  });
});

describe("a transcript", () => {
  const contextOf = (of: (typeof transcripts.challenges)[number]) => ({
    ...{
      chainId: of.chainId,
      group: of.group as Hex,
      epoch: of.epoch,
      seed: of.seed as Hex,
      provider: of.provider,
    },
  });
  const shardsOf = (of: (typeof transcripts.challenges)[number]) =>
    of.shards.map(({ orderId, slot, stripe, commitment }) => ({
      ...{ orderId: orderId as Hex, slot, stripe, commitment: hexToBytes(commitment as Hex) },
    }));

  it("of a challenge agrees with the golden vectors", () => {
    for (const of of transcripts.challenges) {
      const { digest, weights, point } = challengeTranscript(contextOf(of), shardsOf(of));
      assert.deepEqual(
        { digest, weights: weights.map(String), point: String(point) },
        { digest: of.digest, weights: of.weights, point: of.point },
      );
    }
  });

  it("of an upload window agrees with the golden vectors", () => {
    for (const of of transcripts.windows) {
      const { chainId, provider, slot, firstStripe } = of;
      const context = {
        chainId,
        group: of.group as Hex,
        nonce: of.nonce as Hex,
        provider,
        slot,
        firstStripe,
      };
      const commitments = of.commitments.map((hex) => hexToBytes(hex as Hex));
      const { digest, weights, point } = windowTranscript(context, commitments);
      assert.deepEqual(
        { digest, weights: weights.map(String), point: String(point) },
        { digest: of.digest, weights: of.weights, point: of.point },
      );
    }
  });

  it("is keccak of abi.encode and the shards; weights are halves of keccak(T ‖ 'r' ‖ i), the point keccak(T ‖ 'z') >> 8", () => {
    const of = transcripts.challenges[1]!;
    const { chainId, group, epoch, seed, provider } = contextOf(of);
    const types = "bytes32,uint256,address,uint32,bytes32,uint32,uint32".split(",").map((type) => ({ type }));
    const domain = keccak256(stringToBytes("memo/challenge/v1"));
    const head = encodeAbiParameters(types, [
      domain,
      BigInt(chainId),
      group,
      epoch,
      seed,
      provider,
      of.shards.length,
    ]);
    const body = of.shards.map(({ orderId, slot, stripe, commitment }) =>
      encodePacked(
        ["bytes32", "uint32", "uint32", "bytes"],
        [orderId as Hex, slot, stripe, commitment as Hex],
      ).slice(2),
    );
    const digest = keccak256(`${head}${body.join("")}`);
    assert.equal(digest, of.digest);
    const halves = keccak256(encodePacked(["bytes32", "string", "uint32"], [digest, "r", 0])).slice(2);
    assert.deepEqual(
      of.weights,
      [BigInt(`0x${halves.slice(0, 32)}`), BigInt(`0x${halves.slice(32)}`)].map(String),
    );
    assert.equal(
      of.point,
      String(BigInt(keccak256(encodePacked(["bytes32", "string"], [digest, "z"]))) >> 8n),
    );
  });

  it("binds chain, group, epoch, seed, provider, and every shard with its place and commitment", () => {
    const of = transcripts.challenges[1]!;
    const context = contextOf(of);
    const shards = shardsOf(of);
    const [first, second] = [shards[0]!, shards[1]!];
    const others = [
      challengeTranscript({ ...context, chainId: 1 }, shards),
      challengeTranscript({ ...context, group: "0x00000000000000000000000000000000c0ffee02" }, shards),
      challengeTranscript({ ...context, epoch: context.epoch + 1 }, shards),
      challengeTranscript({ ...context, seed: keccak256("0x") }, shards),
      challengeTranscript({ ...context, provider: context.provider + 1 }, shards),
      challengeTranscript(context, [second, first]),
      challengeTranscript(context, [first]),
      challengeTranscript(context, [{ ...first, orderId: keccak256("0x") }, second]),
      challengeTranscript(context, [{ ...first, slot: 9 }, second]),
      challengeTranscript(context, [{ ...first, stripe: 9 }, second]),
      challengeTranscript(context, [{ ...first, commitment: first.commitment.with(3, 7) }, second]),
    ];
    const digests = new Set([of.digest as string, ...others.map(({ digest }) => digest)]);
    assert.equal(digests.size, others.length + 1);
    assert.throws(() => challengeTranscript(context, [{ ...first, commitment: new Uint8Array(47) }]), {
      code: "COMMITMENT_LENGTH",
    });
  });
});
