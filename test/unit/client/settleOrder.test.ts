import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoError } from "../../../protocol/errors.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork } from "./memoryNetwork.ts";

/** An order whose slot 0 changed hands, and a contract that settles at most `page` epochs at a time. */
async function setUp(page = 100) {
  const network = createMemoryNetwork({ providers: 4 });
  const { orderId, order } = await network
    .client()
    .store(noise(10, 1), { name: "it", policy: "copies(2)", epochs: 10 });
  const spare = [...network.providers.keys()].find((id) => !order.providers.includes(id))!;
  network.handOver(orderId, 0, spare);
  const state = { settledTo: order.startEpoch, endEpoch: order.endEpoch, status: "open" as string };
  network.states.set(orderId, state as never);
  network.sent.length = 0;
  network.onSend = (name) => {
    if (name === "settle") {
      state.settledTo = Math.min(state.settledTo + page, state.endEpoch, network.epochNow - 1);
      if (state.settledTo === state.endEpoch) state.status = "closed";
    }
    if (name === "releaseCollateral") state.status = "released";
    if (name === "end") state.endEpoch = network.epochNow + 1;
    return [];
  };
  return { network, orderId, order, state, client: network.client() };
}

describe("settling an order whose slots changed hands", () => {
  it("pays up to the last finished epoch, in as many calls as it takes", async () => {
    const { network, orderId, order, client } = await setUp(3);
    network.epochNow = order.startEpoch + 8;
    assert.deepEqual(await client.settle(orderId), {
      orderId,
      settledTo: order.startEpoch + 7,
      endEpoch: order.endEpoch,
      state: "open",
      disputed: false,
    });
    assert.deepEqual(network.sent, ["settle", "settle", "settle"]);
  });

  it("sends nothing when nothing is finished", async () => {
    const { network, orderId, order, client } = await setUp();
    network.epochNow = order.startEpoch + 1;
    assert.equal((await client.settle(orderId)).settledTo, order.startEpoch);
    assert.deepEqual(network.sent, []);
  });

  it("closes one that is over and frees its collateral; one epoch earlier it goes on", async () => {
    const { network, orderId, order, client } = await setUp();
    network.epochNow = order.endEpoch;
    assert.equal((await client.settle(orderId)).state, "open");
    network.epochNow = order.endEpoch + 1;
    assert.equal((await client.settle(orderId)).state, "released");
    assert.deepEqual(network.sent, ["settle", "settle", "releaseCollateral"]);
    assert.equal((await client.settle(orderId)).state, "released");
    assert.equal(network.sent.length, 3);
  });

  it("closes one that ended early where it was settled to already", async () => {
    const { network, orderId, order, client } = await setUp();
    network.epochNow = order.startEpoch + 4;
    assert.equal((await client.settle(orderId)).settledTo, network.epochNow - 1);
    network.states.set(orderId, { ...network.states.get(orderId), endEpoch: network.epochNow - 1 });
    network.onSend = (name) => {
      network.states.set(orderId, { status: name === "settle" ? "closed" : "released" });
      return [];
    };
    assert.equal((await client.settle(orderId)).state, "released");
  });

  it("says that a direct challenge holds the collateral, and frees it after that", async () => {
    const { network, orderId, order, client } = await setUp();
    network.epochNow = order.endEpoch + 1;
    const settle = network.onSend;
    network.onSend = (name, args, value) => {
      if (name === "releaseCollateral") throw new MemoError("CONTRACT_ChallengeStillOpen", "wait");
      return settle(name, args, value);
    };
    const held = await client.settle(orderId);
    assert.deepEqual([held.state, held.disputed], ["closed", true]);
    network.onSend = settle;
    const free = await client.settle(orderId);
    assert.deepEqual([free.state, free.disputed], ["released", false]);
  });

  it("passes on any other refusal, and does not go on for ever when nothing moves", async () => {
    const { network, orderId, order, client } = await setUp();
    network.epochNow = order.startEpoch + 5;
    network.onSend = () => [];
    assert.equal((await client.settle(orderId)).settledTo, order.startEpoch);
    network.onSend = () => {
      throw new MemoError("CONTRACT_Other", "no");
    };
    await assert.rejects(client.settle(orderId), { code: "CONTRACT_Other" });
    await assert.rejects(client.settle(`0x${"11".repeat(32)}`), { code: "ORDER_NOT_FOUND" });
  });

  it("ends early, is paid to its new end, and is released", async () => {
    const { network, orderId, order, client } = await setUp();
    network.epochNow = order.startEpoch + 3;
    assert.deepEqual(await client.end(orderId), { orderId, endEpoch: network.epochNow + 1 });
    network.epochNow += 2;
    assert.equal((await client.settle(orderId)).state, "released");
    assert.deepEqual(network.sent, ["end", "settle", "releaseCollateral"]);
  });
});
