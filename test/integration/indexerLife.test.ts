import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { Hex } from "viem";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import * as faults from "./indexer/faults.ts";
import { dump, eventually, query } from "./indexer/graphql.ts";
import { applyAndFinish, certify, ORDER, openOrder, registerAll } from "./indexer/history.ts";
import { createWorld, hash, type Part, type World } from "./indexer/world.ts";

type Everything = {
  orders: { items: { id: Hex; state: string }[] };
  slots: { items: { id: string }[] };
  epochs: { items: { epoch: number; state: string }[] };
  exceptions: { items: { id: string }[] };
  movements: { totalCount: number };
  transactions: { totalCount: number };
  gasUses: { items: { id: string; count: number }[] };
  contracts: { items: { id: Hex; rollingHash: Hex; events: number }[] };
  group: Record<string, unknown>;
  providers: { items: Record<string, unknown>[] };
  keepers: { items: Record<string, unknown>[] };
};

describe("indexer over its life", { timeout: 180_000 }, () => {
  let world: World;
  let indexer: Indexer;

  const start = (dataDir = world.directory): Promise<Indexer> =>
    startIndexer({
      rpcUrl: world.node.rpcUrl,
      deploymentPath: world.deploymentPath,
      port: 0,
      dataDir,
      pollingMs: 100,
      logger: createSilentLogger(),
    });

  const caughtUp = async () => indexer.ready(await world.node.head(), AbortSignal.timeout(20_000));

  const everything = async (): Promise<Everything> => {
    const group = world.contracts.settlement.toLowerCase();
    return query<Everything>(
      indexer.url,
      `{
        orders(orderBy: "id") { items { id state } }
        slots(orderBy: "id") { items { id } }
        epochs(orderBy: "epoch") { items { epoch state } }
        exceptions(orderBy: "id") { items { id } }
        movements { totalCount }
        transactions { totalCount }
        gasUses(orderBy: "id") { items { id count total average least most last } }
        contracts(orderBy: "id") { items { id rollingHash events lastBlock } }
        group(id: "${group}") {
          orderCount openOrderCount shards epochsCertified epochsGap exceptionsApplied payerBalances escrow
          providerStake keeperStake collateral deposited lastCertifiedEpoch lastFinishedEpoch
        }
        providers(orderBy: "providerId") { items { stake collateral slotCount shards missedEpochs } }
        keepers(orderBy: "keeperId") { items { signed led absent submitted } }
      }`,
    );
  };

  const assertHashes = async (answer: Everything): Promise<void> => {
    for (const part of Object.keys(world.contracts) as Part[]) {
      const row = answer.contracts.items.find(({ id }) => id === world.contracts[part].toLowerCase());
      assert.equal(row?.rollingHash, await world.rollingHash(part), part);
    }
  };

  before(async () => {
    world = await createWorld();
    await world.createGroup();
    await registerAll(world);
    for (const id of [4, 5]) await faults.registerRepairer(world, id);
    indexer = await start();
    await caughtUp();
  });

  after(async () => {
    await indexer?.stop();
    await world?.stop();
  });

  test("a reorganisation leaves no ghost of what it took back", async () => {
    const { testClient } = world.node;
    const before = await everything();
    const snapshot = await testClient.snapshot();
    await openOrder(world, hash("ghost"));
    await certify(world, 3, { absent: 0b0001, leader: 3 });
    await applyAndFinish(world, 3, { gap: 2, dead: 1, missed: [1, 3] });
    await caughtUp();
    const withGhost = await everything();
    assert.equal(withGhost.orders.items.length, 1);
    assert.equal(withGhost.group.epochsCertified, 1);

    await testClient.revert({ id: snapshot });
    // A later time makes other blocks of the same heights; the new branch is seen once it is as long.
    await testClient.increaseTime({ seconds: 100 });
    await world.node.mine(8);
    // One answer is several reads: taken while rows go, it can be half of each.
    const answer = await eventually(everything, (now) => isDeepStrictEqual(now, before));
    await assertHashes(answer);
  });

  test("what the new branch holds instead is there, once", async () => {
    await openOrder(world);
    await certify(world, 4);
    await applyAndFinish(world, 4, { missed: [2] });
    await caughtUp();
    const answer = await eventually(everything, ({ epochs }) => epochs.items[0]?.state === "finished");
    assert.deepEqual(answer.orders.items, [{ id: ORDER.id, state: "open" }]);
    assert.equal(answer.slots.items.length, 3);
    assert.deepEqual(answer.epochs.items, [{ epoch: 4, state: "finished" }]);
    await assertHashes(answer);
  });

  test("after a reorganisation across an eviction and a repair it is what a new index makes of the branch that is left", async () => {
    const { testClient } = world.node;
    await certify(world, 5, { exceptions: 2 });
    const snapshot = await testClient.snapshot();
    /** One slot is lost, repaired by another provider and its collateral slashed. */
    const repaired = async (slot: number, repairer: number, split: faults.Split): Promise<void> => {
      const tenure = { providerId: slot + 1, slot, since: 2, until: 5 };
      await world.emitAll([
        ...faults.lost(5, slot + 1, [{ ...tenure, stripe: 0 }]),
        faults.offered({ slot, providerId: repairer, epoch: 5, deadline: 9 }),
        faults.finished(5, 2),
      ]);
      const taken = { slot, providerId: repairer, since: 8, former: slot + 1, until: 5, vacancyPay: 9n };
      await world.emitAll(faults.accepted(taken));
      await world.emitAll([
        ...faults.slashed({ ...tenure, stake: 9_965n }, split),
        faults.recordClosed(5, slot + 1, true),
      ]);
    };
    await repaired(0, 4, { toPayer: 20n, toPot: 8n, toTreasury: 7n, toChallenger: 0n });
    await world.emitAll([
      faults.challenged(9n, { slot: 1, providerId: 2, since: 2, stripe: 1, bond: 5n }),
      ...faults.bonusPaid({ slot: 0, providerId: 4, until: 5, amount: 8n, refunded: 9n }),
    ]);
    await caughtUp();
    const ghost = await dump(indexer.url);
    assert.equal(ghost.repairs?.items[0]?.providerId, `${world.contracts.settlement.toLowerCase()}-4`);

    await testClient.revert({ id: snapshot });
    await testClient.increaseTime({ seconds: 100 });
    await repaired(2, 5, { toPayer: 28n, toPot: 0n, toTreasury: 7n, toChallenger: 0n });
    await world.node.mine(8);
    const fresh = await start(join(world.directory, "fresh"));
    try {
      await fresh.ready(await world.node.head(), AbortSignal.timeout(20_000));
      const expected = await dump(fresh.url);
      const slots = expected.slots?.items.map(({ slot, state, formerId }) => [
        slot,
        state,
        formerId !== null,
      ]);
      assert.deepEqual(slots, [
        [0, "held", false],
        [1, "held", false],
        [2, "held", true],
      ]);
      await eventually(
        () => dump(indexer.url),
        (now) => isDeepStrictEqual(now, expected),
      );
    } finally {
      await fresh.stop();
    }
    await assertHashes(await everything());
  });

  test("killed without warning it comes back and has lost nothing", async () => {
    const before = await everything();
    const head = await world.node.head();
    process.kill(indexer.pid, "SIGKILL");
    await indexer.exited;
    // Happens while it is down.
    await certify(world, 6);
    await applyAndFinish(world, 6, { missed: [2] });

    indexer = await start();
    await caughtUp();
    const answer = await everything();
    assert.ok((await world.node.head()) > head);
    assert.deepEqual(answer.orders, before.orders);
    assert.deepEqual(
      answer.epochs.items,
      [4, 5, 6].map((epoch) => ({ epoch, state: "finished" })),
    );
    assert.equal(answer.transactions.totalCount, before.transactions.totalCount + 2);
    assert.equal(answer.providers.items[1]?.missedEpochs, 2);
    await assertHashes(answer);
  });

  test("SIGTERM ends it within two seconds, and it starts again where it was", async () => {
    const before = await everything();
    const asked = performance.now();
    process.kill(indexer.pid, "SIGTERM");
    assert.equal(await indexer.exited, 0);
    const took = performance.now() - asked;
    assert.ok(took < 2_000, `took ${took} ms`);
    indexer = await start();
    await caughtUp();
    assert.deepEqual(await everything(), before);
  });
});
