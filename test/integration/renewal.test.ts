import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Abi, Hex, LocalAccount } from "viem";
import { type Client, createClient } from "../../client/createClient.ts";
import { allowancesAbi } from "../../protocol/abi/generated/Allowances.ts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../protocol/kzg/points.ts";
import { embeddedAccount } from "../../scripts/embedded/accounts.ts";
import { sendAll } from "../../scripts/embedded/calls.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../../scripts/embedded/network.ts";
import { noise } from "../unit/object/noise.ts";

const kzg = createKzg();
const points = await loadPoints();
const bytes = noise(300_000, 5);
const user = embeddedAccount("user");
const agent = embeddedAccount("outsider");
const POLICY = "copies(3)";
const PROVIDER_ROLE = 0;

describe("orders that go on, agents and new keys on a real network", { timeout: 600_000 }, () => {
  let directory = "";
  let network: EmbeddedNetwork;
  let client: Client;
  const clients: Client[] = [];

  function connect(account: LocalAccount): Client {
    const { deployment, chain } = network;
    const made = createClient({ rpcUrl: chain.url, deployment, account, kzg, points });
    clients.push(made);
    return made;
  }
  async function readAll(orderId: Hex): Promise<Buffer> {
    const { stream } = await client.read({ orderId });
    return Buffer.from(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
  }
  const budgetOf = async () => {
    const args = [user.address, agent.address] as const;
    const contract = { address: network.group.allowances, abi: allowancesAbi } as const;
    return network.chain.publicClient.readContract({ ...contract, functionName: "agentOf", args });
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-renewal-"));
    const dataDir = join(directory, "network");
    network = await startEmbeddedNetwork({ dataDir, providers: 4, keepers: 4, indexer: false });
    client = connect(user);
  });
  after(async () => {
    await Promise.all(clients.map((one) => one.close()));
    await network?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("renews without an upload; both orders read as the same bytes", async () => {
    const stored = await client.store(bytes, { name: "it", policy: POLICY, epochs: 20, startIn: 20 });
    const renewed = await client.renew(stored.orderId);
    assert.deepEqual(renewed.order.providers, stored.order.providers);
    assert.equal(renewed.order.startEpoch, stored.order.endEpoch);
    assert.equal((await client.status(renewed.orderId)).state, "waiting");
    for (const id of [stored.orderId, renewed.orderId]) assert.ok((await readAll(id)).equals(bytes));
    const { objects } = await client.list();
    assert.deepEqual(
      objects.map(({ name, orderId }) => [name, orderId]),
      [["it", renewed.orderId]],
    );
  });

  it("lets an agent store and renew out of its payer's balance, up to its budget", async () => {
    const { publicClient } = network.chain;
    const { orderId, cost } = await client.store(bytes, {
      ...{ name: "shared", policy: POLICY, epochs: 20, startIn: 20 },
    });
    const worker = connect(agent);
    const options = { epochs: 20, asAgentOf: user.address };
    await assert.rejects(worker.renew(orderId, options), { code: "AGENT_EXPIRED" });
    const expiresAt = BigInt((await client.chainTime()).time + 86_400);
    await client.approveAgent({ agent: agent.address, budget: 2n * cost, expiresAt });
    await assert.rejects(worker.renew(orderId, options), { code: "DEPOSIT_TOO_LOW" });
    const { orders, parameters } = network.group;
    const approve = [orders, 2n * cost] as const;
    const token = memoTokenAbi;
    const { walletClient } = network.chain;
    await sendAll({ publicClient, walletClient, conductor: network.conductor }, [
      { account: user, address: parameters.token, abi: token, functionName: "approve", args: approve },
      { account: user, address: orders, abi: storageOrdersAbi, functionName: "deposit", args: [2n * cost] },
    ]);
    const renewed = await worker.renew(orderId, options);
    assert.deepEqual([renewed.order.payer, renewed.order.owner], [user.address, user.address]);
    assert.equal((await budgetOf()).budget, 2n * cost - renewed.cost);
    const own = await worker.store(noise(10, 3), { ...options, name: "its own", policy: POLICY, epochs: 2 });
    assert.deepEqual([own.order.owner, own.order.payer], [agent.address, user.address]);
    assert.equal((await budgetOf()).budget, 2n * cost - renewed.cost - own.cost);
    await client.approveAgent({ agent: agent.address, budget: 0n, expiresAt: 0n });
    await assert.rejects(worker.renew(orderId, options), { code: "AGENT_EXPIRED" });
    assert.equal((await client.agents())[0]?.budget, 0n);
  });

  it("a provider whose key is replaced within an epoch does not miss it, and signs nothing more", async () => {
    const { orderId, order } = await client.store(bytes, {
      name: "kept",
      policy: POLICY,
      epochs: 30,
      startIn: 4,
    });
    const provider = order.providers[0]!;
    await network.advanceTo(order.startEpoch);
    const { publicClient, walletClient } = network.chain;
    const [receipt] = await sendAll({ publicClient, walletClient, conductor: network.conductor }, [
      {
        account: embeddedAccount("provider owner", provider),
        address: network.group.staking,
        abi: stakingAbi as Abi,
        functionName: "setOperator",
        args: [PROVIDER_ROLE, provider, agent.address],
      },
    ]);
    const { timestamp } = await publicClient.getBlock({ blockNumber: receipt!.blockNumber });
    const { genesis, epochLength } = network.group.parameters;
    const epoch = Math.floor((Number(timestamp) - genesis) / epochLength);
    assert.ok(epoch >= order.startEpoch);
    await network.advanceTo(epoch + 4);
    const { faults, lastCertified } = await client.status(orderId);
    assert.ok(lastCertified > epoch);
    const missed = faults.filter((fault) => fault.provider === provider).map((fault) => fault.epoch);
    assert.ok(!missed.includes(epoch), "its old key has answered for the epoch in which it was replaced");
    assert.ok(missed.includes(epoch + 1), "and for none after it");
    const { url } = network.nodeStatus.find(({ name }) => name === `provider ${provider}`)!;
    const ready = await fetch(`${url}/ready`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /operator on chain is another key/);
    await assert.rejects(client.renew(orderId), { code: "RENEWAL_REFUSED" });
    assert.ok((await readAll(orderId)).equals(bytes), "what it holds is still served");
  });
});
