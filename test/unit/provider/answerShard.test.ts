import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { bytesToHex, hexToBytes } from "viem";
import { appealPoint } from "../../../protocol/disputes/draw.ts";
import { slotRoot, verifyShardProof } from "../../../protocol/merkle/slotRoot.ts";
import { createAnswerShard } from "../../../provider/disputes/answerShard.ts";
import { createOrderTrees } from "../../../provider/prove/orderTrees.ts";
import { createShardReader } from "../../../provider/read/shardReader.ts";
import { keepShard } from "../../../provider/repair/rebuildSlot.ts";
import { createRepairWorld, expand } from "./repairSupport.ts";
import { hash, makeDirectory, makeUpload, openStore, SETTLEMENT } from "./support.ts";

const SLOT = 3;
const never = new AbortController().signal;

/** A provider that holds slot 3 of an order of two stripes. */
async function start(t: TestContext) {
  const repair = createRepairWorld({ stripes: 2 });
  const directory = makeDirectory(t);
  const store = await openStore(directory);
  t.after(() => store.close());
  const upload = makeUpload({ slot: SLOT });
  store.uploads.insert(upload);
  for (const slot of repair.commitments.keys()) {
    store.uploads.putSlotCommitments(upload, slot, 0, repair.commitments[slot]!);
  }
  for (const [stripe, shard] of repair.shards[SLOT]!.entries()) {
    await keepShard(store, { uploadId: upload.id, slot: SLOT }, stripe, shard, expand);
  }
  const { id, order } = repair;
  store.orders.insert({ id, uploadId: upload.id, slot: SLOT, order, signature: new Uint8Array(64) });
  const opened: [Uint8Array, bigint][] = [];
  const answer = createAnswerShard({
    store,
    treeOf: createOrderTrees(store),
    readShard: createShardReader({ store, onUnreadable: () => undefined }),
    kzg: {
      async open(shard, z) {
        opened.push([shard, z]);
        return { y: 5n, proof: new Uint8Array(48).fill(7) };
      },
    },
    chainId: 31_337,
    disputes: SETTLEMENT,
  });
  const path = (stripe: number) =>
    join(directory, "shards", "v1", upload.id.slice(2, 4), upload.id.slice(2), `${stripe}.shard`);
  return { repair, answer, opened, path };
}

describe("the proof of one shard for a dispute", () => {
  it("opens its bytes at the drawn point and leads from its commitment to the order's root", async (t) => {
    const { repair, answer, opened } = await start(t);
    const { id: orderId, order } = repair;
    const draw = hash("draw");
    const given = await answer({ orderId, slot: SLOT, stripe: 1 }, draw, never);
    const place = { orderId, slot: SLOT, stripe: 1 };
    const point = appealPoint({ chainId: 31_337, disputes: SETTLEMENT, draw, ...place });
    assert.equal(opened[0]?.[1], point);
    assert.equal(Buffer.compare(opened[0]![0], repair.shards[SLOT]![1]!), 0);
    assert.ok(given);
    assert.equal(given.commitment, bytesToHex(repair.commitmentOf(SLOT, 1)));
    const proven = verifyShardProof({
      root: order.shardRoot,
      slotRoot: slotRoot(repair.commitments[SLOT]!),
      slots: 4,
      stripes: 2,
      slot: SLOT,
      stripe: 1,
      commitment: hexToBytes(given.commitment),
      proof: given,
    });
    assert.equal(proven, true);
  });

  it("is none when the bytes are gone, or the slot is not held here", async (t) => {
    const { repair, answer, path } = await start(t);
    const { id: orderId } = repair;
    rmSync(path(1));
    assert.equal(await answer({ orderId, slot: SLOT, stripe: 1 }, hash("draw"), never), undefined);
    assert.ok(await answer({ orderId, slot: SLOT, stripe: 0 }, hash("draw"), never));
    assert.equal(await answer({ orderId, slot: 0, stripe: 0 }, hash("draw"), never), undefined);
    assert.equal(await answer({ orderId, slot: SLOT, stripe: 2 }, hash("draw"), never), undefined);
    assert.equal(await answer({ orderId: hash("x"), slot: SLOT, stripe: 0 }, hash("draw"), never), undefined);
  });
});
