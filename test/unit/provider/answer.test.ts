import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import type { FormerOperator } from "../../../protocol/chain/groupTypes.ts";
import { openingsDigest, verifyOpenings } from "../../../protocol/challenge/openings.ts";
import { coveredPairs, coverOf } from "../../../protocol/challenge/proof.ts";
import { verifyProof } from "../../../protocol/challenge/verify.ts";
import { createFieldPool } from "../../../protocol/kzg/fieldPool.ts";
import { createKzg, type Kzg } from "../../../protocol/kzg/kzg.ts";
import { loadPoints, type Points } from "../../../protocol/kzg/points.ts";
import { shardRoot, slotRoot } from "../../../protocol/merkle/slotRoot.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import { createManualClock } from "../../../protocol/runtime/clock.ts";
import { encodeProofMessage, PROOF_PARTS } from "../../../protocol/wire/proofMessage.ts";
import type { ChainView } from "../../../provider/chainView.ts";
import { answerChallenge, limitParts } from "../../../provider/prove/answer.ts";
import { createGetOpenings, createGetProof } from "../../../provider/prove/openingsService.ts";
import { createOrderTrees } from "../../../provider/prove/orderTrees.ts";
import { createProofTopic } from "../../../provider/prove/proofTopic.ts";
import { createShardReader } from "../../../provider/read/shardReader.ts";
import { createTokenBuckets } from "../../../provider/read/tokenBucket.ts";
import { shardDigest } from "../../../provider/upload/putShard.ts";
import {
  hash,
  makeDirectory,
  makeOrder,
  makeShard,
  makeUpload,
  openStore,
  operatorAccount,
  ownerAccount,
  SETTLEMENT,
} from "./support.ts";

const context = { chainId: 31337, group: SETTLEMENT, epoch: 4, seed: hash("seed"), provider: 7 };
const keeper = { peer: "keeper" };
const fieldPool = createFieldPool({ threads: 0 });
let kzg: Kzg;
let points: Points;
before(async () => {
  kzg = createKzg();
  points = await loadPoints();
});

/** A provider that holds one slot of two orders of two stripes each. */
async function startHolding(t: TestContext) {
  const directory = makeDirectory(t);
  const store = await openStore(directory);
  t.after(() => store.close());
  const orders: Order[] = [];
  for (const name of ["first", "second"]) {
    const upload = makeUpload({ id: hash(name) });
    const shards = [0, 1].map((stripe) => makeShard(name.length * 10 + stripe));
    const commitments = await Promise.all(shards.map((shard) => kzg.commit(shard)));
    const bytes = Buffer.concat(commitments);
    store.uploads.insert(upload);
    for (const [stripe, shard] of shards.entries()) await store.shards.write(upload.id, stripe, shard);
    store.uploads.insertWindow(upload.id, {
      firstStripe: 0,
      count: 2,
      commitments: bytes,
      points: Buffer.concat(commitments.map((commitment) => points.decompress(commitment))),
      digests: Buffer.concat(shards.map(shardDigest)),
    });
    for (const slot of [0, 1, 2]) store.uploads.putSlotCommitments(upload, slot, 0, bytes);
    const root = slotRoot(bytes);
    const order = makeOrder({ shardRoot: shardRoot([root, root, root]), salt: hash(name) });
    store.orders.insert({
      id: orderId(order),
      uploadId: upload.id,
      slot: 1,
      order,
      signature: new Uint8Array(64),
    });
    orders.push(order);
  }
  let reads = 0;
  const readStored = createShardReader({ store, onUnreadable: () => undefined });
  const deps = {
    store,
    account: operatorAccount,
    kzg,
    points,
    fieldPool,
    readShard: (...args: Parameters<typeof readStored>) => {
      reads++;
      return readStored(...args);
    },
  };
  const challenge = [1, 0].flatMap((stripe) =>
    orders.map((order) => ({ orderId: orderId(order), slot: 1, stripe })),
  );
  const answer = () => answerChallenge(deps, context, challenge, new AbortController().signal);
  const buckets = createTokenBuckets({ limit: { perSecond: 1e6, burst: 1e6 }, clock: createManualClock() });
  const treeOf = createOrderTrees(store);
  const service = { store, buckets, treeOf, isKeeper: (peer: string) => peer === keeper.peer };
  const getOpenings = createGetOpenings(service);
  /** What a keeper finds when it checks the stored answer. */
  const check = async () => {
    const openings = await getOpenings({ epoch: 4, from: 0, count: 100 }, keeper);
    const { proof } = await createGetProof(service)({ epoch: 4 }, keeper);
    assert.equal(openingsDigest(openings.points), proof.openings);
    const byId = new Map(orders.map((order) => [orderId(order), order]));
    const opened = verifyOpenings({
      shards: challenge,
      openings,
      orderOf: (id) => ({ shardRoot: byId.get(id)!.shardRoot, slots: 3, stripes: 2 }),
    });
    return verifyProof({ context, shards: opened, proof, kzg, points });
  };
  const pathOf = (name: string, stripe: number) =>
    join(directory, "shards", "v1", hash(name).slice(2, 4), hash(name).slice(2), `${stripe}.shard`);
  return { store, answer, challenge, check, getOpenings, pathOf, reads: () => reads };
}

