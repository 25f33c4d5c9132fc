import assert from "node:assert/strict";
import { before, describe, it, type TestContext } from "node:test";
import PQueue from "p-queue";
import {
  compactSignatureToSignature,
  hashTypedData,
  parseCompactSignature,
  recoverAddress,
  zeroAddress,
} from "viem";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { createKzg, type Kzg } from "../../../protocol/kzg/kzg.ts";
import { loadPoints, type Points } from "../../../protocol/kzg/points.ts";
import { shardRoot, slotRoot } from "../../../protocol/merkle/slotRoot.ts";
import { LAYOUT, ORDER_TYPES, type Order, ordersDomain } from "../../../protocol/order.ts";
import { createCommitWindow } from "../../../provider/upload/commitWindow.ts";
import { createOpenWindow } from "../../../provider/upload/openWindow.ts";
import { createPutCommitments } from "../../../provider/upload/putCommitments.ts";
import { createPutShard } from "../../../provider/upload/putShard.ts";
import { createRangeLock } from "../../../provider/upload/rangeLock.ts";
import { createReserve } from "../../../provider/upload/reserve.ts";
import { createSignOrder } from "../../../provider/upload/signOrder.ts";
import {
  createFakeChain,
  hash,
  makeDirectory,
  makeOrder,
  makeShard,
  makeUpload,
  openStore,
  operatorAccount,
  PEER,
  STORAGE_ORDERS,
} from "./support.ts";

const uploadId = makeUpload().id;
const user = { peer: PEER };
const stranger = { peer: "somebody else" };
const nonce = hash("nonce");

let kzg: Kzg;
let points: Points;
let foreign: Uint8Array;
before(async () => {
  kzg = createKzg();
  points = await loadPoints();
  foreign = await kzg.commit(makeShard(77));
});

async function startUploads(
  t: TestContext,
  limits: { capacityBytes?: number; peerReservedBytes?: number } = {},
) {
  const store = await openStore(makeDirectory(t));
  t.after(() => store.close());
  const { chain, fake } = createFakeChain();
  const queue = new PQueue({ concurrency: 2 });
  let commits = 0;
  const deps = {
    store,
    chain,
    lock: createRangeLock(),
    account: operatorAccount,
    limit: <Result>(task: () => Promise<Result>) => queue.add(task),
    commit: (shard: Uint8Array) => {
      commits++;
      return kzg.commit(shard);
    },
    decompress: points.decompress,
    assertCommitment: points.assertCommitment,
    openWindow: async () => ({ y: new Uint8Array(32), proof: new Uint8Array(48) }),
    diskFreeBytes: async () => 2 ** 40,
    limits: {
      reservationSeconds: 5_000,
      stripes: 1_000,
      capacityBytes: 10 * SHARD_BYTES,
      peerReservedBytes: 10 * SHARD_BYTES,
      ...limits,
    },
  };
  return {
    ...deps,
    fake,
    commits: () => commits,
    reserve: createReserve(deps),
    putShard: createPutShard(deps),
    commitWindow: createCommitWindow(deps),
    openWindow: createOpenWindow(deps),
    putCommitments: createPutCommitments(deps),
    signOrder: createSignOrder(deps),
  };
}

type Uploads = Awaited<ReturnType<typeof startUploads>>;

function makeRequest(change: object = {}) {
  const { id: _id, peer: _peer, bytes: _bytes, openBy, ...terms } = makeUpload();
  return { uploadId, ...terms, openBy: BigInt(openBy), ...change };
}

async function sendShards(uploads: Uploads) {
  await uploads.reserve(makeRequest(), user);
  for (const stripe of [0, 1]) {
    await uploads.putShard({ uploadId, slot: 1, stripe, bytes: makeShard(stripe) }, user);
  }
}

const whole = { uploadId, slot: 1, firstStripe: 0, count: 2 };

/** An upload with everything done but the signature, and the order that goes with it. */
async function finishUpload(uploads: Uploads): Promise<Order> {
  await sendShards(uploads);
  const { commitments } = await uploads.commitWindow(whole, user);
  await uploads.openWindow({ ...whole, nonce }, user);
  const others = Buffer.concat([foreign, foreign]);
  const slots = [others, commitments, others];
  for (const [slot, bytes] of slots.entries()) {
    await uploads.putCommitments({ uploadId, slot, firstStripe: 0, commitments: bytes }, user);
  }
  return makeOrder({ shardRoot: shardRoot(slots.map((bytes) => slotRoot(bytes))) });
}

