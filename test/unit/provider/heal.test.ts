import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createHealer } from "../../../provider/repair/heal.ts";
import { commit, createRepairWorld, expand, makeSlot, OWN } from "./repairSupport.ts";
import { makeDirectory, makeShard, makeUpload, openStore } from "./support.ts";

const SLOT = 3;

/** The provider under test holds slot 3, of which shard 0 is damaged and shard 1 is gone. */
async function start(t: TestContext, willing = true) {
  const repair = createRepairWorld({ stripes: 3 });
  repair.world.slots[SLOT] = makeSlot(SLOT, { holder: OWN });
  repair.world.missed.set(22, [OWN]);
  const store = await openStore(makeDirectory(t));
  t.after(() => store.close());
  const upload = makeUpload({ slot: SLOT, stripes: 3 });
  store.uploads.insert(upload);
  const shards = repair.shards[SLOT]!;
  for (const slot of repair.commitments.keys()) {
    store.uploads.putSlotCommitments(upload, slot, 0, repair.commitments[slot]!);
  }
  store.uploads.insertWindow(upload.id, {
    firstStripe: 0,
    count: 3,
    commitments: repair.commitments[SLOT]!,
    points: Buffer.concat(shards.map((shard) => expand(commit(shard)))),
    digests: Buffer.concat(shards.map((shard) => createHash("sha256").update(shard).digest())),
  });
  await store.shards.write(upload.id, 0, makeShard(9));
  await store.shards.write(upload.id, 2, shards[2]!);
  const { id, order } = repair;
  store.orders.insert({ id, uploadId: upload.id, slot: SLOT, order, signature: new Uint8Array(64) });
  let healed = 0;
  const healer = createHealer({
    store,
    view: repair.view,
    rebuild: repair.rebuild,
    expand,
    willing,
    onHealed: () => healed++,
    logger: createSilentLogger(),
  });
  for (const stripe of [0, 1, 2]) healer.note(upload.id, stripe);
  const run = async () => {
    const before = repair.world.asked.length;
    healer.run();
    while (healer.running()) await turn();
    return repair.world.asked.length - before;
  };
  const isRight = async (stripe: number) => {
    const bytes = await store.shards.read(upload.id, stripe).catch(() => undefined);
    return bytes !== undefined && Buffer.compare(bytes, shards[stripe]!) === 0;
  };
  return { repair, run, isRight, healed: () => healed, healer };
}

describe("a provider that finds its own shards missing", () => {
  it("rebuilds them from k others each, and leaves alone those that are there", async (t) => {
    const { run, isRight, healed, healer } = await start(t);
    assert.equal(await run(), 4);
    assert.equal(healed(), 2);
    for (const stripe of [0, 1, 2]) assert.equal(await isRight(stripe), true);
    assert.equal(healer.missing(), 0);
  });

  it("asks nobody before the chain says that it missed an epoch, or after the cool-off", async (t) => {
    for (const [missed, asks] of [
      [[22, [OWN]], 4],
      [[20, [OWN]], 4],
      [[19, [OWN]], 0],
      [[22, [1]], 0],
    ] as [[number, number[]], number][]) {
      const { repair, run } = await start(t);
      repair.world.missed.clear();
      repair.world.missed.set(...missed);
      assert.equal(await run(), asks, `${missed}`);
    }
  });

  it("does not when its operator does not want it", async (t) => {
    const { run, isRight } = await start(t, false);
    assert.equal(await run(), 0);
    assert.equal(await isRight(1), false);
  });

  it("does not for a slot that it has lost, nor for an order that is over", async (t) => {
    const lost = await start(t);
    lost.repair.world.slots[SLOT] = makeSlot(SLOT, {
      holder: undefined,
      former: OWN,
      until: 22,
      changed: true,
    });
    assert.equal(await lost.run(), 0);
    const over = await start(t);
    over.repair.world.endEpoch = 23;
    assert.equal(await over.run(), 0);
  });

  it("goes on with the others when one cannot be rebuilt, and keeps it in mind", async (t) => {
    const { repair, run, isRight, healer } = await start(t);
    const { getShard } = repair.rebuild;
    repair.rebuild.getShard = async (endpoint, shard, signal) => {
      const bytes = await getShard(endpoint, shard, signal);
      return shard.stripe === 0 ? makeShard(4_711) : bytes;
    };
    await run();
    assert.deepEqual([await isRight(0), await isRight(1)], [false, true]);
    assert.equal(healer.missing(), 1);
  });
});
