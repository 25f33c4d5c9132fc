import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Hex } from "viem";
import type { Client } from "../../../client/createClient.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork, type MemoryNetwork } from "./memoryNetwork.ts";

const BYTES = noise(260_000, 5);

async function readAll(client: Client, orderId: Hex): Promise<Buffer> {
  const { stream } = await client.read({ orderId });
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An order of rs(2,2) and providers that hold nothing of it. */
async function stored() {
  const network = createMemoryNetwork({ providers: 9 });
  const options = { name: "it", policy: "rs(2,2)", epochs: 5, compress: false };
  const { orderId, order } = await network.client().store(BYTES, options);
  network.calls.length = 0;
  const spare = [...network.providers.keys()].filter((id) => !order.providers.includes(id));
  return { network, orderId, holders: order.providers, spare };
}

/** These providers do not answer, others do. */
function silence(network: MemoryNetwork, providers: readonly number[]): void {
  network.misbehave = async (call, honest) => {
    if (!providers.includes(call.provider)) return honest();
    throw new MemoError("RPC_UNREACHABLE", "gone", { retryable: true });
  };
}

const askedOf = (network: MemoryNetwork) =>
  new Set(network.calls.filter((call) => call.method === "getShard").map((call) => call.provider));

const reportsOf = (network: MemoryNetwork) => network.calls.filter((call) => call.method === "reportShard");

describe("reading an order whose slots changed hands", () => {
  it("asks the new holder and never the former one", async () => {
    const { network, orderId, holders, spare } = await stored();
    network.handOver(orderId, 0, spare[0]!);
    assert.ok((await readAll(network.client(), orderId)).equals(BYTES));
    assert.ok(askedOf(network).has(spare[0]!));
    assert.ok(!askedOf(network).has(holders[0]!));
  });

  it("survives more holders than m over time: two repaired, then two of the present ones down", async () => {
    const { network, orderId, holders, spare } = await stored();
    network.handOver(orderId, 0, spare[0]!);
    network.handOver(orderId, 1, spare[1]!);
    silence(network, [...holders.slice(0, 2), ...holders.slice(2)]);
    assert.ok((await readAll(network.client(), orderId)).equals(BYTES), "only the repaired slots answer");
    silence(network, [...holders.slice(0, 2), spare[0]!, spare[1]!]);
    assert.ok(
      (await readAll(network.client(), orderId)).equals(BYTES),
      "only the first holders of 2 and 3 answer",
    );
  });

  it("notices a hand-over between two reads of one client", async () => {
    const { network, orderId, holders, spare } = await stored();
    const client = network.client();
    await readAll(client, orderId);
    for (const slot of [0, 1]) {
      network.handOver(orderId, slot, spare[slot]!);
      network.forget(holders[slot]!);
    }
    silence(network, holders.slice(2));
    assert.ok((await readAll(client, orderId)).equals(BYTES));
    assert.equal(reportsOf(network).filter((call) => call.request.slot < 2).length, 0);
  });

  it("rebuilds without a vacant slot, and asks its former holder only when too few others answer", async () => {
    const { network, orderId, holders } = await stored();
    network.evict(orderId, 0);
    network.evict(orderId, 1);
    assert.ok((await readAll(network.client(), orderId)).equals(BYTES));
    assert.ok(!askedOf(network).has(holders[0]!) && !askedOf(network).has(holders[1]!));
    network.calls.length = 0;
    silence(network, [holders[2]!]);
    assert.ok((await readAll(network.client(), orderId)).equals(BYTES));
    assert.ok(askedOf(network).has(holders[0]!) || askedOf(network).has(holders[1]!));
    silence(network, holders.slice(0, 3));
    await assert.rejects(readAll(network.client(), orderId), { code: "TOO_FEW_SHARDS" });
  });

  it("asks everybody who may have a shard once, and then gives up", async () => {
    const { network, orderId, holders, spare } = await stored();
    network.handOver(orderId, 0, spare[0]!);
    silence(network, [...holders, ...spare]);
    await assert.rejects(readAll(network.client(), orderId), { code: "TOO_FEW_SHARDS" });
    const asked = network.calls
      .filter((call) => call.method === "getShard")
      .map(({ provider, request }) => `${provider} ${request.stripe}`);
    assert.equal(new Set(asked).size, asked.length);
    assert.deepEqual([...askedOf(network)].sort(), [...holders, spare[0]!].sort());
  });

  it("takes the commitments from a new holder when all first ones are gone", async () => {
    const network = createMemoryNetwork({ providers: 6 });
    // A manifest in the only stripe: its shards are judged by their commitments once one of them is wrong.
    const { orderId, order } = await network
      .client()
      .store(noise(50, 1), { name: "it", policy: "rs(2,1)", epochs: 5, compress: false });
    const spare = [...network.providers.keys()].filter((id) => !order.providers.includes(id));
    for (const slot of [0, 1, 2]) network.handOver(orderId, slot, spare[slot]!);
    network.misbehave = async (call, honest) => {
      if (order.providers.includes(call.provider)) throw new MemoError("RPC_UNREACHABLE", "gone");
      const answer = (await honest()) as { bytes: Uint8Array };
      const isLie = call.provider === spare[0] && call.method === "getShard";
      return isLie ? { bytes: answer.bytes.with(131_071, answer.bytes[131_071]! ^ 1) } : answer;
    };
    assert.ok((await readAll(network.client(), orderId)).equals(noise(50, 1)));
  });

  describe("from nothing but wallet and chain", () => {
    let directory = "";
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "memo-changed-"));
    });
    after(() => rm(directory, { recursive: true }));

    it("recovers with m of the present holders and all former ones down", async () => {
      const { network, orderId, holders, spare } = await stored();
      network.handOver(orderId, 0, spare[0]!);
      network.handOver(orderId, 3, spare[1]!);
      silence(network, [holders[0]!, holders[3]!, spare[0]!, holders[1]!]);
      const recovery = await network.client().recover({ directory });
      assert.equal(recovery.complete, true);
      assert.ok((await readFile(join(directory, "it"))).equals(BYTES));
    });
  });
});

