import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import type { Ticket } from "../../protocol/chain/disputeTypes.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { assertBooks } from "./indexer/compareBooks.ts";
import { type FaultStory, openFaultStory } from "./indexer/faultStory.ts";
import { dump, query } from "./indexer/graphql.ts";
import { createRealGroup, REAL_ABIS, type RealGroup } from "./indexer/realGroup.ts";
import { hash } from "./indexer/world.ts";

/** Keeper 4 is member 3 of the roster. */
const LIAR = { keeper: 4, member: 3 };
/** Ponder takes blocks of this chain for final that lie deeper than 30. */
const FINAL_AFTER = 32;

describe("books of the indexer over the real contracts", { timeout: 600_000 }, () => {
  let real: RealGroup;
  let story: FaultStory;
  let indexer: Indexer;
  let first: number;
  let open: Ticket;

  const start = (dataDir: string): Promise<Indexer> =>
    startIndexer({
      ...{ rpcUrl: real.node.rpcUrl, deploymentPath: real.deploymentPath, port: 0, pollingMs: 100 },
      ...{ dataDir, logger: createSilentLogger() },
    });
  const books = async (): Promise<void> => {
    await indexer.ready(await real.node.head(), AbortSignal.timeout(60_000));
    await assertBooks(real, indexer.url, story.order);
  };
  const ask = <Data = Record<string, unknown>>(text: string) => query<Data>(indexer.url, text);
  const lost = (provider: number, ...entries: readonly (readonly [slot: number, stripe: number])[]) => ({
    lost: [
      { provider, part: 0, entries: entries.map(([slot, stripe]) => ({ orderId: story.id, slot, stripe })) },
    ],
  });
  const offer = (provider: number, slot: number, deadline: number) => ({
    offers: [{ provider, orderId: story.id, slot, deadline }],
  });

  before(async () => {
    real = await createRealGroup({ providers: 6, parameters: { offerExpiries: 1 } });
    story = await openFaultStory(real);
    first = story.order.startEpoch;
    indexer = await start(real.directory);
  });

  after(async () => {
    await indexer?.stop();
    await real?.stop();
  });

  test("balance after an eviction, an offer that runs out and one that is taken", async () => {
    await story.epoch(first);
    await story.epoch(first + 1, { missed: [3] });
    await story.settle(first + 2);
    // Slot 1 is not provider 1's: that entry is dropped.
    const recorded = await story.epoch(first + 2, {
      ...{ missed: [3], ...lost(1, [0, 1], [1, 0]), ...offer(5, 0, first + 3) },
    });
    assert.equal(recorded?.entries.length, 1);
    await books();
    await story.epoch(first + 4, { missed: [3], ...offer(6, 0, first + 7) });
    await story.accept(6, 0);
    await books();
    await story.epoch(first + 5, { missed: [3] });
    await story.settle(first + 6);
    await story.pass(recorded);
    await story.closeRecord(recorded);
    await books();
    await story.claimBonus(0, first + 2, first + 5);
    await books();
    const { repairs, slashings } = await ask<Record<string, { items: Record<string, unknown>[] }>>(`{
      repairs { items { bonusState bonus refunded provider { providerId } } }
      slashings { items { provider { providerId } handOver { repair { provider { providerId } } } } }
    }`);
    const bonus = String(real.group.parameters.repairBonusPerShard * BigInt(story.order.stripes));
    assert.deepEqual(repairs?.items, [
      { bonusState: "paid", bonus, refunded: bonus, provider: { providerId: 6 } },
    ]);
    assert.deepEqual(slashings?.items, [
      { provider: { providerId: 1 }, handOver: { repair: { provider: { providerId: 6 } } } },
    ]);
  });

  test("balance after an appeal: the reserve pays who repaired", async () => {
    const now = await real.epochNow();
    const recorded = await story.epoch(now + 1, { missed: [3], ...lost(2, [1, 0]), ...offer(5, 1, now + 4) });
    assert.ok(recorded);
    await story.appeal(recorded);
    await story.accept(5, 1);
    await books();
    await story.epoch(now + 2, { missed: [3] });
    await story.pass(recorded);
    await story.closeRecord(recorded);
    await books();
    const [moved] = (
      await ask<{ handOvers: { items: { until: string }[] } }>(
        "{ handOvers(where: { slot: 1 }) { items { until } } }",
      )
    ).handOvers.items;
    await story.claimBonus(1, Number(moved?.until), now + 2);
    await books();
  });

  test("balance with direct challenges open, answered and unanswered", async () => {
    const outsider = real.outsider(0);
    const answered = await story.challenge(2, 0, outsider);
    open = await story.challenge(2, 1, outsider);
    await books();
    await story.respond(answered, real.providerOperator(3));
    await books();
    await story.pass(open);
    await story.closeChallenge(open);
    await books();
    const { directChallenges, slashings } = await ask<Record<string, { items: Record<string, unknown>[] }>>(`{
      directChallenges(orderBy: "challengeId") { items { state evicted handOvers { items { cause } } } }
      slashings(where: { challengeId_not: null }) { items { provider { providerId } challenge { challenger } } }
    }`);
    assert.deepEqual(directChallenges?.items, [
      { state: "answered", evicted: null, handOvers: { items: [] } },
      { state: "unanswered", evicted: true, handOvers: { items: [{ cause: "challenge" }] } },
    ]);
    const challenger = outsider.toLowerCase();
    assert.deepEqual(slashings?.items, [{ provider: { providerId: 3 }, challenge: { challenger } }]);
  });

  test("balance after a slot is given up and its pot goes to the treasury", async () => {
    const now = await real.epochNow();
    await story.epoch(now + 1, offer(1, 2, now + 2));
    await real.advanceTo(now + 3);
    await story.voidSlot(2);
    await books();
    const { slot } = await ask<{ slot: { until: string; state: string } }>(
      `{ slot(id: "${story.id}-2") { until state } }`,
    );
    assert.equal(slot.state, "void");
    await story.claimBonus(2, Number(slot.until), now + 1);
    await books();
  });

  test("balance after a clean exit and after a keeper lost its stake", async () => {
    await real.call(real.group.staking, REAL_ABIS.staking, "setExiting", [4, true]);
    const now = await real.epochNow();
    await story.epoch(now + 1, offer(2, 3, now + 4));
    await story.accept(2, 3);
    await books();
    const since = now + 2;
    await story.epoch(since);
    await story.settle(since + 1);
    await story.claimBonus(3, since, since);
    await books();

    const certificates = ["one", "two"].map((name) =>
      real.certificate(since, { round: 3, resultsRoot: hash(name) }),
    );
    const signatures = await Promise.all(
      certificates.map((certificate) => real.signCertificate(LIAR.keeper, certificate)),
    );
    const args = [...certificates, LIAR.member, ...signatures];
    const { settlement } = real.group;
    await real.call(settlement, REAL_ABIS.settlement, "reportEquivocation", args, real.outsider(1));
    await books();
    const { equivocations } = await ask<{ equivocations: { items: unknown[] } }>(
      "{ equivocations { items { round reporter keeper { keeperId masked } } } }",
    );
    const reporter = real.outsider(1).toLowerCase();
    assert.deepEqual(equivocations.items, [
      { round: "3", reporter, keeper: { keeperId: LIAR.keeper, masked: true } },
    ]);
  });

  test("balance to the end: the order ends, everything is released and taken out", async () => {
    const { orders } = real.group;
    await real.call(orders, REAL_ABIS.orders, "end", [story.order]);
    const now = await real.epochNow();
    await story.epoch(now + 1);
    await story.settle(now + 1);
    await books();
    await real.call(orders, REAL_ABIS.orders, "releaseCollateral", [story.order]);
    for (const provider of [1, 2, 4, 5, 6]) {
      await real.call(orders, REAL_ABIS.orders, "withdrawCredit", [provider]);
    }
    await real.call(orders, REAL_ABIS.orders, "withdrawTreasury", [0]);
    await books();
    const { group } = await ask<{ group: Record<string, unknown> }>(
      `{ group(id: "${real.group.settlement.toLowerCase()}") {
        escrow pots reserves collateral bonds slotsHeld evictions repairsAccepted
      } }`,
    );
    const nothing = { escrow: "0", pots: "0", reserves: "0", collateral: "0", bonds: "0", slotsHeld: 0 };
    assert.deepEqual(group, { ...nothing, evictions: 3, repairsAccepted: 3 });
  });

  test("are the same in an index that reads all of it from the past", async () => {
    // So many blocks more that Ponder takes the whole story for final.
    await real.node.mine(FINAL_AFTER);
    await books();
    const fresh = await start(join(real.directory, "fresh"));
    try {
      await fresh.ready(await real.node.head(), AbortSignal.timeout(120_000));
      assert.deepEqual(await dump(fresh.url), await dump(indexer.url));
    } finally {
      await fresh.stop();
    }
  });
});
