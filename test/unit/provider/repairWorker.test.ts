import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import * as nodeFileSystem from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { declineReason } from "../../../provider/repair/declineReason.ts";
import type { RepairReport } from "../../../provider/repair/job.ts";
import { createRepairWorker, type RepairDeps } from "../../../provider/repair/worker.ts";
import type { FileSystem } from "../../../provider/store/shardFiles.ts";
import type { ProviderStore } from "../../../provider/store/store.ts";
import { sweepStore } from "../../../provider/store/sweep.ts";
import type { Window } from "../../../provider/store/uploads.ts";
import {
  commit,
  createRepairWorld,
  expand,
  makeOffered,
  makeSlot,
  OWN,
  type RepairWorld,
} from "./repairSupport.ts";
import { createFakeChain, hash, makeDirectory, makeShard, makeUpload, openStore } from "./support.ts";

const SLOT = 3;

/** A worker over a store, on a chain that accepts what it is sent at once. */
function startWorker(repair: RepairWorld, store: ProviderStore, change: Partial<RepairDeps> = {}) {
  const ended: [string, RepairReport][] = [];
  const accepted: number[] = [];
  const deps: RepairDeps = {
    store,
    view: repair.view,
    rebuild: repair.rebuild,
    getCommitments: repair.getCommitments,
    expand,
    async accept(_order, slot) {
      accepted.push(slot);
      acceptOnChain(repair);
      return { minedAt: repair.world.head };
    },
    willing: true,
    freeBytes: async () => 100 * SHARD_BYTES,
    observe: (outcome, report) => ended.push([outcome, report]),
    logger: createSilentLogger(),
    ...change,
  };
  const worker = createRepairWorker(deps);
  /** What the provider does for a block: twice, for what the first time has brought. */
  const block = async (isDead = () => false) => {
    await worker.sync();
    worker.run();
    while (worker.pending() > 0 && !isDead()) await turn();
    repair.world.head++;
    await worker.sync();
  };
  return { worker, block, ended, accepted };
}

function acceptOnChain(repair: RepairWorld) {
  if (repair.world.slots[SLOT]!.offer === undefined) {
    throw new MemoError("CONTRACT_OfferMissing", "taken");
  }
  repair.world.slots[SLOT] = makeSlot(SLOT, { holder: OWN, since: 24, former: 4, until: 22, changed: true });
}

async function begin(t: TestContext, options: Parameters<typeof createRepairWorld>[0] = {}) {
  const repair = createRepairWorld(options);
  repair.world.slots[SLOT] = makeOffered(SLOT);
  const directory = makeDirectory(t);
  const store = await openStore(directory);
  t.after(() => store.close());
  return { repair, directory, store };
}

async function assertHeld(repair: RepairWorld, store: ProviderStore) {
  const held = store.orders.get(repair.id, SLOT);
  assert.ok(held?.opened, "the slot is held");
  for (let stripe = 0; stripe < repair.order.stripes; stripe++) {
    const bytes = await store.shards.read(held.uploadId, stripe);
    assert.equal(Buffer.compare(bytes, repair.shards[SLOT]![stripe]!), 0);
    const window: Window = store.uploads.windowOf(held.uploadId, stripe)!;
    assert.deepEqual(new Uint8Array(window.commitments), new Uint8Array(commit(bytes)));
    assert.deepEqual(new Uint8Array(window.points), expand(commit(bytes)));
  }
  for (const slot of repair.commitments.keys()) {
    const kept: Uint8Array = store.uploads.slotCommitments(held.uploadId, slot)!;
    assert.equal(Buffer.compare(kept, repair.commitments[slot]!), 0);
  }
  assert.deepEqual(store.repairs.list(), []);
  assert.equal(store.uploads.ids().length, 1);
}

async function assertNothing(store: ProviderStore, directory: string) {
  assert.deepEqual(store.uploads.ids(), []);
  assert.deepEqual(store.orders.list(), []);
  assert.deepEqual(shardFiles(directory), []);
}