describe("reports of a read", () => {
  async function readAndClose(network: MemoryNetwork, orderId: Hex, options = {}): Promise<void> {
    const client = network.client(options);
    await readAll(client, orderId);
    await client.close();
  }

  it("name who did not answer and who answered wrongly, to every seated keeper", async () => {
    const { network, orderId, holders } = await stored();
    network.keepers.set(4, { id: 4, endpoint: "k4", seat: undefined, slashed: false });
    network.misbehave = async (call, honest) => {
      if (call.provider === holders[0]) throw new MemoError("SHARD_UNREADABLE", "rotten");
      const answer = (await honest()) as { bytes: Uint8Array };
      const isLie = call.provider === holders[1] && call.method === "getShard";
      return isLie ? { bytes: answer.bytes.with(1, answer.bytes[1]! ^ 1) } : answer;
    };
    await readAndClose(network, orderId);
    const reports = reportsOf(network);
    assert.deepEqual([...new Set(reports.map((call) => call.keeper))].sort(), [1, 2, 3]);
    const named = new Set(reports.map(({ request }) => `${request.slot} ${request.reason}`));
    assert.deepEqual([...named].sort(), ["0 SHARD_UNREADABLE", "1 SHARD_WRONG"]);
    assert.ok(reports.every(({ request }) => request.orderId === orderId));
  });

  it("are made when the read fails, too", async () => {
    const { network, orderId, holders } = await stored();
    silence(network, holders.slice(0, 3));
    const client = network.client();
    await assert.rejects(readAll(client, orderId), { code: "TOO_FEW_SHARDS" });
    await client.close();
    const slots = new Set(reportsOf(network).map(({ request }) => request.slot));
    assert.deepEqual([...slots].sort(), [0, 1, 2]);
  });

  it("are not made of shards that came, of vacant slots, of former holders, or of the reader's own errors", async () => {
    const { network, orderId, holders } = await stored();
    await readAndClose(network, orderId);
    network.evict(orderId, 0);
    network.misbehave = async (call, honest) => {
      if (call.provider === holders[0]) throw new MemoError("ORDER_UNKNOWN", "deleted");
      if (call.provider === holders[1])
        throw new MemoError("CAPABILITY_EXPIRED", "the reader's clock is wrong");
      return honest();
    };
    await readAndClose(network, orderId);
    assert.deepEqual(reportsOf(network), []);
  });

  it("are not made when the user says so", async () => {
    const { network, orderId, holders } = await stored();
    silence(network, holders.slice(0, 1));
    await readAndClose(network, orderId, { report: false });
    assert.deepEqual(reportsOf(network), []);
    await readAndClose(network, orderId);
    assert.notDeepEqual(reportsOf(network), []);
  });

  it("change nothing for the read when no keeper answers", async () => {
    const { network, orderId, holders } = await stored();
    network.misbehave = async (call, honest) => {
      if (call.keeper > 0) return new Promise(() => {});
      if (call.provider === holders[0]) throw new MemoError("SHARD_UNREADABLE", "rotten");
      return honest();
    };
    assert.ok((await readAll(network.client(), orderId)).equals(BYTES));
  });
});
