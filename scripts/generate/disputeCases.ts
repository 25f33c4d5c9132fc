import { bytesToHex, type Hex } from "viem";
import { EXCEPTION_KIND } from "../../protocol/certificate.ts";
import {
  FIELD_ELEMENTS_PER_SHARD,
  FIELD_MODULUS,
  PAYLOAD_BYTES,
  SHARD_BYTES,
} from "../../protocol/constants.ts";
import { buildAnswer, type ShardAnswer } from "../../protocol/disputes/answer.ts";
import { appealDraw, appealPoint, drawnShards } from "../../protocol/disputes/draw.ts";
import { fieldToBytes } from "../../protocol/kzg/field.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import { orderTree } from "../../protocol/merkle/slotRoot.ts";
import { nodeAt, treeRoot } from "../../protocol/merkle/tree.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import {
  exceptionsOf,
  exceptionsRoot,
  exceptionsTree,
  lostDetail,
  lostParts,
  type OfferContent,
  offerDetail,
} from "../../protocol/results/exceptions.ts";
import { VERDICT } from "../../protocol/results/judge.ts";
import { encodePacked31 } from "../../protocol/shard/packed31.ts";
import { addressOf, bytesOf, hashOf } from "./material.ts";

const CHAIN_ID = 31337;

function orderOf(name: string, stripes: number, shardRoot: Hex): Order {
  return {
    group: addressOf("group"),
    owner: addressOf(`owner of ${name}`),
    payer: addressOf(`payer of ${name}`),
    providers: [4, 9, 2],
    shardRoot,
    stripes,
    policy: (1 << 16) | (2 << 8) | 1,
    layout: 0,
    startEpoch: 10,
    endEpoch: 375,
    price: 429496729600n,
    minEpochs: 1,
    openBy: 1_800_000_000n,
    manifest: { firstStripe: 0, stripes: 1, length: 1234n, digest: hashOf(`manifest of ${name}`) },
    salt: hashOf(`salt of ${name}`),
  };
}

/** Leaves of all kinds, what they stand for, and what is handed in with them. */
export function exceptionCases() {
  const orders = ["a", "b", "c"].map((name) => orderOf(name, 100, hashOf(`shards of ${name}`)));
  const known = orders.map((order) => ({ id: orderId(order), order }));
  const idOf = (index: number) => known[index]!.id;
  const entry = (index: number, slot: number, stripe: number) => ({ orderId: idOf(index), slot, stripe });
  const many = Array.from({ length: 70 }, (_, index) => ({
    orderId: hashOf(`order ${index >> 1}`),
    slot: index & 1,
    stripe: index,
  }));
  const offer = (provider: number, index: number, slot: number, deadline: number): OfferContent => ({
    provider,
    orderId: idOf(index),
    slot,
    deadline,
  });
  const missed = [7, 3, 4294967295].map((provider) => ({ provider, verdict: VERDICT.missed }));
  const cases = [
    { missed: [], lost: lostParts(5, [entry(0, 1, 99)]), offers: [] },
    { missed: [], lost: [], offers: [offer(6, 1, 2, 4294967295)] },
    {
      missed,
      lost: [...lostParts(9, [entry(2, 1, 0), entry(0, 2, 42), entry(2, 0, 7)]), ...lostParts(3, many)],
      offers: [offer(8, 1, 2, 15), offer(6, 2, 0, 14), offer(6, 0, 2, 15)],
    },
  ];
  return cases.map(({ missed: judgements, lost, offers }) => {
    const leaves = exceptionsOf(judgements, { lost, offers });
    const tree = exceptionsTree(leaves);
    return {
      orders: known,
      leaves: leaves.map((leaf, index) => {
        const detail = () => {
          if (leaf.kind === EXCEPTION_KIND.lost) return lostDetail(leaf.content, known);
          if (leaf.kind !== EXCEPTION_KIND.offer) return undefined;
          return offerDetail(leaf.content, known.find(({ id }) => id === leaf.content.orderId)!.order);
        };
        return { ...leaf, detail: detail(), leafHash: bytesToHex(nodeAt(tree, 0, index)) };
      }),
      root: exceptionsRoot(leaves),
    };
  });
}

/** Shards of the order whose shards are asked for: noise, one of zeros, one of the largest elements. */
function shardOf(slot: number, stripe: number): Uint8Array {
  if (slot === 1 && stripe === 1) return new Uint8Array(SHARD_BYTES);
  if (slot === 2 && stripe === 2) {
    const shard = new Uint8Array(SHARD_BYTES);
    const largest = fieldToBytes(FIELD_MODULUS - 1n);
    for (let index = 0; index < FIELD_ELEMENTS_PER_SHARD; index++) shard.set(largest, index * largest.length);
    return shard;
  }
  return encodePacked31(bytesOf(`shard ${slot} ${stripe}`, PAYLOAD_BYTES));
}

