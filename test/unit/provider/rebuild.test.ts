import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { createManualClock } from "../../../protocol/runtime/clock.ts";
import { createRebuilder, type RebuildDeps } from "../../../provider/repair/rebuild.ts";
import { sourcesOf } from "../../../provider/repair/sources.ts";
import {
  createRepairWorld,
  makeOffered,
  makeShards,
  makeSlot,
  OWN,
  type RepairWorld,
} from "./repairSupport.ts";
import { makeShard } from "./support.ts";

const never = new AbortController().signal;

function startRebuilder(repair: RepairWorld, slot = 3, change: Partial<RebuildDeps> = {}) {
  return createRebuilder(
    { ...repair.rebuild, ...change },
    {
      orderId: repair.id,
      slot,
      policy: repair.policy,
      sources: () => sourcesOf(repair.state(), repair.info(), slot, OWN),
      commitmentOf: repair.commitmentOf,
    },
  );
}

function assertShard(given: Uint8Array, expected: Uint8Array) {
  assert.equal(Buffer.compare(given, expected), 0);
}

describe("rebuilding a shard", () => {
  it("takes any k of the others, reads k shards for it, and commits once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 4 }), fc.subarray([0, 1, 2, 3, 4]), async (slot, gone) => {
        const left = [0, 1, 2, 3, 4].filter((other) => other !== slot && !gone.includes(other));
        const repair = createRepairWorld({ policy: "rs(3,2)", stripes: 1, shards: rs32 });
        repair.world.slots[slot] = makeOffered(slot, { former: undefined });
        for (const other of gone) repair.world.behaviour.set(other + 1, "forbids");
        const rebuilder = startRebuilder(repair, slot);
        if (left.length < 3) {
          await assert.rejects(rebuilder.rebuild(0, never), { code: "TOO_FEW_SHARDS", retryable: true });
          return;
        }
        assertShard(await rebuilder.rebuild(0, never), repair.shards[slot]![0]!);
        assert.equal(rebuilder.bytesRead(), 3 * SHARD_BYTES);
        assert.equal(repair.world.commits, 1);
      }),
      { numRuns: 40 },
    );
  });

  it("copies one shard where copies are kept", async () => {
    const repair = createRepairWorld({ policy: "copies(3)", stripes: 1 });
    repair.world.slots[2] = makeOffered(2, { former: undefined });
    const rebuilder = startRebuilder(repair, 2);
    assertShard(await rebuilder.rebuild(0, never), repair.shards[2]![0]!);
    assert.equal(rebuilder.bytesRead(), SHARD_BYTES);
  });

  it("rebuilds stripes in which all slots hold the same shard, as those of manifests", async () => {
    const same = Array.from({ length: 4 }, () => [makeShard(5)]);
    const repair = createRepairWorld({ stripes: 1, shards: same });
    repair.world.slots[3] = makeOffered(3);
    assertShard(await startRebuilder(repair).rebuild(0, never), makeShard(5));
  });

  it("spreads the load: each stripe begins with another source", async () => {
    const repair = createRepairWorld({ stripes: 3 });
    repair.world.slots[3] = makeOffered(3);
    const rebuilder = startRebuilder(repair);
    for (const stripe of [0, 1, 2]) await rebuilder.rebuild(stripe, never);
    for (const provider of [1, 2, 3]) {
      assert.equal(repair.world.asked.filter((asked) => asked.startsWith(`${provider}:`)).length, 2);
    }
  });

  it("finds out by commitments who lied, goes on with others, and does not ask the liar again", async () => {
    const repair = createRepairWorld({ stripes: 2 });
    repair.world.slots[3] = makeOffered(3);
    repair.world.behaviour.set(1, "lies");
    const rebuilder = startRebuilder(repair);
    for (const stripe of [0, 1])
      assertShard(await rebuilder.rebuild(stripe, never), repair.shards[3]![stripe]!);
    assert.equal(repair.world.asked.filter((asked) => asked.startsWith("1:")).length, 1);
  });

  it("has too few when one of exactly k sources lies", async () => {
    const repair = createRepairWorld({ stripes: 1 });
    repair.world.slots[3] = makeOffered(3, { former: undefined });
    repair.world.behaviour.set(1, "lies");
    repair.world.behaviour.set(2, "down");
    await assert.rejects(startRebuilder(repair).rebuild(0, never), { code: "TOO_FEW_SHARDS" });
  });

  it("takes a shard that is no polynomial for a lie", async () => {
    const repair = createRepairWorld({ stripes: 1 });
    repair.world.slots[3] = makeOffered(3);
    repair.world.behaviour.set(1, "lies");
    const commit = async (shard: Uint8Array) => {
      if (repair.shards.some((slot) => Buffer.compare(slot[0]!, shard) === 0))
        return repair.rebuild.commit(shard);
      throw new MemoError("SHARD_ELEMENT_NOT_CANONICAL", "no polynomial");
    };
    assertShard(await startRebuilder(repair, 3, { commit }).rebuild(0, never), repair.shards[3]![0]!);
  });

  it("says NOT_A_CODEWORD when every source gave what its user committed to", async () => {
    const garbage = Array.from({ length: 4 }, (_, slot) => [makeShard(100 + slot)]);
    const repair = createRepairWorld({ stripes: 1, shards: garbage });
    repair.world.slots[3] = makeOffered(3);
    await assert.rejects(startRebuilder(repair).rebuild(0, never), { code: "NOT_A_CODEWORD" });
  });

  it("copies from the holder that hands the slot over, unless it lies", async () => {
    const repair = createRepairWorld({ stripes: 2 });
    repair.world.slots[3] = makeSlot(3, { offer: { provider: OWN, epoch: 22, deadline: 25 } });
    const rebuilder = startRebuilder(repair);
    assertShard(await rebuilder.rebuild(0, never), repair.shards[3]![0]!);
    assert.deepEqual(repair.world.asked, ["4:3:0"]);
    repair.world.behaviour.set(4, "lies");
    assertShard(await rebuilder.rebuild(1, never), repair.shards[3]![1]!);
  });

  it("asks who lost the slot last of all", async () => {
    const repair = createRepairWorld({ stripes: 1 });
    repair.world.slots[3] = makeOffered(3);
    for (const provider of [1, 2]) repair.world.behaviour.set(provider, "down");
    assertShard(await startRebuilder(repair).rebuild(0, never), repair.shards[3]![0]!);
    assert.equal(repair.world.asked.at(-1), "4:3:0");
  });

  it("asks evicted holders of other slots only after present ones", async () => {
    const repair = createRepairWorld({ stripes: 1 });
    repair.world.slots[0] = makeSlot(0, { holder: undefined, former: 1, until: 22, changed: true });
    repair.world.slots[3] = makeOffered(3);
    const rebuilder = startRebuilder(repair);
    await rebuilder.rebuild(0, never);
    assert.deepEqual(repair.world.asked.toSorted(), ["2:1:0", "3:2:0"]);
    repair.world.behaviour.set(2, "down");
    assertShard(await rebuilder.rebuild(0, never), repair.shards[3]![0]!);
    assert.ok(repair.world.asked.includes("1:0:0"));
  });

  it("gives a source that keeps silent a rival", async () => {
    const repair = createRepairWorld({ stripes: 1 });
    repair.world.slots[3] = makeOffered(3);
    repair.world.behaviour.set(1, "silent");
    const clock = createManualClock();
    const rebuilt = startRebuilder(repair, 3, { clock }).rebuild(0, never);
    while (clock.sleeping() === 0) await new Promise(setImmediate);
    clock.advance(1_500);
    assertShard(await rebuilt, repair.shards[3]![0]!);
  });

  it("ends with the signal's reason", async () => {
    const repair = createRepairWorld({ stripes: 1 });
    repair.world.slots[3] = makeOffered(3);
    for (const provider of [1, 2, 3]) repair.world.behaviour.set(provider, "silent");
    const controller = new AbortController();
    const rebuilt = startRebuilder(repair).rebuild(0, controller.signal);
    controller.abort(new Error("over"));
    await assert.rejects(rebuilt, /over/);
  });
});

const rs32 = makeShards("rs(3,2)", 1);
