import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildClientSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from "graphql";
import { type IndexerOptions, startIndexer } from "../../indexer/startIndexer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { eventually, query } from "./indexer/graphql.ts";
import { createWorld, deploymentText, type World } from "./indexer/world.ts";

describe("starting the indexer", { timeout: 240_000 }, () => {
  let world: World;
  const options = (changes: Partial<IndexerOptions> = {}): IndexerOptions => ({
    rpcUrl: world.node.rpcUrl,
    deploymentPath: world.deploymentPath,
    port: 0,
    dataDir: world.directory,
    pollingMs: 100,
    logger: createSilentLogger(),
    ...changes,
  });
  const fails = (code: string, changes: Partial<IndexerOptions>) =>
    assert.rejects(startIndexer(options(changes)), { code });

  before(async () => {
    world = await createWorld();
    await world.createGroup();
  });
  after(async () => {
    await world?.stop();
  });

  test("refuses a deployment file that is missing, malformed or newer, before anything is started", async () => {
    const deploymentPath = join(world.directory, "other.json");
    await fails("DEPLOYMENT_MISSING", { deploymentPath });
    await writeFile(deploymentPath, "{");
    await fails("DEPLOYMENT_INVALID", { deploymentPath });
    await writeFile(deploymentPath, deploymentText(world.contracts, { factory: "0x12" }));
    await fails("DEPLOYMENT_INVALID", { deploymentPath });
    await writeFile(deploymentPath, deploymentText(world.contracts, { version: 4 }));
    await fails("DEPLOYMENT_VERSION_NEWER", { deploymentPath });
  });

  test("refuses a port that is in use instead of moving to another", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as { port: number };
    await fails("PORT_IN_USE", { port });
    await new Promise((resolve) => holder.close(resolve));
  });

  test("says why it ended when its settings are refused", async () => {
    await assert.rejects(
      startIndexer(options({ pollingMs: 5 })),
      (error: { code: string; message: string }) => {
        assert.equal(error.code, "INDEXER_FAILED");
        assert.match(error.message, /MEMO_INDEXER_POLLING_MS/);
        return true;
      },
    );
  });

  test("stops when its signal aborts while it starts", async () => {
    const aborter = new AbortController();
    const starting = startIndexer(
      options({ signal: aborter.signal, dataDir: join(world.directory, "aborted") }),
    );
    aborter.abort(new Error("enough"));
    await assert.rejects(starting, /enough/);
  });

  test("serves the schema in docs, GraphiQL and status, refuses another deployment's database", async () => {
    const indexer = await startIndexer(options());
    const schema = buildClientSchema(await query(indexer.url, getIntrospectionQuery()));
    const committed = await readFile(new URL("../../docs/schema.graphql", import.meta.url), "utf8");
    const served = printSchema(lexicographicSortSchema(schema));
    assert.equal(committed.split("\n").slice(2).join("\n").trim(), served.trim());
    const page = await fetch(`${indexer.url}/graphql`);
    assert.match(await page.text(), /graphiql/i);
    assert.equal((await fetch(`${indexer.url}/health`)).status, 200);
    await indexer.ready(await world.node.head(), AbortSignal.timeout(20_000));
    const status = (await (await fetch(`${indexer.url}/status`)).json()) as { memo: { id: number } };
    assert.equal(status.memo.id, 31337);
    const missing = await fetch(`${indexer.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ nothing }" }),
    });
    assert.ok(((await missing.json()) as { errors: unknown[] }).errors.length > 0);
    assert.equal((await query<{ order: null }>(indexer.url, '{ order(id: "0x00") { id } }')).order, null);
    await indexer.stop();
    await indexer.stop();

    const deploymentPath = join(world.directory, "moved.json");
    const contracts = { ...world.contracts, factory: world.contracts.staking };
    await writeFile(deploymentPath, deploymentText(contracts));
    await fails("INDEX_OF_ANOTHER_BUILD", { deploymentPath });
  });

  test("ends with its parent, whatever ends that", async () => {
    const {
      signal: _signal,
      logger: _logger,
      ...rest
    } = options({ dataDir: join(world.directory, "child") });
    const script = `
      import { startIndexer } from ${JSON.stringify(new URL("../../indexer/startIndexer.ts", import.meta.url).href)};
      import { createSilentLogger } from ${JSON.stringify(new URL("../../protocol/runtime/logger.ts", import.meta.url).href)};
      const indexer = await startIndexer({ ...${JSON.stringify(rest)}, logger: createSilentLogger() });
      process.stdout.write(indexer.url + "\\n");`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const url = await new Promise<string>((resolve) => {
      parent.stdout.once("data", (data: Buffer) => resolve(data.toString().trim()));
    });
    assert.equal((await fetch(`${url}/health`)).status, 200);
    parent.kill("SIGKILL");
    const health = () =>
      fetch(`${url}/health`).then(
        (response) => response.status,
        () => "gone",
      );
    await eventually<unknown>(health, (answer) => answer === "gone", 5_000);
  });
});
