import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import postgres from "postgres";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { eventually, query } from "./indexer/graphql.ts";
import { applyAndFinish, certify, ORDER, openOrder, registerAll } from "./indexer/history.ts";
import { createDatabase, type Database } from "./indexer/postgres.ts";
import { createWorld, hash, type World } from "./indexer/world.ts";

describe("indexer on PostgreSQL", { timeout: 240_000 }, () => {
  let world: World;
  let database: Database;
  let indexer: Indexer;
  let sql: postgres.Sql;

  const start = (): Promise<Indexer> =>
    startIndexer({
      rpcUrl: world.node.rpcUrl,
      deploymentPath: world.deploymentPath,
      port: 0,
      dataDir: world.directory,
      databaseUrl: database.url,
      pollingMs: 100,
      logger: createSilentLogger(),
    });
  const caughtUp = async () => indexer.ready(await world.node.head(), AbortSignal.timeout(30_000));

  before(async () => {
    [world, database] = await Promise.all([createWorld(), createDatabase()]);
    await world.createGroup();
    await registerAll(world);
    await openOrder(world);
    indexer = await start();
    sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  });

  after(async () => {
    await indexer?.stop();
    await sql?.end();
    await database?.remove();
    await world?.stop();
  });

  test("writes to the database what GraphQL tells", async () => {
    await certify(world, 2);
    await applyAndFinish(world, 2, { missed: [3] });
    await caughtUp();
    const rows = await sql`select id, policy, escrow::text from "order"`;
    const { orders } = await query<{ orders: { items: unknown[] } }>(
      indexer.url,
      "{ orders { items { id policy escrow } } }",
    );
    assert.deepEqual([...rows], orders.items);
    assert.equal(rows[0]?.id, ORDER.id);
    const [missed] = await sql`select missed, signers from epoch where epoch = 2`;
    assert.deepEqual({ ...missed }, { missed: 1, signers: [0, 1, 2] });
  });

  test("takes back rows of a reorganised branch", async () => {
    const snapshot = await world.node.testClient.snapshot();
    await openOrder(world, hash("ghost"), 2n);
    await caughtUp();
    assert.equal((await sql`select 1 from "order"`).length, 2);
    await world.node.testClient.revert({ id: snapshot });
    await world.node.testClient.increaseTime({ seconds: 100 });
    await world.node.mine(5);
    await eventually(
      () => sql`select id from "order"`,
      (rows) => rows.length === 1,
    );
    await eventually(
      () => sql`select 1 from slot`,
      (rows) => rows.length === 3,
    );
    const [group] = await sql`select order_count, escrow = (select escrow from "order") as same from "group"`;
    assert.deepEqual({ ...group }, { order_count: 1, same: true });
  });

  test("killed in the middle of its work it continues without loss or doubling", async () => {
    for (let epoch = 3; epoch < 9; epoch++) await certify(world, epoch);
    process.kill(indexer.pid, "SIGKILL");
    await indexer.exited;
    await certify(world, 9);
    indexer = await start();
    await caughtUp();
    const epochs = await sql`select epoch from epoch order by epoch`;
    assert.deepEqual(
      epochs.map(({ epoch }) => epoch),
      [2, 3, 4, 5, 6, 7, 8, 9],
    );
    const [settlement] = await sql`select rolling_hash from contract where name = 'ChallengeSettlement'`;
    assert.equal(settlement?.rolling_hash, await world.rollingHash("settlement"));
    const [keeper] = await sql`select signed from keeper where keeper_id = 1`;
    assert.equal(keeper?.signed, 8);
  });
});