describe("reserve", () => {
  it("accepts until openBy, and the same again changes nothing", async (t) => {
    const uploads = await startUploads(t);
    assert.deepEqual(await uploads.reserve(makeRequest(), user), { acceptedUntil: 1_900 });
    assert.deepEqual(await uploads.reserve(makeRequest(), user), { acceptedUntil: 1_900 });
    assert.equal(uploads.store.uploads.bytes(), 2 * SHARD_BYTES);
  });

  it("refuses other terms or another peer under a known upload id", async (t) => {
    const uploads = await startUploads(t);
    await uploads.reserve(makeRequest(), user);
    for (const change of [{ slot: 0 }, { stripes: 1 }, { price: 201n }, { payer: zeroAddress }]) {
      await assert.rejects(uploads.reserve(makeRequest(change), user), { code: "UPLOAD_DIFFERS" });
    }
    await assert.rejects(uploads.reserve(makeRequest(), stranger), { code: "UPLOAD_DIFFERS" });
  });

  it("refuses what it cannot do", async (t) => {
    const uploads = await startUploads(t);
    const cases: [object, string][] = [
      [{ price: 99n }, "PRICE_TOO_LOW"],
      [{ openBy: 1_000n }, "OPEN_BY_INVALID"],
      [{ openBy: 2_001n }, "OPEN_BY_INVALID"],
      [{ openBy: 6_001n, startEpoch: 100, endEpoch: 101 }, "OPEN_BY_INVALID"],
      [{ startEpoch: 30, endEpoch: 30 }, "EPOCHS_INVALID"],
      [{ slot: 3 }, "SLOT_MISMATCH"],
      [{ policy: 0 }, "POLICY_INVALID"],
      [{ stripes: 1_001 }, "STRIPES_TOO_MANY"],
      [{ stripes: 11 }, "OUT_OF_SPACE"],
    ];
    for (const [change, code] of cases) {
      await assert.rejects(uploads.reserve(makeRequest(change), user), { code }, code);
    }
    assert.equal(uploads.store.uploads.bytes(), 0);
    uploads.fake.ask = 10n;
    await assert.rejects(uploads.reserve(makeRequest({ price: 49n }), user), { code: "PRICE_TOO_LOW" });
    uploads.fake.exiting = true;
    await assert.rejects(uploads.reserve(makeRequest(), user), { code: "PROVIDER_LEAVING" });
  });

  it("counts what is reserved against the quota, also when requests come at once", async (t) => {
    const uploads = await startUploads(t, { capacityBytes: 3 * SHARD_BYTES });
    const results = await Promise.allSettled(
      ["a", "b"].map((name) => uploads.reserve(makeRequest({ uploadId: hash(name) }), user)),
    );
    assert.deepEqual(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
    assert.equal(uploads.store.uploads.bytes(), 2 * SHARD_BYTES);
  });

  it("refuses what does not fit on the disk, whatever the quota", async (t) => {
    const uploads = await startUploads(t);
    const { store, chain, limits } = uploads;
    const reserve = createReserve({ store, chain, limits, diskFreeBytes: async () => SHARD_BYTES });
    await assert.rejects(reserve(makeRequest(), user), { code: "OUT_OF_SPACE" });
  });

  it("does not let one peer reserve everything", async (t) => {
    const uploads = await startUploads(t, { peerReservedBytes: 3 * SHARD_BYTES });
    await uploads.reserve(makeRequest(), user);
    const another = makeRequest({ uploadId: hash("another") });
    await assert.rejects(uploads.reserve(another, user), { code: "PEER_LIMIT" });
    await uploads.reserve(another, stranger);
  });
});

describe("putShard", () => {
  const shard = { uploadId, slot: 1, stripe: 0, bytes: makeShard(0) };

  it("refuses bytes that are no shard", async (t) => {
    const uploads = await startUploads(t);
    await uploads.reserve(makeRequest(), user);
    const short = { ...shard, bytes: makeShard(0).subarray(1) };
    await assert.rejects(uploads.putShard(short, user), { code: "SHARD_LENGTH" });
    const bytes = makeShard(0).fill(0xff, 32, 64);
    await assert.rejects(uploads.putShard({ ...shard, bytes }, user), {
      code: "SHARD_ELEMENT_NOT_CANONICAL",
    });
    assert.equal(await uploads.store.shards.has(uploadId, 0), false);
  });

  it("refuses what was not reserved, or by somebody else, or for another place, or too late", async (t) => {
    const uploads = await startUploads(t);
    await assert.rejects(uploads.putShard(shard, user), { code: "UPLOAD_UNKNOWN" });
    await uploads.reserve(makeRequest(), user);
    await assert.rejects(uploads.putShard(shard, stranger), { code: "UPLOAD_UNKNOWN" });
    await assert.rejects(uploads.putShard({ ...shard, slot: 0 }, user), { code: "SLOT_MISMATCH" });
    await assert.rejects(uploads.putShard({ ...shard, stripe: 2 }, user), { code: "STRIPE_OUT_OF_RANGE" });
    uploads.fake.time = 1_900;
    await assert.rejects(uploads.putShard(shard, user), { code: "RESERVATION_EXPIRED" });
    assert.equal(await uploads.store.shards.has(uploadId, 0), false);
  });

  it("takes other bytes until they are committed to, then only the same", async (t) => {
    const uploads = await startUploads(t);
    await sendShards(uploads);
    await uploads.putShard({ ...shard, bytes: makeShard(5) }, user);
    await uploads.commitWindow(whole, user);
    await uploads.putShard({ ...shard, bytes: makeShard(5) }, user);
    await assert.rejects(uploads.putShard(shard, user), { code: "SHARD_COMMITTED" });
    assert.deepEqual(new Uint8Array(await uploads.store.shards.read(uploadId, 0)), makeShard(5));
  });

  it("waits for a commit that runs over the same stripe", async (t) => {
    const uploads = await startUploads(t);
    await sendShards(uploads);
    const [, put] = await Promise.allSettled([
      uploads.commitWindow(whole, user),
      uploads.putShard({ ...shard, bytes: makeShard(5) }, user),
    ]);
    assert.equal(put.status === "rejected" && put.reason.code, "SHARD_COMMITTED");
    assert.deepEqual(new Uint8Array(await uploads.store.shards.read(uploadId, 0)), makeShard(0));
  });
});

describe("commitWindow", () => {
  it("gives the commitments of the shards, once", async (t) => {
    const uploads = await startUploads(t);
    await sendShards(uploads);
    const { commitments } = await uploads.commitWindow(whole, user);
    const expected = await Promise.all([kzg.commit(makeShard(0)), kzg.commit(makeShard(1))]);
    assert.deepEqual(new Uint8Array(commitments), new Uint8Array(Buffer.concat(expected)));
    assert.deepEqual(await uploads.commitWindow(whole, user), { commitments: Buffer.from(commitments) });
    assert.equal(uploads.commits(), 2);
  });

  it("refuses a window whose shards are not all there", async (t) => {
    const uploads = await startUploads(t);
    await uploads.reserve(makeRequest(), user);
    await uploads.putShard({ uploadId, slot: 1, stripe: 1, bytes: makeShard(1) }, user);
    await assert.rejects(uploads.commitWindow(whole, user), {
      code: "WINDOW_INCOMPLETE",
      details: { uploadId, missing: [0] },
    });
  });

  it("refuses windows beyond the upload, across another window, or of another peer", async (t) => {
    const uploads = await startUploads(t);
    await sendShards(uploads);
    await assert.rejects(uploads.commitWindow({ ...whole, count: 3 }, user), { code: "STRIPE_OUT_OF_RANGE" });
    await uploads.commitWindow({ ...whole, count: 1 }, user);
    await assert.rejects(uploads.commitWindow(whole, user), { code: "WINDOW_OVERLAPS" });
    await assert.rejects(uploads.commitWindow(whole, stranger), { code: "UPLOAD_UNKNOWN" });
  });
});

describe("putCommitments", () => {
  it("refuses slots and stripes that the order will not have", async (t) => {
    const uploads = await startUploads(t);
    await uploads.reserve(makeRequest(), user);
    const page = { uploadId, slot: 0, firstStripe: 0, commitments: foreign };
    await assert.rejects(uploads.putCommitments({ ...page, slot: 3 }, user), { code: "SLOT_MISMATCH" });
    await assert.rejects(uploads.putCommitments({ ...page, firstStripe: 2 }, user), {
      code: "STRIPE_OUT_OF_RANGE",
    });
    await assert.rejects(uploads.putCommitments(page, stranger), { code: "UPLOAD_UNKNOWN" });
  });

  it("are fixed from the first signature on", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    await uploads.signOrder({ uploadId, order }, user);
    const page = { uploadId, slot: 0, firstStripe: 1, commitments: foreign };
    await uploads.putCommitments(page, user);
    const other = { ...page, commitments: await kzg.commit(makeShard(3)) };
    await assert.rejects(uploads.putCommitments(other, user), { code: "COMMITMENTS_FIXED" });
  });
});

