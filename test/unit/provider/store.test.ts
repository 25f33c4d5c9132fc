import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import Database from "better-sqlite3";
import { orderId } from "../../../protocol/order.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { SCHEMA_VERSION } from "../../../provider/store/database.ts";
import { openProviderStore, type ProviderStore } from "../../../provider/store/store.ts";
import { sweepStore } from "../../../provider/store/sweep.ts";
import {
  createFakeChain,
  hash,
  makeDirectory,
  makeOrder,
  makeShard,
  makeUpload,
  openStore,
  SETTLEMENT,
} from "./support.ts";

const window = {
  firstStripe: 0,
  count: 2,
  commitments: new Uint8Array(96).fill(1),
  points: new Uint8Array(192).fill(2),
  digests: new Uint8Array(64).fill(3),
};

function signOrder(store: ProviderStore, order = makeOrder(), upload = makeUpload()) {
  const id = orderId(order);
  const signature = new Uint8Array(64).fill(5);
  store.orders.insert({ id, uploadId: upload.id, slot: upload.slot, order, signature });
  return id;
}

describe("provider store", () => {
  it("has everything after a restart", async (t) => {
    const directory = makeDirectory(t);
    const before = await openStore(directory);
    before.uploads.insert(makeUpload());
    before.uploads.insertWindow(makeUpload().id, window);
    before.uploads.markProven(makeUpload().id, 0);
    before.uploads.putSlotCommitments(makeUpload(), 2, 1, new Uint8Array(48).fill(9));
    const id = signOrder(before);
    before.answers.insert({ epoch: 4, message: Uint8Array.of(1), openings: Uint8Array.of(2) });
    before.close();

    const after = await openStore(directory);
    t.after(() => after.close());
    assert.deepEqual(after.uploads.get(makeUpload().id), makeUpload());
    const [stored] = after.uploads.windows(makeUpload().id);
    assert.equal(stored?.proven, true);
    assert.deepEqual(new Uint8Array(stored!.commitments), window.commitments);
    const commitments = new Uint8Array(after.uploads.slotCommitments(makeUpload().id, 2)!);
    assert.deepEqual(commitments, Uint8Array.from([...Array(48).fill(0), ...Array(48).fill(9)]));
    assert.deepEqual(after.orders.get(id)?.order, makeOrder());
    assert.deepEqual(new Uint8Array(after.answers.get(4)!.message), Uint8Array.of(1));
  });

  it("keeps the first answer of an epoch", async (t) => {
    const store = await openStore(makeDirectory(t));
    t.after(() => store.close());
    store.answers.insert({ epoch: 4, message: Uint8Array.of(1), openings: Uint8Array.of(2) });
    store.answers.insert({ epoch: 4, message: Uint8Array.of(9), openings: Uint8Array.of(9) });
    assert.deepEqual(new Uint8Array(store.answers.get(4)!.message), Uint8Array.of(1));
  });

  it("finds committed shards that are gone", async (t) => {
    const directory = makeDirectory(t);
    const store = await openStore(directory);
    t.after(() => store.close());
    const { id } = makeUpload();
    store.uploads.insert(makeUpload());
    await store.shards.write(id, 0, makeShard(0));
    await store.shards.write(id, 1, makeShard(1));
    store.uploads.insertWindow(id, window);
    assert.deepEqual(await store.missingShards(), []);
    rmSync(join(directory, "shards", "v1", id.slice(2, 4), id.slice(2), "1.shard"));
    assert.deepEqual(await store.missingShards(), [{ uploadId: id, stripe: 1 }]);
  });

  it("refuses a store that a newer version wrote, by name", async (t) => {
    const directory = makeDirectory(t);
    (await openStore(directory)).close();
    const database = new Database(join(directory, "provider.sqlite"));
    database.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    database.close();
    await assert.rejects(openStore(directory), { code: "STORE_TOO_NEW" });
  });

  it("takes over a store of the version before, in which an order had one slot", async (t) => {
    const directory = makeDirectory(t);
    const old = await openStore(directory);
    old.uploads.insert(makeUpload());
    const id = signOrder(old);
    old.orders.markOpened(id, makeUpload().slot);
    old.close();
    const database = new Database(join(directory, "provider.sqlite"));
    database.exec(`
      ALTER TABLE binding DROP COLUMN provider_id;
      DROP TABLE repairs;
      DROP INDEX orders_by_upload;
      ALTER TABLE orders RENAME TO orders_2;
      CREATE TABLE orders (
        id TEXT PRIMARY KEY,
        upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
        slot INTEGER NOT NULL,
        body BLOB NOT NULL,
        signature BLOB NOT NULL,
        opened INTEGER NOT NULL DEFAULT 0
      ) STRICT;
      CREATE INDEX orders_by_upload ON orders (upload_id);
      INSERT INTO orders SELECT id, upload_id, slot, body, signature, opened FROM orders_2;
      DROP TABLE orders_2;
    `);
    database.pragma("user_version = 1");
    database.close();
    const store = await openStore(directory);
    t.after(() => store.close());
    const { slot } = makeUpload();
    const held = store.orders.get(id, slot)!;
    assert.deepEqual([held.slot, held.uploadId, held.opened], [slot, makeUpload().id, true]);
    assert.deepEqual(held.order, makeOrder());
    const repair = store.repairs.begin({
      orderId: id,
      slot: 0,
      order: makeOrder(),
      deadline: 9,
      openBy: 1_000,
    });
    store.repairs.adopt(repair, makeOrder());
    assert.deepEqual(
      store.orders.list().map((each) => each.slot),
      [0, slot],
      "two slots of one order",
    );
    assert.equal(store.orders.get(id, 2), undefined);
  });

  it("refuses a directory that another process has open", async (t) => {
    const directory = makeDirectory(t);
    const store = await openStore(directory);
    t.after(() => store.close());
    await assert.rejects(openStore(directory), { code: "DATA_DIR_IN_USE" });
  });

  it("refuses a directory of another group or chain", async (t) => {
    const directory = makeDirectory(t);
    (await openStore(directory)).close();
    const foreign = { directory, logger: createSilentLogger() };
    await assert.rejects(openProviderStore({ ...foreign, chainId: 1, settlement: SETTLEMENT }), {
      code: "DATA_DIR_FOREIGN",
    });
    const settlement = "0x00000000000000000000000000000000000000C9";
    await assert.rejects(openProviderStore({ ...foreign, chainId: 31337, settlement }), {
      code: "DATA_DIR_FOREIGN",
    });
  });
});