function shardFiles(directory: string): string[] {
  const root = join(directory, "shards", "v1");
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

describe("a repair", () => {
  it("rebuilds the slot, accepts it, and keeps it once final state says so", async (t) => {
    const { repair, store } = await begin(t);
    const { block, ended, accepted } = startWorker(repair, store);
    await block();
    assert.deepEqual(accepted, [SLOT]);
    await assertHeld(repair, store);
    const [[outcome, report] = []] = ended;
    assert.equal(outcome, "accepted");
    assert.equal(report?.bytesRead, 3 * 2 * SHARD_BYTES);
    assert.equal(report?.bytesWritten, 3 * SHARD_BYTES);
  });

  it("is begun for own live offers only", async (t) => {
    const offers = [
      makeOffered(SLOT, { offer: undefined }),
      makeOffered(SLOT, { offer: { provider: OWN + 1, epoch: 22, deadline: 25 } }),
      makeOffered(SLOT, { offer: { provider: OWN, epoch: 19, deadline: 22 } }),
      makeOffered(SLOT, { voided: true }),
    ];
    for (const offer of offers) {
      const { repair, store } = await begin(t, { stripes: 1 });
      repair.world.slots[SLOT] = offer;
      const { block, accepted } = startWorker(repair, store);
      await block();
      assert.deepEqual(accepted, []);
      assert.deepEqual(store.repairs.list(), []);
    }
    const { repair, store } = await begin(t, { stripes: 1 });
    repair.world.slots[SLOT] = makeOffered(SLOT, { offer: { provider: OWN, epoch: 20, deadline: 23 } });
    const { block, accepted } = startWorker(repair, store);
    await block();
    assert.deepEqual(accepted, [SLOT], "the deadline itself is in time");
  });

  it("needs at least one epoch that is left of the order", async (t) => {
    for (const [endEpoch, taken] of [
      [24, []],
      [25, [SLOT]],
    ] as const) {
      const { repair, store } = await begin(t, { stripes: 1 });
      repair.world.endEpoch = endEpoch;
      const { block, accepted } = startWorker(repair, store);
      await block();
      assert.deepEqual(accepted, taken, `end ${endEpoch}`);
    }
  });

  it("goes on when sources come back, and asks for nothing twice", async (t) => {
    const { repair, store } = await begin(t);
    for (const provider of [1, 2]) repair.world.behaviour.set(provider, "forbids");
    repair.world.behaviour.set(4, "forbids");
    const { worker, block, accepted } = startWorker(repair, store);
    await block();
    assert.deepEqual(accepted, []);
    assert.equal(worker.reports()[0]?.step, "waiting");
    assert.equal(worker.reports()[0]?.reason, "TOO_FEW_SHARDS");
    repair.world.behaviour.clear();
    await block();
    await assertHeld(repair, store);
  });

  it("does not believe commitments of another root", async (t) => {
    const { repair, store } = await begin(t);
    repair.world.behaviour.set(1, "lies");
    const { block } = startWorker(repair, store);
    await block();
    assert.ok(repair.world.commitmentsAsked.includes(2));
    await assertHeld(repair, store);
  });

  it("waits while nobody gives the commitments", async (t) => {
    const { repair, store } = await begin(t);
    for (const provider of [1, 2, 3, 4]) repair.world.behaviour.set(provider, "lies");
    const { worker, block } = startWorker(repair, store);
    await block();
    assert.equal(worker.reports()[0]?.reason, "COMMITMENTS_UNAVAILABLE");
  });

  it("is refused for good when the shards are no codeword, and costs nothing further", async (t) => {
    const shards = Array.from({ length: 4 }, (_, slot) =>
      [0, 1].map((stripe) => makeShard(50 + slot + stripe)),
    );
    const { repair, store, directory } = await begin(t, { shards, stripes: 2 });
    const { block, ended, accepted } = startWorker(repair, store);
    await block();
    assert.deepEqual(accepted, []);
    assert.deepEqual(
      ended.map(([outcome, report]) => [outcome, report.reason]),
      [["failed", "NOT_A_CODEWORD"]],
    );
    await assertNothing(store, directory);
    const asked = repair.world.asked.length;
    await block();
    await startWorker(repair, store).block();
    assert.equal(repair.world.asked.length, asked, "not tried again, after a restart neither");
    repair.world.epoch = 26;
    await block();
    assert.deepEqual(store.repairs.list(), []);
    assert.equal(ended.length, 1);
  });

  it("whose offer is over midway leaves nothing", async (t) => {
    const ends: ((repair: RepairWorld) => void)[] = [
      (repair) => {
        repair.world.epoch = 26;
      },
      (repair) => {
        repair.world.slots[SLOT] = makeSlot(SLOT, {
          holder: 9,
          since: 24,
          former: 4,
          until: 22,
          changed: true,
        });
      },
      (repair) => {
        repair.world.slots[SLOT] = makeOffered(SLOT, { voided: true, offer: undefined });
      },
      (repair) => {
        repair.world.endEpoch = 24;
      },
      (repair) => {
        repair.world.closed = true;
      },
    ];
    for (const over of ends) {
      const { repair, store, directory } = await begin(t);
      const getShard: RepairDeps["rebuild"]["getShard"] = async (endpoint, shard, signal) => {
        if (shard.stripe === 2) repair.world.behaviour.set(Number(endpoint.split(" ")[1]), "silent");
        return repair.rebuild.getShard(endpoint, shard, signal);
      };
      const { worker, ended } = startWorker(repair, store, { rebuild: { ...repair.rebuild, getShard } });
      worker.run();
      while (shardFiles(directory).filter((name) => name.endsWith(".shard")).length < 2) await turn();
      over(repair);
      await worker.sync();
      await assertNothing(store, directory);
      assert.deepEqual(store.repairs.list(), []);
      assert.deepEqual(
        ended.map(([outcome, report]) => [outcome, report.reason]),
        [["failed", "OFFER_OVER"]],
      );
      await worker.stop();
    }
  });

  it("is not accepted again before final state shows the block of the acceptance, but after it if it is not there", async (t) => {
    const { repair, store } = await begin(t, { stripes: 1 });
    let sent = 0;
    const { worker } = startWorker(repair, store, {
      async accept() {
        sent++;
        return { minedAt: repair.world.head + 2 };
      },
    });
    const look = async () => {
      worker.run();
      while (worker.pending() > 0) await turn();
      return sent;
    };
    assert.equal(await look(), 1);
    repair.world.head += 1;
    assert.equal(await look(), 1);
    repair.world.head += 1;
    assert.equal(await look(), 2);
  });

  it("builds on what is left of a slot that was held before", async (t) => {
    const { repair, store } = await begin(t);
    const upload = makeUpload({ slot: SLOT, stripes: 3, bytes: 3 * SHARD_BYTES });
    store.uploads.insert(upload);
    for (const slot of repair.commitments.keys()) {
      store.uploads.putSlotCommitments(upload, slot, 0, repair.commitments[slot]!);
    }
    await store.shards.write(upload.id, 0, repair.shards[SLOT]![0]!);
    await store.shards.write(upload.id, 1, makeShard(99));
    const bytes = repair.shards[SLOT]!;
    const { createHash } = await import("node:crypto");
    store.uploads.insertWindow(upload.id, {
      firstStripe: 0,
      count: 3,
      commitments: repair.commitments[SLOT]!,
      points: Buffer.concat(bytes.map((shard) => expand(commit(shard)))),
      digests: Buffer.concat(bytes.map((shard) => createHash("sha256").update(shard).digest())),
    });
    const { id, order } = repair;
    store.orders.insert({ id, uploadId: upload.id, slot: SLOT, order, signature: new Uint8Array(64) });
    store.orders.markOpened(id, SLOT);
    const { block, ended } = startWorker(repair, store);
    const { chain, fake } = createFakeChain();
    fake.orders.set(id, { order, endEpoch: 30 });
    fake.heldUntil.set(id, 0);
    fake.time = 5_000;
    store.repairs.begin({ orderId: id, slot: SLOT, order, deadline: 25, openBy: 2_600 });
    await sweepStore({ store, chain, all: true });
    await block();
    assert.equal(ended[0]?.[1].bytesWritten, 2 * SHARD_BYTES, "one missing, one damaged");
    for (const [stripe, shard] of bytes.entries()) {
      assert.equal(Buffer.compare(await store.shards.read(upload.id, stripe), shard), 0);
    }
    assert.equal(store.orders.list().length, 1);
  });
});

describe("an offer is taken", () => {
  const needed = 3 * 10;
  const limits: [string, (repair: RepairWorld) => Partial<{ willing: boolean; free: number }>, boolean][] = [
    ["when repairs are on", () => ({}), true],
    ["not when they are off", () => ({ willing: false }), false],
    [
      "not by who is leaving",
      ({ world }) => {
        world.exiting = true;
        return {};
      },
      false,
    ],
    [
      "at the price that is asked for",
      ({ world, order }) => {
        world.ask = order.price;
        return {};
      },
      true,
    ],
    [
      "not below it",
      ({ world, order }) => {
        world.ask = order.price + 1n;
        return {};
      },
      false,
    ],
    ["when it fills what is free", () => ({ free: 3 * SHARD_BYTES }), true],
    ["not when a byte is missing", () => ({ free: 3 * SHARD_BYTES - 1 }), false],
    [
      "when it takes all free stake",
      ({ world }) => {
        world.freeStake = BigInt(needed);
        return {};
      },
      true,
    ],
    [
      "not when a wei of stake is missing",
      ({ world }) => {
        world.freeStake = BigInt(needed) - 1n;
        return {};
      },
      false,
    ],
    [
      "when it may lock just that in this epoch",
      ({ world }) => {
        world.lockable = BigInt(needed);
        return {};
      },
      true,
    ],
    [
      "not when it may lock a wei less",
      ({ world }) => {
        world.lockable = BigInt(needed) - 1n;
        return {};
      },
      false,
    ],
    [
      "not while it is jailed",
      ({ world }) => {
        world.jailedUntil = 24;
        return {};
      },
      false,
    ],
  ];
  for (const [name, prepare, taken] of limits) {
    it(name, async (t) => {
      const { repair, store } = await begin(t);
      const { willing = true, free = 100 * SHARD_BYTES } = prepare(repair);
      const reason = declineReason({ view: repair.view, store, willing }, repair.info(), free);
      assert.equal(reason === undefined, taken, reason);
    });
  }

  it("with the stake that orders signed before and other repairs leave", async (t) => {
    const { repair, store } = await begin(t);
    const deps = { view: repair.view, store, willing: true };
    store.repairs.begin({
      orderId: hash("other"),
      slot: 0,
      order: repair.order,
      deadline: 25,
      openBy: 2_600,
    });
    repair.world.freeStake = BigInt(2 * needed) - 1n;
    assert.match(declineReason(deps, repair.info(), 1e9) ?? "", /stake/);
    repair.world.freeStake = BigInt(2 * needed);
    assert.equal(declineReason(deps, repair.info(), 1e9), undefined);
  });

  it("not with too little room, and nothing is asked of anybody then", async (t) => {
    const { repair, store } = await begin(t);
    const { block } = startWorker(repair, store, { freeBytes: async () => SHARD_BYTES });
    await block();
    assert.deepEqual(store.repairs.list(), []);
    assert.deepEqual([repair.world.asked, repair.world.commitmentsAsked], [[], []]);
  });
});

describe("a provider that is killed while it repairs", () => {
  /**
   * Runs a repair up to its `stop`-th step that waits for something, keeps the directory as a power cut there would
   * leave it, and starts again from that.
   */
  async function crashAt(stop: number): Promise<{ reached: boolean; accepted: number }> {
    const repair = createRepairWorld({ stripes: 2 });
    repair.world.slots[SLOT] = makeOffered(SLOT);
    const root = mkdtempSync(join(tmpdir(), "memo-repair-crash-"));
    const [before, after] = [join(root, "before"), join(root, "after")];
    const dead = Promise.withResolvers<void>();
    let steps = 0;
    let crashed = false;
    /** From the crash on nothing happens any more: whoever waits, waits for ever. */
    const step = async (): Promise<void> => {
      if (!crashed && steps++ === stop) {
        crashed = true;
        cpSync(before, after, { recursive: true });
        dead.resolve();
      }
      if (crashed) await new Promise<never>(() => undefined);
    };
    const around =
      <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        await step();
        const result = await work(...args);
        await step();
        return result;
      };
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async open(...args) {
        await step();
        return nodeFileSystem.open(...args);
      },
      rename: around(nodeFileSystem.rename),
      mkdir: around(nodeFileSystem.mkdir as () => Promise<undefined>) as FileSystem["mkdir"],
    };
    let accepted = 0;
    const accept = async () => {
      acceptOnChain(repair);
      accepted++;
      return { minedAt: repair.world.head };
    };
    const store = await openStore(before, fileSystem);
    const { worker, block } = startWorker(repair, store, {
      rebuild: {
        ...repair.rebuild,
        getShard: around(repair.rebuild.getShard),
        commit: around(repair.rebuild.commit),
      },
      getCommitments: around(repair.getCommitments),
      freeBytes: around(async () => 100 * SHARD_BYTES),
      accept: around(accept),
    });
    await Promise.race([block(() => crashed), dead.promise]);
    if (!crashed) {
      await worker.stop();
      store.close();
      rmSync(root, { recursive: true });
      return { reached: false, accepted };
    }
    // Only ends its timers: what it waits for never comes.
    void worker.stop();
    const reopened = await openStore(after);
    assert.ok(
      shardFiles(after).every((name) => name.endsWith(".shard")),
      "half-written files are gone",
    );
    await startWorker(repair, reopened, { accept }).block();
    await assertHeld(repair, reopened);
    reopened.close();
    store.close();
    rmSync(root, { recursive: true });
    return { reached: true, accepted };
  }

  it("goes on at whatever step that was, and accepts once", async () => {
    let steps = 0;
    for (;;) {
      const { reached, accepted } = await crashAt(steps);
      assert.equal(accepted, 1, `step ${steps}`);
      if (!reached) break;
      steps++;
    }
    assert.ok(steps > 30, `${steps} steps`);
  });

  it("leaves nothing when the offer is over by the time it is back", async (t) => {
    const { repair, store, directory } = await begin(t, { stripes: 1 });
    store.repairs.begin({ orderId: repair.id, slot: SLOT, order: repair.order, deadline: 25, openBy: 2_600 });
    const [{ uploadId } = { uploadId: undefined }] = store.repairs.list();
    await store.shards.write(uploadId!, 0, makeShard(1));
    const { chain, fake } = createFakeChain();
    fake.time = 2_700;
    await sweepStore({ store, chain, all: true });
    assert.equal(store.uploads.ids().length, 1, "only final state about the slot ends a repair");
    repair.world.epoch = 26;
    await startWorker(repair, store).worker.sync();
    await assertNothing(store, directory);
  });
});