describe("signOrder", () => {
  it("signs a right order, and gives the same signature again", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    const { signature } = await uploads.signOrder({ uploadId, order }, user);
    const digest = hashTypedData({
      domain: ordersDomain(31337, STORAGE_ORDERS),
      types: ORDER_TYPES,
      primaryType: "Order",
      message: order,
    });
    const signer = await recoverAddress({
      hash: digest,
      signature: compactSignatureToSignature(parseCompactSignature(signature)),
    });
    assert.equal(signer, operatorAccount.address);
    uploads.fake.time = 3_000;
    assert.deepEqual(await uploads.signOrder({ uploadId, order }, user), { signature });
  });

  it("signs again when another slot's provider was replaced", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    await uploads.signOrder({ uploadId, order }, user);
    await uploads.signOrder({ uploadId, order: { ...order, providers: [4, 7, 9] } }, user);
    assert.equal(uploads.store.orders.list().length, 2);
  });

  it("refuses an order that is not what was reserved or not for this provider", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    const cases: [Partial<Order>, string][] = [
      [{ group: STORAGE_ORDERS }, "ORDER_FOREIGN"],
      [{ providers: [7, 3, 9] }, "SLOT_FOREIGN"],
      [{ providers: [3, 7, 3] }, "PROVIDER_REPEATED"],
      [{ providers: [3, 7] }, "PROVIDER_REPEATED"],
      [{ price: 199n }, "ORDER_DIFFERS"],
      [{ stripes: 3 }, "ORDER_DIFFERS"],
      [{ openBy: 1_901n }, "ORDER_DIFFERS"],
      [{ endEpoch: 31 }, "ORDER_DIFFERS"],
      [{ startEpoch: 19 }, "ORDER_DIFFERS"],
      [{ owner: zeroAddress }, "ORDER_DIFFERS"],
      [{ payer: zeroAddress }, "ORDER_DIFFERS"],
      [{ minEpochs: 11 }, "EPOCHS_INVALID"],
      [{ layout: LAYOUT.blob }, "LAYOUT_INVALID"],
      [{ layout: 2 }, "LAYOUT_INVALID"],
      [{ manifest: { ...order.manifest, firstStripe: 2 } }, "MANIFEST_INVALID"],
      [{ stripes: 1 }, "WINDOW_BEYOND_ORDER"],
      [{ stripes: 0, manifest: { ...order.manifest, stripes: 0 } }, "ORDER_DIFFERS"],
      [{ shardRoot: hash("wrong") }, "SHARD_ROOT_WRONG"],
    ];
    for (const [change, code] of cases) {
      const request = { uploadId, order: { ...order, ...change } };
      await assert.rejects(uploads.signOrder(request, user), { code }, JSON.stringify(Object.keys(change)));
    }
    await assert.rejects(uploads.signOrder({ uploadId, order }, stranger), { code: "UPLOAD_UNKNOWN" });
    assert.equal(uploads.store.orders.list().length, 0);
  });

  it("gives back the room of stripes that the order does not have", async (t) => {
    const uploads = await startUploads(t);
    await uploads.reserve(makeRequest(), user);
    const one = { ...whole, count: 1 };
    for (const stripe of [0, 1]) {
      await uploads.putShard({ uploadId, slot: 1, stripe, bytes: makeShard(stripe) }, user);
    }
    const { commitments } = await uploads.commitWindow(one, user);
    await uploads.openWindow({ ...one, nonce }, user);
    const slots = [foreign, commitments, foreign];
    for (const [slot, bytes] of slots.entries()) {
      await uploads.putCommitments({ uploadId, slot, firstStripe: 0, commitments: bytes }, user);
    }
    const order = makeOrder({ stripes: 1, shardRoot: shardRoot(slots.map((bytes) => slotRoot(bytes))) });
    await uploads.signOrder({ uploadId, order }, user);
    assert.equal(uploads.store.uploads.bytes(), SHARD_BYTES);
    assert.equal(await uploads.store.shards.has(uploadId, 0), true);
    assert.equal(await uploads.store.shards.has(uploadId, 1), false);
    assert.equal(uploads.store.uploads.slotCommitments(uploadId, 0)?.length, 48);
    await uploads.signOrder({ uploadId, order: { ...order, providers: [4, 7, 9] } }, user);
  });

  it("refuses after openBy", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    uploads.fake.time = 1_900;
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "RESERVATION_EXPIRED" });
  });

  it("refuses while windows are not committed or not opened to the user", async (t) => {
    const uploads = await startUploads(t);
    await sendShards(uploads);
    const order = makeOrder();
    await uploads.commitWindow({ ...whole, count: 1 }, user);
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "WINDOW_NOT_PROVEN" });
    await uploads.openWindow({ ...whole, count: 1, nonce }, user);
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "WINDOW_NOT_COMMITTED" });
  });

  it("refuses missing, wrong and invalid commitments", async (t) => {
    const uploads = await startUploads(t);
    await sendShards(uploads);
    const { commitments: own } = await uploads.commitWindow(whole, user);
    await uploads.openWindow({ ...whole, nonce }, user);
    const trySlots = async (slots: Uint8Array[], code: string) => {
      for (const [slot, commitments] of slots.entries()) {
        await uploads.putCommitments({ uploadId, slot, firstStripe: 0, commitments }, user);
      }
      const padded = slots.map((bytes) => Buffer.concat([bytes, new Uint8Array(96 - bytes.length)]));
      const order = makeOrder({ shardRoot: shardRoot(padded.map((bytes) => slotRoot(bytes))) });
      await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code });
    };
    const others = Buffer.concat([foreign, foreign]);
    await trySlots([foreign, own, others], "COMMITMENTS_MISSING");
    await trySlots([others, others, others], "COMMITMENTS_WRONG");
    const offCurve = Buffer.concat([foreign, offCurvePoint()]);
    await trySlots([offCurve, own, others], "COMMITMENT_NOT_ON_CURVE");
    const outOfSubgroup = Buffer.concat([foreign, outOfSubgroupPoint()]);
    await trySlots([others, own, outOfSubgroup], "COMMITMENT_NOT_IN_SUBGROUP");
  });

  it("refuses an order that its payer cannot pay", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    uploads.fake.balance = 199n;
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "PAYER_BALANCE" });
    assert.equal(uploads.store.orders.list().length, 0);
    uploads.fake.balance = 200n;
    await uploads.signOrder({ uploadId, order }, user);
  });

  it("refuses what its free stake does not bear beside the orders that it signed before", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    uploads.fake.freeStake = 19n;
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "STAKE_TOO_LOW" });
    uploads.fake.freeStake = 20n;
    await uploads.signOrder({ uploadId, order }, user);
    const replaced = { ...order, providers: [4, 7, 9] };
    await assert.rejects(uploads.signOrder({ uploadId, order: replaced }, user), { code: "STAKE_TOO_LOW" });
    uploads.fake.freeStake = 40n;
    await uploads.signOrder({ uploadId, order: replaced }, user);
  });
});

