import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import {
  type Hex,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  zeroAddress,
} from "viem";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { orderId, ordersDomain } from "../../../protocol/order.ts";
import { createManualClock } from "../../../protocol/runtime/clock.ts";
import { READ_CAPABILITY_TYPES, type ReadCapability } from "../../../protocol/wire/codecs.ts";
import { createCapabilityCheck } from "../../../provider/read/capability.ts";
import { createGetCommitments, createGetShard } from "../../../provider/read/handlers.ts";
import { createShardReader } from "../../../provider/read/shardReader.ts";
import { createTokenBuckets, type RateLimit } from "../../../provider/read/tokenBucket.ts";
import { shardDigest } from "../../../provider/upload/putShard.ts";
import {
  createFakeChain,
  hash,
  makeDirectory,
  makeOrder,
  makeShard,
  makeUpload,
  openStore,
  operatorAccount,
  ownerAccount,
  STORAGE_ORDERS,
} from "./support.ts";

const order = makeOrder();
const id = orderId(order);
const reader = { peer: "reader" };

async function signCapability(
  change: Partial<ReadCapability> = {},
  by: { account?: LocalAccount; chainId?: number } = {},
): Promise<ReadCapability> {
  const message = { orderId: id, reader: zeroAddress, expires: 2_000n, ...change };
  const signature = await (by.account ?? ownerAccount).signTypedData({
    domain: ordersDomain(by.chainId ?? 31337, STORAGE_ORDERS),
    types: READ_CAPABILITY_TYPES,
    primaryType: "ReadCapability",
    message,
  });
  return {
    ...message,
    signature: serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))),
  };
}

async function startReads(
  t: TestContext,
  limit: RateLimit = { perSecond: SHARD_BYTES, burst: 10 * SHARD_BYTES },
) {
  const directory = makeDirectory(t);
  const store = await openStore(directory);
  t.after(() => store.close());
  const { chain, fake } = createFakeChain();
  const clock = createManualClock();
  const upload = makeUpload();
  store.uploads.insert(upload);
  for (const stripe of [0, 1]) await store.shards.write(upload.id, stripe, makeShard(stripe));
  store.uploads.insertWindow(upload.id, {
    firstStripe: 0,
    count: 2,
    commitments: new Uint8Array(96),
    points: new Uint8Array(192),
    digests: Buffer.concat([0, 1].map((stripe) => shardDigest(makeShard(stripe)))),
  });
  for (const slot of [0, 1, 2]) {
    store.uploads.putSlotCommitments(upload, slot, 0, new Uint8Array(96).fill(slot + 1));
  }
  store.orders.insert({ id, uploadId: upload.id, slot: 1, order, signature: new Uint8Array(64) });
  let unreadable = 0;
  const deps = {
    store,
    chain,
    healBuckets: createTokenBuckets({ limit: { perSecond: SHARD_BYTES / 2, burst: SHARD_BYTES }, clock }),
    capabilities: createCapabilityCheck({ chain }),
    buckets: createTokenBuckets({ limit, clock }),
    readShard: createShardReader({ store, onUnreadable: () => unreadable++ }),
  };
  const pathOf = (stripe: number) =>
    join(directory, "shards", "v1", upload.id.slice(2, 4), upload.id.slice(2), `${stripe}.shard`);
  return {
    fake,
    clock,
    pathOf,
    unreadable: () => unreadable,
    getShard: createGetShard(deps),
    getCommitments: createGetCommitments(deps),
  };
}

