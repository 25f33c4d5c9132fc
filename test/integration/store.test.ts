import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { runCli } from "../../client/cli/program.ts";
import { type Client, type ClientOptions, createClient } from "../../client/createClient.ts";
import { createProviderLink, type ProviderLink } from "../../client/providerLink.ts";
import type { ByteRange } from "../../client/read/objectStream.ts";
import type { Reference } from "../../client/read/readObject.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../protocol/kzg/points.ts";
import { readKeyFile } from "../../protocol/runtime/keyFile.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../../scripts/embedded/network.ts";
import { noise, testRandom } from "../unit/object/noise.ts";

const kzg = createKzg();
const points = await loadPoints();
/** Epochs from now to the first paid one: chain time passes with every block that the test needs. */
const TERMS = { epochs: 50, startIn: 30 };

describe("a client of a real network", () => {
  let directory = "";
  let network: EmbeddedNetwork;
  let client: Client;
  const clients: Client[] = [];

  async function connect(options: Partial<ClientOptions> = {}): Promise<Client> {
    const account = privateKeyToAccount(await readKeyFile(network.userKeyPath));
    const { deployment, chain } = network;
    const made = createClient({ rpcUrl: chain.url, deployment, account, kzg, points, ...options });
    clients.push(made);
    return made;
  }

  async function readAll(reader: Client, reference: Reference, range?: ByteRange): Promise<Buffer> {
    const { stream } = await reader.read(reference, range ? { range } : {});
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-client-"));
    const dataDir = join(directory, "network");
    network = await startEmbeddedNetwork({ dataDir, providers: 11, keepers: 4, indexer: false });
    client = await connect({ dataDir: join(directory, "client") });
  });
  after(async () => {
    await Promise.all(clients.map((one) => one.close()));
    await network?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  for (const size of [0, 1, 126_976, 126_977]) {
    it(`stores ${size} bytes under rs(6,3) and gives them back`, async () => {
      const bytes = noise(size, size + 7);
      const { orderId, shards } = await client.store(bytes, { name: `size-${size}`, ...TERMS });
      assert.equal(shards, 9);
      assert.ok((await readAll(client, { orderId })).equals(bytes));
    });
  }

  describe("with a file of several megabytes", () => {
    const bytes = noise(5_000_000, 3);
    let orderId: Hex = "0x";
    let providers: readonly number[] = [];

    it("stores it in one order", async () => {
      const path = join(directory, "holiday.mp4");
      await writeFile(path, bytes);
      const result = await client.store(path, TERMS);
      orderId = result.orderId;
      providers = result.order.providers;
      assert.equal(result.order.stripes, 8);
      assert.deepEqual(result.replaced, []);
      assert.equal((await client.status(orderId)).state, "waiting");
    });

    it("reads ranges of it", async () => {
      for (const [offset, length] of [
        [0, 10],
        [1_048_570, 20],
        [4_999_990, 10],
        [2_000_000, 1_500_000],
      ] as const) {
        const part = await readAll(client, { orderId }, { offset, length });
        assert.ok(part.equals(bytes.subarray(offset, offset + length)), `${offset}+${length}`);
      }
    });

    it("reports to every keeper which holder did not answer, while it reads from others", async () => {
      const honest = await createProviderLink({ random: testRandom(6), logger: createSilentLogger() });
      const taken: { endpoint: string; slot: number; reason: string }[] = [];
      const link: ProviderLink = {
        ...honest,
        async keeper(endpoint, method, request, options) {
          const response = await honest.keeper(endpoint, method, request, options);
          const { slot, reason } = request as { slot: number; reason: string };
          taken.push({ endpoint, slot, reason });
          return response;
        },
      };
      await network.nodes!.stopProvider(providers[0]!);
      const reader = await connect({ link });
      try {
        assert.ok((await readAll(reader, { orderId })).equals(bytes));
      } finally {
        await reader.close();
        await honest.close();
        await network.nodes!.startProvider(providers[0]!);
      }
      assert.equal(new Set(taken.map((report) => report.endpoint)).size, 4);
      assert.ok(
        taken.every(({ slot, reason }) => slot === 0 && reason.startsWith("RPC_")),
        JSON.stringify(taken),
      );
    });

    it("reads and recovers it with m of its providers gone", async () => {
      const down = providers.slice(0, 3);
      for (const id of down) await network.nodes!.stopProvider(id);
      try {
        const stranger = await connect();
        assert.ok((await readAll(stranger, { name: "holiday.mp4" })).equals(bytes));
        const target = join(directory, "recovered");
        const recovery = await stranger.recover({ directory: target });
        assert.equal(recovery.complete, true);
        assert.ok((await readFile(join(target, "holiday.mp4"))).equals(bytes));
        assert.ok((await readFile(join(target, "size-126977"))).equals(noise(126_977, 126_977 + 7)));
      } finally {
        for (const id of down) await network.nodes!.startProvider(id);
      }
    });
  });

  it("replaces a provider that commits to other bytes than it was sent", async () => {
    const honest = await createProviderLink({ random: testRandom(5), logger: createSilentLogger() });
    let liar = "";
    const link: ProviderLink = {
      ...honest,
      bulk(endpoint, method, request, options) {
        if (method !== "putShard") return honest.bulk(endpoint, method, request, options);
        liar ||= endpoint;
        if (endpoint !== liar) return honest.bulk(endpoint, method, request, options);
        const { bytes } = request as { bytes: Uint8Array };
        return honest.bulk(
          endpoint,
          method,
          { ...request, bytes: bytes.with(1, bytes[1]! ^ 1) } as never,
          options,
        );
      },
    };
    const bytes = noise(200_000, 8);
    const result = await (await connect({ link })).store(bytes, { name: "lied-about", ...TERMS });
    await honest.close();
    assert.deepEqual(
      result.replaced.map((one) => one.code),
      ["WINDOW_COMMITMENTS_WRONG"],
    );
    assert.equal(result.order.providers.includes(result.replaced[0]!.provider), false);
    assert.ok((await readAll(client, { orderId: result.orderId })).equals(bytes));
  });

  it("works from the command line", async () => {
    const path = join(directory, "notes.txt");
    await writeFile(path, "to be stored");
    const env = {
      MEMO_RPC_URL: network.chain.url,
      MEMO_DEPLOYMENT: network.deploymentPath,
      MEMO_KEY_FILE: network.userKeyPath,
    };
    const said: string[] = [];
    const out = { write: (text: string) => said.push(text) > 0 } as unknown as NodeJS.WriteStream;
    const surroundings = { env, stdin: process.stdin, stdout: out, stderr: out };
    const memo = (...argv: string[]) => runCli(argv, { surroundings });
    assert.equal(
      await memo("put", path, "--policy", "copies(3)", "--start-in", "30", "--json"),
      0,
      said.join(""),
    );
    const { orderId, state } = JSON.parse(said.at(-1)!) as { orderId: Hex; state: string };
    assert.equal(state, "sealed");
    const copy = join(directory, "copy.txt");
    assert.equal(await memo("get", "notes.txt", "--output", copy), 0, said.join(""));
    assert.equal(await readFile(copy, "utf8"), "to be stored");
    assert.equal(await memo("status", orderId), 0, said.join(""));
    assert.match(said.at(-1)!, /^\[###\] 2 spare/);
    assert.equal(await memo("status"), 0, said.join(""));
    assert.equal(await memo("get", "nothing"), 1);
    assert.match(said.at(-1)!, /^NAME_NOT_FOUND: /);
  });
});