describe("what the store keeps as the chain goes on", () => {
  async function stored(t: Parameters<typeof makeDirectory>[0]) {
    const store = await openStore(makeDirectory(t));
    t.after(() => store.close());
    store.uploads.insert(makeUpload());
    await store.shards.write(makeUpload().id, 0, makeShard(0));
    return { store, ...createFakeChain() };
  }

  it("keeps a reservation until openBy, then removes it with its bytes", async (t) => {
    const { store, chain, fake } = await stored(t);
    fake.time = 1_899;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 0, uploads: 0 });
    assert.equal(await store.shards.has(makeUpload().id, 0), true);
    fake.time = 1_900;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 0, uploads: 1 });
    assert.equal(await store.shards.has(makeUpload().id, 0), false);
    assert.equal(store.uploads.bytes(), 0);
  });

  it("removes a signed order that did not open by openBy", async (t) => {
    const { store, chain, fake } = await stored(t);
    signOrder(store);
    fake.time = 1_900;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 1, uploads: 1 });
  });

  it("keeps an opened order until its last window is over", async (t) => {
    const { store, chain, fake } = await stored(t);
    const id = signOrder(store);
    fake.orders.set(id, { order: makeOrder(), endEpoch: 25 });
    fake.time = 2_500 + 499;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 0, uploads: 0 });
    assert.equal(store.orders.get(id)?.opened, true);
    fake.time = 2_500 + 500;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 1, uploads: 1 });
    assert.equal(await store.shards.has(makeUpload().id, 0), false);
  });

  it("keeps the bytes of an upload while one of its orders needs them", async (t) => {
    const { store, chain, fake } = await stored(t);
    signOrder(store, makeOrder({ providers: [4, 7, 9] }));
    const id = signOrder(store);
    fake.orders.set(id, { order: makeOrder(), endEpoch: 30 });
    fake.time = 1_950;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 1, uploads: 0 });
    assert.equal(await store.shards.has(makeUpload().id, 0), true);
  });

  it("keeps the bytes of a slot that was lost until they are asked for no more, not those of another slot", async (t) => {
    const { store, chain, fake } = await stored(t);
    const id = signOrder(store);
    fake.orders.set(id, { order: makeOrder(), endEpoch: 30 });
    fake.heldUntil.set(id, 2_100);
    fake.time = 2_099;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 0, uploads: 0 });
    fake.time = 2_100;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 1, uploads: 1 });
    assert.equal(await store.shards.has(makeUpload().id, 0), false);
  });

  it("does not take an opened order for unopened while the chain is not read that far", async (t) => {
    const { store, chain, fake } = await stored(t);
    const id = signOrder(store);
    store.orders.markOpened(id, makeUpload().slot);
    fake.time = 2_000;
    assert.deepEqual(await sweepStore({ store, chain, all: true }), { orders: 0, uploads: 0 });
  });

  it("counts a peer's reservations until their order opens, and all bytes for good", async (t) => {
    const { store } = await stored(t);
    store.uploads.insert(makeUpload({ id: hash("another"), peer: "another" }));
    const { peer, bytes } = makeUpload();
    assert.equal(store.uploads.bytes(peer), bytes);
    assert.equal(store.uploads.bytes(), 2 * bytes);
    store.orders.markOpened(signOrder(store), makeUpload().slot);
    assert.equal(store.uploads.bytes(peer), 0);
    assert.equal(store.uploads.bytes(), 2 * bytes);
  });
});