describe("getShard", () => {
  it("serves a shard to whoever bears the owner's capability", async (t) => {
    const { getShard } = await startReads(t);
    const capability = await signCapability();
    for (const stripe of [0, 1]) {
      const { bytes } = await getShard({ orderId: id, slot: 1, stripe, capability }, reader);
      assert.deepEqual(new Uint8Array(bytes), makeShard(stripe));
    }
  });

  it("refuses capabilities that are of another order, over, bound, forged or of another chain", async (t) => {
    const { getShard, fake } = await startReads(t);
    const assertRefused = async (capability: ReadCapability, code: string) => {
      const request = { orderId: id, slot: 1, stripe: 0, capability };
      await assert.rejects(getShard(request, reader), { code });
    };
    await assertRefused(await signCapability({ orderId: hash("another") }), "CAPABILITY_FOREIGN");
    await assertRefused(await signCapability({ expires: 1_000n }), "CAPABILITY_EXPIRED");
    await assertRefused(await signCapability({ reader: operatorAccount.address }), "CAPABILITY_READER");
    await assertRefused(await signCapability({}, { account: operatorAccount }), "CAPABILITY_SIGNATURE");
    await assertRefused(await signCapability({}, { chainId: 1 }), "CAPABILITY_SIGNATURE");
    const honest = await signCapability();
    const signature: Hex = `0x${"ff".repeat(64)}`;
    await assertRefused({ ...honest, signature }, "CAPABILITY_SIGNATURE");
    // That a capability was good once neither prolongs it nor makes another one of it.
    await getShard({ orderId: id, slot: 1, stripe: 0, capability: honest }, reader);
    await assertRefused({ ...honest, expires: 3_000n }, "CAPABILITY_SIGNATURE");
    fake.time = 2_000;
    await assertRefused(honest, "CAPABILITY_EXPIRED");
  });

  it("refuses orders, slots and stripes that it does not hold", async (t) => {
    const { getShard } = await startReads(t);
    const capability = await signCapability();
    const request = { orderId: id, slot: 1, stripe: 0, capability };
    await assert.rejects(getShard({ ...request, orderId: hash("another") }, reader), {
      code: "ORDER_UNKNOWN",
    });
    await assert.rejects(getShard({ ...request, slot: 0 }, reader), { code: "SLOT_FOREIGN" });
    await assert.rejects(getShard({ ...request, stripe: 2 }, reader), { code: "STRIPE_OUT_OF_RANGE" });
  });

  it("never serves a shard that is damaged or gone, and counts it", async (t) => {
    const { getShard, pathOf, unreadable } = await startReads(t);
    const capability = await signCapability();
    const damaged = makeShard(0);
    damaged[SHARD_BYTES - 1]! ^= 1;
    writeFileSync(pathOf(0), damaged);
    rmSync(pathOf(1));
    for (const stripe of [0, 1]) {
      const request = { orderId: id, slot: 1, stripe, capability };
      await assert.rejects(getShard(request, reader), { code: "SHARD_UNREADABLE" });
    }
    assert.equal(unreadable(), 2);
  });

  it("serves whoever has a reason on chain without a capability, and nobody else", async (t) => {
    const { getShard, getCommitments, fake } = await startReads(t);
    const request = { orderId: id, slot: 1, stripe: 0 };
    const page = { orderId: id, slot: 2, from: 0, count: 2 };
    await assert.rejects(getShard(request, reader), { code: "READ_FORBIDDEN" });
    await assert.rejects(getCommitments(page, reader), { code: "READ_FORBIDDEN" });
    fake.readReason = "repair";
    assert.deepEqual(new Uint8Array((await getShard(request, reader)).bytes), makeShard(0));
    assert.equal((await getCommitments(page, reader)).commitments.length, 96);
  });

  it("limits repairers like users, and holders that heal themselves far more", async (t) => {
    const limit = { perSecond: SHARD_BYTES, burst: 3 * SHARD_BYTES };
    const { getShard, fake, clock } = await startReads(t, limit);
    const request = { orderId: id, slot: 1, stripe: 0 };
    fake.readReason = "heal";
    await getShard(request, reader);
    await assert.rejects(getShard(request, reader), { code: "RATE_LIMITED", retryable: true });
    clock.advance(1_999);
    await assert.rejects(getShard(request, reader), { code: "RATE_LIMITED" });
    clock.advance(1);
    await getShard(request, reader);
    fake.readReason = "repair";
    for (let read = 0; read < 3; read++) await getShard(request, reader);
    await assert.rejects(getShard(request, reader), { code: "RATE_LIMITED" });
  });

  it("limits the rate of a peer, and that of an owner through however many peers", async (t) => {
    const { getShard, clock } = await startReads(t, { perSecond: SHARD_BYTES, burst: 2 * SHARD_BYTES });
    const request = { orderId: id, slot: 1, stripe: 0, capability: await signCapability() };
    await getShard(request, { peer: "one" });
    await getShard(request, { peer: "two" });
    await assert.rejects(getShard(request, { peer: "three" }), { code: "RATE_LIMITED", retryable: true });
    clock.advance(1_000);
    await getShard(request, { peer: "three" });
  });
});

describe("getCommitments", () => {
  it("serves any slot's commitments by page to a capability", async (t) => {
    const { getCommitments } = await startReads(t);
    const capability = await signCapability();
    const request = { orderId: id, slot: 2, from: 1, count: 5, capability };
    const { commitments } = await getCommitments(request, reader);
    assert.deepEqual(new Uint8Array(commitments), new Uint8Array(48).fill(3));
    await assert.rejects(getCommitments({ ...request, slot: 3 }, reader), { code: "SLOT_MISMATCH" });
    await assert.rejects(getCommitments({ ...request, from: 2 }, reader), { code: "STRIPE_OUT_OF_RANGE" });
    const forged = await signCapability({}, { account: operatorAccount });
    await assert.rejects(getCommitments({ ...request, capability: forged }, reader), {
      code: "CAPABILITY_SIGNATURE",
    });
  });
});

describe("token buckets", () => {
  it("never give more than burst + rate × time, whatever is asked when", () => {
    const asks = fc.array(fc.record({ wait: fc.nat(500), amount: fc.integer({ min: 1, max: 40 }) }));
    fc.assert(
      fc.property(asks, (steps) => {
        const clock = createManualClock();
        const buckets = createTokenBuckets({ limit: { perSecond: 20, burst: 50 }, clock });
        let given = 0;
        for (const { wait, amount } of steps) {
          clock.advance(wait);
          try {
            buckets.take(["key"], amount);
            given += amount;
          } catch {
            // refused
          }
          assert.ok(given <= 50 + (20 * clock.now()) / 1_000 + 1e-6);
        }
      }),
    );
  });

  it("do not save up more than the burst", () => {
    const clock = createManualClock();
    const buckets = createTokenBuckets({ limit: { perSecond: 10, burst: 100 }, clock });
    buckets.take(["a"], 100);
    clock.advance(1_000_000);
    buckets.take(["a"], 60);
    assert.throws(() => buckets.take(["a"], 60), { code: "RATE_LIMITED" });
  });

  it("say when to come back, and hold to it", () => {
    const clock = createManualClock();
    const buckets = createTokenBuckets({ limit: { perSecond: 100, burst: 100 }, clock });
    buckets.take(["a"], 100);
    assert.throws(() => buckets.take(["a"], 50), { code: "RATE_LIMITED", details: { retryAfterMs: 500 } });
    clock.advance(499);
    assert.throws(() => buckets.take(["a"], 50), { code: "RATE_LIMITED" });
    clock.advance(1);
    buckets.take(["a"], 50);
  });
});
