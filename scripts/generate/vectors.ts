import { mkdirSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { bytesToHex, concatBytes, type Hex, numberToBytes } from "viem";
import { sampleShards } from "../../protocol/challenge/sample.ts";
import { epochSeed } from "../../protocol/challenge/seed.ts";
import { challengeTranscript, windowTranscript } from "../../protocol/challenge/transcript.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { multiproof } from "../../protocol/merkle/multiproof.ts";
import { rangeProof } from "../../protocol/merkle/rangeProof.ts";
import { orderTree, shardProof, slotRoot } from "../../protocol/merkle/slotRoot.ts";
import { buildTree, leafHash, nodeAt, TAG, treeRoot } from "../../protocol/merkle/tree.ts";
import { VERDICT } from "../../protocol/results/judge.ts";
import { resultPayload, resultsRoot, resultsTree } from "../../protocol/results/results.ts";
import { appealCases, exceptionCases } from "./disputeCases.ts";
import { bytesOf, hashOf, vectorText } from "./material.ts";
import { openingCases, packedCases } from "./shardCases.ts";

/**
 * Writes test/vectors/*.json: values that every implementation of the formats must reproduce. They depend on
 * nothing but this script and the protocol; `npm run check` runs it and compares. Numbers up to 2^32 are JSON
 * numbers, larger ones decimal strings, bytes hex strings.
 */
const TARGET = new URL("../../test/vectors/", import.meta.url);
const GROUP = "0x00000000000000000000000000000000c0ffee01";
const CHAIN_ID = 31337;

function merkle() {
  const shapes = [
    { slots: 1, stripes: 1, many: [[0, 0]] },
    {
      slots: 3,
      stripes: 2,
      many: [
        [0, 1],
        [2, 0],
        [2, 1],
      ],
    },
    {
      slots: 9,
      stripes: 5,
      many: [
        [0, 0],
        [0, 4],
        [3, 2],
        [8, 0],
        [8, 1],
        [8, 3],
      ],
    },
    { slots: 2, stripes: 8, many: [[1, 7]] },
  ];
  return shapes.map(({ slots, stripes, many }) => {
    const commitments = Array.from({ length: slots }, (_, slot) =>
      Array.from({ length: stripes }, (_, stripe) => bytesOf(`commitment ${slots} ${slot} ${stripe}`, 48)),
    );
    const tree = orderTree(commitments);
    const places = many.map(([slot, stripe]) => ({ slot: slot!, stripe: stripe! }));
    return {
      slots,
      stripes,
      commitments: commitments.map((slot) => slot.map((commitment) => bytesToHex(commitment))),
      slotRoots: commitments.map(slotRoot),
      shardRoot: treeRoot(tree.top),
      proofs: places.map(({ slot, stripe }) => ({ slot, stripe, ...shardProof(tree, slot, stripe) })),
      multiproof: { places, proof: multiproof(tree, places) },
    };
  });
}

function ranges() {
  return [1, 2, 5, 8, 13].map((count) => {
    const leaves = Array.from({ length: count }, (_, index) => ({
      kind: index < count - 2 ? 1 : 2,
      provider: 7 + 3 * index,
      data: index < count - 2 ? (`0x${"0".repeat(64)}` as Hex) : hashOf(`entries ${index}`),
    }));
    const hashes = leaves.map(({ kind, provider, data }, index) =>
      leafHash(
        TAG.exception,
        index,
        concatBytes([
          Uint8Array.of(kind),
          numberToBytes(provider, { size: 4 }),
          Buffer.from(data.slice(2), "hex"),
        ]),
      ),
    );
    const tree = buildTree(hashes);
    const chunks = [
      [0, count],
      [0, 1],
      [count - 1, 1],
      [1, 3],
      [4, 4],
    ]
      .map(([from, length]) => ({ from: from!, length: length! }))
      .filter(({ from, length }) => from + length <= count)
      .filter((chunk, index, all) => all.findIndex((other) => isDeepStrictEqual(other, chunk)) === index)
      .map(({ from, length }) => ({ from, length, proof: rangeProof(tree, from, length) }));
    return {
      count,
      leaves,
      leafHashes: hashes.map((hash) => bytesToHex(hash)),
      root: treeRoot(tree),
      chunks,
    };
  });
}

function results() {
  const part = (name: string) => ({ y: bytesOf(`${name} y`, 32), proof: bytesOf(`${name} proof`, 48) });
  const { passed, missed } = VERDICT;
  const leaves = [
    { provider: 7, verdict: passed, cover: Uint8Array.of(0b1), parts: [part("whole")] },
    { provider: 10, verdict: missed, cover: Uint8Array.of(0b00), parts: [] },
    {
      provider: 11,
      verdict: missed,
      cover: Uint8Array.of(0b10, 0b100),
      parts: [part("first"), part("tenth")],
    },
    { provider: 300, verdict: passed, cover: Uint8Array.of(0xff, 0b1), parts: [part("whole of nine")] },
    { provider: 4294967295, verdict: passed, cover: Uint8Array.of(0b11), parts: [part("one"), part("two")] },
  ];
  return [0, 1, 2, 5].map((count) => {
    const set = leaves.slice(0, count);
    const tree = resultsTree(set);
    return {
      leaves: set.map((leaf, index) => ({
        provider: leaf.provider,
        verdict: leaf.verdict,
        cover: bytesToHex(leaf.cover),
        parts: leaf.parts.map(({ y, proof }) => ({ y: bytesToHex(y), proof: bytesToHex(proof) })),
        payload: bytesToHex(resultPayload(leaf)),
        leafHash: bytesToHex(nodeAt(tree, 0, index)),
      })),
      root: resultsRoot(set),
    };
  });
}

function transcripts() {
  const challenges = [1, 2, 5].map((count) => {
    const context = {
      chainId: CHAIN_ID,
      group: GROUP,
      epoch: 42,
      seed: hashOf("seed"),
      provider: 7,
    } as const;
    const shards = Array.from({ length: count }, (_, index) => ({
      orderId: hashOf(`order ${index >> 1}`),
      slot: index % 3,
      stripe: 1000 * index,
      commitment: bytesOf(`commitment ${index}`, 48),
    }));
    const { digest, weights, point } = challengeTranscript(context, shards);
    return {
      ...context,
      shards: shards.map((shard) => ({ ...shard, commitment: bytesToHex(shard.commitment) })),
      digest,
      weights: weights.map(String),
      point: String(point),
    };
  });
  const windows = [1, 3].map((count) => {
    const context = {
      chainId: CHAIN_ID,
      group: GROUP,
      nonce: hashOf("nonce"),
      provider: 7,
      slot: 2,
      firstStripe: 64,
    } as const;
    const commitments = Array.from({ length: count }, (_, index) => bytesOf(`window ${index}`, 48));
    const { digest, weights, point } = windowTranscript(context, commitments);
    return {
      ...context,
      commitments: commitments.map((commitment) => bytesToHex(commitment)),
      digest,
      weights: weights.map(String),
      point: String(point),
    };
  });
  return { challenges, windows };
}

function samples() {
  const slots = [
    { orderId: hashOf("order b"), slot: 1, stripes: 40, sequence: 9 },
    { orderId: hashOf("order a"), slot: 5, stripes: 3, sequence: 2 },
    { orderId: hashOf("order c"), slot: 0, stripes: 100, sequence: 11 },
  ];
  const owed = [
    { orderId: hashOf("order c"), slot: 0, stripe: 99 },
    { orderId: hashOf("order a"), slot: 5, stripe: 0 },
    { orderId: hashOf("order gone"), slot: 0, stripe: 0 },
  ];
  const cases = [
    { slots, samples: 8, owed },
    { slots: slots.slice(1, 2), samples: 64, owed: [] },
    { slots: [], samples: 64, owed: owed.slice(0, 1) },
  ];
  return cases.map((of) => {
    const input = { seed: hashOf("seed"), provider: 7, ...of };
    return { ...input, shards: sampleShards(input) };
  });
}

function seeds() {
  return [1, 4294967295].map((epoch) => {
    const of = { chainId: CHAIN_ID, group: GROUP, epoch, prevRandao: hashOf(`randao ${epoch}`) } as const;
    return { ...of, seed: epochSeed(of) };
  });
}

const kzg = createKzg();
const vectors = {
  merkle: merkle(),
  rangeProof: ranges(),
  results: results(),
  transcript: transcripts(),
  sampling: samples(),
  seed: seeds(),
  packed31: packedCases(),
  kzg: await openingCases(kzg),
  exceptions: exceptionCases(),
  appeals: await appealCases(kzg),
};
mkdirSync(TARGET, { recursive: true });
for (const [name, cases] of Object.entries(vectors)) {
  writeFileSync(new URL(`${name}.json`, TARGET), vectorText(cases));
}
process.stdout.write(`vectors: ${Object.keys(vectors).join(", ")}\n`);