/** Lost records by their entries' slots: stripes of each, and the stripe that the entry names. */
const RECORDS = [
  { stripes: [1], named: [0] },
  { stripes: [3], named: [2] },
  { stripes: [4], named: [1] },
  { stripes: [4294967295], named: [4294967294] },
  { stripes: [1, 1], named: [0, 0] },
  { stripes: [1, 2], named: [0, 1] },
  { stripes: [2, 2], named: [1, 0] },
  { stripes: [1, 1000], named: [0, 999] },
  { stripes: [1, 1, 1], named: [0, 0, 0] },
  { stripes: [1, 2, 1], named: [0, 0, 0] },
  { stripes: [64, 7, 300], named: [63, 3, 299] },
  { stripes: [1, 1, 1, 1], named: [0, 0, 0, 0] },
  { stripes: [9, 8, 7, 6, 5], named: [8, 7, 6, 5, 4] },
  ...[63, 64].map((count) => ({
    stripes: Array.from({ length: count }, (_, index) => index + 1),
    named: Array.from({ length: count }, (_, index) => index),
  })),
];

/** Draws, points, answers for shards of one order, and answers that must be refused. */
export async function appealCases(kzg: Kzg) {
  const disputes = addressOf("disputes");
  const grid = [0, 1, 2].map((slot) => [0, 1, 2].map((stripe) => shardOf(slot, stripe)));
  const commitments = await Promise.all(
    grid.map((slot) => Promise.all(slot.map((shard) => kzg.commit(shard)))),
  );
  const tree = orderTree(commitments);
  const order = orderOf("appeals", 3, treeRoot(tree.top));
  const id = orderId(order);

  const draws = [
    { epochDraw: hashOf("epoch draw"), provider: 9, part: 0 },
    { epochDraw: hashOf("epoch draw"), provider: 4294967295, part: 4294967295 },
  ].map((of) => {
    const draw = appealDraw(of.epochDraw, of.provider, of.part);
    return {
      ...of,
      draw,
      drawn: RECORDS.map(({ stripes, named }) => ({
        stripes,
        named,
        shards: drawnShards(
          draw,
          stripes.map((count, index) => ({ stripes: count, stripe: named[index]! })),
        ),
      })),
    };
  });
  const draw = draws[0]!.draw;

  const answerOf = async (slot: number, stripe: number) => {
    const point = appealPoint({ chainId: CHAIN_ID, disputes, draw, orderId: id, slot, stripe });
    const [shard, commitment] = [grid[slot]![stripe]!, commitments[slot]![stripe]!];
    return { point, answer: await buildAnswer({ order, tree, slot, stripe, shard, commitment, point, kzg }) };
  };
  const places = [
    [0, 0],
    [0, 2],
    [1, 0],
    [1, 1],
    [2, 2],
  ] as const;
  const answers = await Promise.all(places.map(([slot, stripe]) => answerOf(slot, stripe)));
  const [first, other, , zero] = answers.map(({ answer }) => answer);
  const right = answers[0]!;
  const wrong = wrongAnswers(first!, other!, zero!).map(({ name, error, change }) => ({
    name,
    error,
    point: right.point,
    answer: bare({ ...right.answer, ...change }),
  }));
  return {
    chainId: CHAIN_ID,
    disputes,
    draws,
    order,
    orderId: id,
    draw,
    answers: answers.map(({ point, answer }) => ({ point, answer: bare(answer) })),
    wrong,
  };
}

/** The order is the same everywhere: it stands once. */
function bare({ order: _, ...answer }: ShardAnswer) {
  return answer;
}

/** What must not be taken for an answer about the shard of `right`, and the error that says so. */
function wrongAnswers(right: ShardAnswer, other: ShardAnswer, zero: ShardAnswer) {
  const change = (name: string, error: string, changes: Partial<ShardAnswer>) => ({
    name,
    error,
    change: changes,
  });
  const plus = (value: Hex, more: bigint): Hex =>
    `0x${(BigInt(value) + more).toString(16).padStart(64, "0")}`;
  const { commitment, y, proof } = other;
  return [
    change("another value", "ProofWrong", { y: plus(right.y, 1n) }),
    change("the value of another representative", "ProofWrong", { y: plus(right.y, FIELD_MODULUS) }),
    change("the proof of another shard", "ProofWrong", { proof }),
    change("zeros", "ProofWrong", { y: zero.y, proof: zero.proof }),
    change("another shard of the slot", "CommitmentWrong", { commitment, y, proof }),
    change("the shard of zeros, whose commitment is the point at infinity", "CommitmentWrong", {
      commitment: zero.commitment,
      y: zero.y,
      proof: zero.proof,
    }),
    change("the path of another stripe", "CommitmentWrong", { stripePath: other.stripePath }),
    change("the path of another slot", "CommitmentWrong", { slotPath: zero.slotPath }),
    change("a path that is too short", "CommitmentWrong", { stripePath: right.stripePath.slice(1) }),
    change("a path that is too long", "CommitmentWrong", {
      slotPath: [...right.slotPath, right.slotPath[0]!],
    }),
    change("another slot", "CommitmentWrong", { slot: right.slot + 1 }),
    change("another stripe", "CommitmentWrong", { stripe: right.stripe + 1 }),
    change("a commitment that is too short", "AnswerLength", { commitment: short(right.commitment) }),
    change("a proof that is too short", "AnswerLength", { proof: short(right.proof) }),
  ];
}

function short(bytes: Hex): Hex {
  return bytes.slice(0, -2) as Hex;
}