describe("the answer to a challenge", () => {
  it("is one part that verifies against nothing but the orders' roots", async (t) => {
    const { answer, check } = await startHolding(t);
    const answered = await answer();
    assert.equal(answered?.message.parts.length, 1);
    assert.ok(encodeProofMessage(answered.message).length <= 300, "gossiped bytes");
    assert.deepEqual(answered.uncovered, []);
    assert.deepEqual(await check(), { valid: true });
  });

  it("is durable, and the same however often it is asked for", async (t) => {
    const { answer, reads } = await startHolding(t);
    const first = await answer();
    const readsBefore = reads();
    const second = await answer();
    assert.deepEqual(encodeProofMessage(second!.message), encodeProofMessage(first!.message));
    assert.equal(reads(), readsBefore);
  });

  it("leaves out the order of a lost shard and still proves the other", async (t) => {
    const { answer, check, challenge, pathOf } = await startHolding(t);
    rmSync(pathOf("first", 0));
    const answered = await answer();
    assert.deepEqual(answered?.message.cover, Uint8Array.of(0b10));
    assert.equal(answered?.message.parts.length, 1);
    const lost = challenge.filter((shard) => shard.orderId === challenge[0]?.orderId);
    assert.deepEqual(answered?.uncovered, lost);
    assert.deepEqual(await check(), { valid: true });
  });

  it("leaves out a damaged shard instead of spoiling the proof", async (t) => {
    const { answer, check, pathOf } = await startHolding(t);
    const damaged = makeShard(61);
    damaged[1_000]! ^= 1;
    writeFileSync(pathOf("second", 1), damaged);
    assert.deepEqual((await answer())?.message.cover, Uint8Array.of(0b01));
    assert.deepEqual(await check(), { valid: true });
  });

  it("is none when every order has lost a shard", async (t) => {
    const { answer, store, pathOf } = await startHolding(t);
    rmSync(pathOf("first", 0));
    rmSync(pathOf("second", 1));
    assert.equal(await answer(), undefined);
    assert.equal(store.answers.get(4), undefined);
  });

  it("carries no more parts than a message can, and covers just these", () => {
    const part = (index: number) => ({ y: new Uint8Array(32).fill(index), proof: new Uint8Array(48) });
    const covered = Array.from({ length: PROOF_PARTS + 5 }, (_, index) => index + 1);
    const pairs = PROOF_PARTS + 10;
    const limited = limitParts({ cover: coverOf(covered, pairs), parts: covered.map(part) }, pairs);
    assert.deepEqual(coveredPairs(limited.cover, pairs), covered.slice(0, PROOF_PARTS));
    assert.deepEqual(limited.parts, covered.slice(0, PROOF_PARTS).map(part));
    const small = { cover: coverOf([0, 2], 3), parts: [part(0), part(2)] };
    assert.equal(limitParts(small, 3), small);
  });

  it("is opened page by page, to keepers only", async (t) => {
    const { answer, getOpenings } = await startHolding(t);
    const request = { epoch: 4, from: 3, count: 5 };
    await assert.rejects(getOpenings(request, keeper), { code: "PROOF_UNKNOWN" });
    await answer();
    const page = await getOpenings(request, keeper);
    assert.equal(page.total, 4);
    assert.equal(page.points.length, 96);
    await assert.rejects(getOpenings(request, { peer: "anybody" }), { code: "NOT_A_KEEPER" });
  });
});

describe("relaying proofs", () => {
  it("accepts what a registered operator signed for this group, and nothing else", async (t) => {
    const { answer } = await startHolding(t);
    const { message } = (await answer())!;
    const topicFor = (
      operator: string,
      group = SETTLEMENT,
      formerOperators: readonly FormerOperator[] = [],
    ) =>
      createProofTopic({
        chainId: 31337,
        group,
        state: () => ({
          parameters: { genesis: 0, epochLength: 100 },
          providers: new Map([[7, { operator, formerOperators }]]),
        }),
      } as unknown as ChainView);
    const replaced = (until: number) =>
      topicFor(ownerAccount.address, SETTLEMENT, [{ operator: operatorAccount.address, until }]);
    const judge = (topic: ReturnType<typeof topicFor>, sent = message) =>
      topic.validate(encodeProofMessage(sent), "peer");
    const topic = topicFor(operatorAccount.address);
    assert.equal(await judge(topic), "accept");
    assert.equal(await judge(topicFor(ownerAccount.address)), "reject");
    assert.equal(await judge(replaced(400)), "accept", "replaced within epoch 4");
    assert.equal(await judge(replaced(399)), "reject", "replaced before it");
    assert.equal(await judge(topicFor(operatorAccount.address, ownerAccount.address)), "reject");
    assert.equal(await judge(topic, { ...message, epoch: 5 }), "reject");
    assert.equal(await judge(topic, { ...message, cover: Uint8Array.of(1) }), "reject");
    assert.equal(await judge(topic, { ...message, provider: 8 }), "ignore");
    assert.equal(await topic.validate(Uint8Array.of(1, 2, 3), "peer"), "reject");
  });
});