describe("a provider that may take no slots", () => {
  const uploadId = hash("upload");

  it("refuses what goes beyond the limit of the epoch, with all that it promised", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    uploads.fake.lockable = 19n;
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "LOCK_LIMIT" });
    uploads.fake.lockable = 20n;
    await uploads.signOrder({ uploadId, order }, user);
    const replaced = { ...order, providers: [4, 7, 9] };
    uploads.fake.lockable = 39n;
    await assert.rejects(uploads.signOrder({ uploadId, order: replaced }, user), { code: "LOCK_LIMIT" });
    uploads.fake.lockable = 40n;
    await uploads.signOrder({ uploadId, order: replaced }, user);
  });

  it("refuses to sign while it is jailed, and when its key was replaced, after the upload too", async (t) => {
    const uploads = await startUploads(t);
    const order = await finishUpload(uploads);
    uploads.fake.jailedUntil = 21;
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "PROVIDER_JAILED" });
    uploads.fake.jailedUntil = 0;
    uploads.fake.replaced = true;
    await assert.rejects(uploads.signOrder({ uploadId, order }, user), { code: "OPERATOR_REPLACED" });
    uploads.fake.replaced = false;
    await uploads.signOrder({ uploadId, order }, user);
  });
});

/** First 48 bytes with a small x that the check refuses for this reason. */
function smallPoint(code: string): Uint8Array {
  for (let x = 0; x < 256; x++) {
    const bytes = new Uint8Array(48);
    bytes[0] = 0x80;
    bytes[47] = x;
    try {
      points.assertCommitment(bytes);
    } catch (error) {
      if ((error as { code?: string }).code === code) return bytes;
    }
  }
  throw new Error(`no small point is ${code}`);
}

const offCurvePoint = () => smallPoint("COMMITMENT_NOT_ON_CURVE");
const outOfSubgroupPoint = () => smallPoint("COMMITMENT_NOT_IN_SUBGROUP");
