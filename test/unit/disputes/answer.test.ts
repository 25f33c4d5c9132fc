import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hex, hexToBytes } from "viem";
import { FIELD_ELEMENTS_PER_SHARD, PAYLOAD_BYTES, SHARD_BYTES } from "../../../protocol/constants.ts";
import { buildAnswer } from "../../../protocol/disputes/answer.ts";
import { appealDraw, appealPoint, drawnShards } from "../../../protocol/disputes/draw.ts";
import { fieldFromBytes } from "../../../protocol/kzg/field.ts";
import { createKzg } from "../../../protocol/kzg/kzg.ts";
import { orderTree, shardLeaf, slotLeaf } from "../../../protocol/merkle/slotRoot.ts";
import { type Hash, nodeHash, treeDepth, treeRoot } from "../../../protocol/merkle/tree.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import vectors from "../../vectors/appeals.json" with { type: "json" };

const kzg = createKzg();
const { order } = vectors;

type Answer = (typeof vectors.answers)[number]["answer"];

/** Where a path leads to, whatever its length. */
function climb(leaf: Hash, index: number, path: readonly string[]): Hash {
  return path.reduce((hash, step, level) => {
    const sibling = hexToBytes(step as Hex);
    return (index >>> level) & 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  }, leaf);
}

/** What the contract says of an answer: the error, or nothing if it is right. */
function refusal(answer: Answer, point: string): string | undefined {
  const commitment = hexToBytes(answer.commitment as Hex);
  const proof = hexToBytes(answer.proof as Hex);
  if (commitment.length !== 48 || proof.length !== 48) return "AnswerLength";
  const sound =
    answer.stripePath.length === treeDepth(order.stripes) &&
    answer.slotPath.length === treeDepth(order.providers.length);
  if (!sound) return "CommitmentWrong";
  const slotRoot = climb(shardLeaf(answer.stripe, commitment), answer.stripe, answer.stripePath);
  const root = climb(slotLeaf(answer.slot, slotRoot), answer.slot, answer.slotPath);
  if (Buffer.compare(root, hexToBytes(order.shardRoot as Hex)) !== 0) return "CommitmentWrong";
  try {
    const y = fieldFromBytes(hexToBytes(answer.y as Hex));
    return kzg.verify({ commitment, z: BigInt(point), y, proof }) ? undefined : "ProofWrong";
  } catch {
    return "ProofWrong";
  }
}

describe("golden vectors of appeals", () => {
  it("draw as this code draws", () => {
    for (const { epochDraw, provider, part, draw, drawn } of vectors.draws) {
      assert.equal(appealDraw(epochDraw as Hex, provider, part), draw);
      for (const { stripes, named, shards } of drawn) {
        const entries = stripes.map((count, index) => ({ stripes: count, stripe: named[index]! }));
        assert.deepEqual(drawnShards(draw as Hex, entries), shards);
      }
    }
  });

  it("open each shard at its point", () => {
    assert.equal(vectors.orderId, orderId(orderOfVectors()));
    for (const { point, answer } of vectors.answers) {
      const { slot, stripe } = answer;
      const of = { chainId: vectors.chainId, disputes: vectors.disputes as Hex, draw: vectors.draw as Hex };
      assert.equal(String(appealPoint({ ...of, orderId: vectors.orderId as Hex, slot, stripe })), point);
      assert.equal(refusal(answer, point), undefined);
    }
  });

  it("have one shard of zeros: point at infinity, value and proof of a constant", () => {
    const infinity = `0xc0${"00".repeat(47)}`;
    const zeros = vectors.answers.filter(({ answer }) => answer.commitment === infinity);
    assert.deepEqual(
      zeros.map(({ answer }) => [answer.y, answer.proof]),
      [[`0x${"00".repeat(32)}`, infinity]],
    );
  });

  it("refuse every wrong answer by the error that they name", () => {
    assert.ok(vectors.wrong.length >= 10);
    for (const { name, error, point, answer } of vectors.wrong) {
      assert.equal(refusal(answer, point), error, name);
    }
  });
});

describe("an answer", () => {
  const shards = [0, 1].map((slot) =>
    [0, 1, 2].map((stripe) => {
      const shard = new Uint8Array(SHARD_BYTES);
      for (let index = 0; index < FIELD_ELEMENTS_PER_SHARD; index++) {
        shard[index * 32 + 31] = (index + 7 * slot + stripe) % 251;
      }
      return shard;
    }),
  );

  it("is accepted for the bytes that the order commits to, refused for others", async () => {
    const commitments = await Promise.all(
      shards.map((slot) => Promise.all(slot.map((shard) => kzg.commit(shard)))),
    );
    const tree = orderTree(commitments);
    const own = { ...orderOfVectors(), shardRoot: treeRoot(tree.top), providers: [1, 2], stripes: 3 };
    const [slot, stripe, point] = [1, 2, 12_345n];
    const commitment = commitments[slot]![stripe]!;
    const of = { order: own, tree, slot, stripe, shard: shards[slot]![stripe]!, commitment, point, kzg };
    const holds = (answer: { y: Hex; proof: Hex }) =>
      kzg.verify({
        commitment,
        z: point,
        y: fieldFromBytes(hexToBytes(answer.y)),
        proof: hexToBytes(answer.proof),
      });
    const answer = await buildAnswer(of);
    assert.equal(holds(answer), true);
    const slotRoot = climb(shardLeaf(stripe, commitment), stripe, answer.stripePath);
    assert.deepEqual(climb(slotLeaf(slot, slotRoot), slot, answer.slotPath), hexToBytes(own.shardRoot));
    assert.equal(holds(await buildAnswer({ ...of, shard: shards[0]![0]! })), false);
  });

  it("needs the whole shard, in elements of the field", async () => {
    const commitment = new Uint8Array(48);
    const tree = orderTree([[commitment], [commitment]]);
    const of = { order: orderOfVectors(), tree, slot: 0, stripe: 0, commitment, point: 1n, kzg };
    await assert.rejects(buildAnswer({ ...of, shard: new Uint8Array(PAYLOAD_BYTES) }), {
      code: "SHARD_LENGTH",
    });
    await assert.rejects(buildAnswer({ ...of, shard: new Uint8Array(SHARD_BYTES).fill(0xff) }), {
      code: "SHARD_ELEMENT_NOT_CANONICAL",
    });
    await assert.rejects(buildAnswer({ ...of, stripe: 1, shard: new Uint8Array(SHARD_BYTES) }), {
      code: "MERKLE_INDEX_OUT_OF_RANGE",
    });
  });
});

function orderOfVectors(): Order {
  const { manifest, ...rest } = order;
  const { length, ...location } = manifest;
  return {
    ...(rest as unknown as Order),
    price: BigInt(order.price),
    openBy: BigInt(order.openBy),
    manifest: { ...(location as Omit<Order["manifest"], "length">), length: BigInt(length) },
  };
}
