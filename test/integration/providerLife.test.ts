import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  type Abi,
  type Address,
  type Hex,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  zeroAddress,
} from "viem";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { epochStart, seedTime } from "../../protocol/chain/epochs.ts";
import { openingsDigest, verifyOpenings } from "../../protocol/challenge/openings.ts";
import { sampleShards } from "../../protocol/challenge/sample.ts";
import { epochSeed } from "../../protocol/challenge/seed.ts";
import { verifyProof } from "../../protocol/challenge/verify.ts";
import { verifyWindow } from "../../protocol/challenge/window.ts";
import { SHARD_BYTES } from "../../protocol/constants.ts";
import { createFieldPool, type FieldPool } from "../../protocol/kzg/fieldPool.ts";
import { createKzg, type Kzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints, type Points } from "../../protocol/kzg/points.ts";
import { shardRoot, slotRoot } from "../../protocol/merkle/slotRoot.ts";
import { createHost, type Host } from "../../protocol/net/host.ts";
import { createRpcClient } from "../../protocol/net/rpcClient.ts";
import { createRpcServer } from "../../protocol/net/rpcServer.ts";
import { LAYOUT, ORDER_TYPES, type Order, orderId, ordersDomain } from "../../protocol/order.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { READ_CAPABILITY_TYPES } from "../../protocol/wire/codecs.ts";
import { keeperProtocol } from "../../protocol/wire/keeper.ts";
import { encodeProofMessage, type ProofMessage } from "../../protocol/wire/proofMessage.ts";
import { bulkProtocol, providerProtocol } from "../../protocol/wire/provider.ts";
import { embeddedAccount, embeddedKey } from "../../scripts/embedded/accounts.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../../scripts/embedded/network.ts";
import { type ProviderProcess, runProvider, spawnProvider, waitFor } from "./providerSupport.ts";

const STRIPES = 6;
/** copies(2): slot 0 is the provider under test, slot 1 one that this test signs for. */
const COPIES_2 = (2 << 16) | (1 << 8) | 1;
const logger = createSilentLogger();
const uploadId: Hex = `0x${"a7".repeat(32)}`;
const user = embeddedAccount("user");

/** One story: an upload, an order, challenges, with a kill -9 wherever it hurts. */
describe("a provider that is killed again and again", () => {
  const directory = mkdtempSync(join(tmpdir(), "memo-provider-life-"));
  const proofs: ProofMessage[] = [];
  const ends: (() => Promise<unknown> | unknown)[] = [];
  let network: EmbeddedNetwork;
  let provider: ProviderProcess | undefined;
  let endpoint: string;
  let ask: bigint;
  let rpc: ReturnType<typeof createRpcClient<(typeof providerProtocol)["methods"]>>;
  let bulk: ReturnType<typeof createRpcClient<(typeof bulkProtocol)["methods"]>>;
  let keeperHost: Host;
  let kzg: Kzg;
  let points: Points;
  let fieldPool: FieldPool;
  let order: Order;
  let signature: Hex;
  const shards = Array.from({ length: STRIPES }, (_, stripe) => makeShard(stripe + 1));

  async function startProvider(): Promise<void> {
    provider = await spawnProvider({
      id: 1,
      dataDir: directory,
      deploymentPath: network.deploymentPath,
      rpcUrl: network.chain.url,
      endpoint,
    });
  }

  async function killProvider(): Promise<void> {
    const killed = provider;
    provider = undefined;
    await killed?.kill();
  }

  async function connect(): Promise<void> {
    const host = await createHost({ seed: `0x${"55".repeat(32)}`, listen: [], logger });
    rpc = createRpcClient({ host, protocol: providerProtocol, limits: { backoffMs: 100 }, logger });
    bulk = createRpcClient({ host, protocol: bulkProtocol, limits: { backoffMs: 100 }, logger });
    ends.push(() => host.stop());
  }

  const putShard = (stripe: number) =>
    bulk.call(endpoint, "putShard", { uploadId, slot: 0, stripe, bytes: shards[stripe]! });
  const window = { uploadId, slot: 0, firstStripe: 0, count: STRIPES };

  before(async () => {
    network = await startEmbeddedNetwork({
      dataDir: join(directory, "network"),
      providers: 2,
      keepers: 4,
      nodes: false,
      indexer: false,
    });
    ends.push(() => network.stop());
    // Blocks wait for the provider, as they do for every node of the embedded network.
    network.conductor.setDuties({
      async settle(block) {
        await waitFor("the provider keeps up", async () => {
          if (provider === undefined) return true;
          const status = await provider.status();
          return status === undefined || (status.finalBlock >= Number(block) - 2 && status.pending === 0)
            ? true
            : undefined;
        });
        return [];
      },
    });
    kzg = createKzg();
    points = await loadPoints();
    fieldPool = createFieldPool({ threads: 1 });
    ends.push(() => fieldPool.close());
    const staking = { address: network.group.staking, abi: stakingAbi, fromBlock: 0n } as const;
    const { publicClient } = network.chain;
    const [registered] = await publicClient.getContractEvents({
      ...staking,
      eventName: "ProviderRegistered",
      args: { providerId: 1 },
    });
    endpoint = registered?.args.endpoint ?? "";
    ask = registered?.args.ask ?? 0n;
    const [keeper] = await publicClient.getContractEvents({
      ...staking,
      eventName: "KeeperRegistered",
      args: { keeperId: 1 },
    });
    keeperHost = await createHost({
      seed: embeddedKey("keeper peer", 1),
      listen: [keeper?.args.endpoint?.split("/p2p/")[0] ?? ""],
      logger,
    });
    ends.push(() => keeperHost.stop());
    const refuse = async () => {
      throw new Error("not asked in this test");
    };
    await createRpcServer({
      host: keeperHost,
      protocol: keeperProtocol,
      logger,
      handlers: {
        ...(Object.fromEntries(
          Object.keys(keeperProtocol.methods).map((name) => [name, refuse]),
        ) as unknown as Record<keyof (typeof keeperProtocol)["methods"], typeof refuse>),
        async submitProof({ proof }) {
          proofs.push(proof);
          return {};
        },
      },
    });
    await connect();
    await startProvider();
  });

  after(async () => {
    await provider?.kill();
    for (const end of ends.reverse()) await end();
    rmSync(directory, { recursive: true, force: true });
  });

  it("keeps a reservation and every acknowledged shard over a kill in the middle of an upload", async () => {
    const epoch = await network.epochNow();
    const startEpoch = epoch + 2;
    order = {
      group: network.group.settlement,
      owner: user.address,
      payer: user.address,
      providers: [1, 2],
      shardRoot: `0x${"00".repeat(32)}`,
      stripes: STRIPES,
      policy: COPIES_2,
      layout: LAYOUT.packed31,
      startEpoch,
      endEpoch: startEpoch + 40,
      price: ask,
      minEpochs: 1,
      openBy: BigInt(epochStart(network.group.parameters, startEpoch)),
      manifest: { firstStripe: 0, stripes: 0, length: 0n, digest: `0x${"00".repeat(32)}` },
      salt: `0x${"01".repeat(32)}`,
    };
    const { owner, payer, stripes, policy, endEpoch, openBy, price } = order;
    const terms = { owner, payer, stripes, policy, startEpoch, endEpoch, openBy, price };
    await rpc.call(endpoint, "reserve", { uploadId, slot: 0, ...terms });
    const acknowledged: number[] = [];
    const puts = shards.map((_, stripe) =>
      putShard(stripe).then(() => {
        acknowledged.push(stripe);
        if (acknowledged.length === 3) void provider?.kill();
      }),
    );
    await Promise.allSettled(puts);
    await killProvider();
    assert.ok(acknowledged.length >= 3);

    await startProvider();
    assert.deepEqual(
      filesBelow(join(directory, "provider", "shards")).filter((name) => !name.endsWith(".shard")),
      [],
      "no half-written file is left",
    );
    for (const stripe of acknowledged) {
      const path = join(directory, "provider", "shards", "v1", "a7", uploadId.slice(2), `${stripe}.shard`);
      assert.equal(
        Buffer.compare(readFileSync(path), shards[stripe]!),
        0,
        `shard ${stripe} was acknowledged`,
      );
    }
    // Reserved is still reserved: the same request changes nothing.
    await rpc.call(endpoint, "reserve", { uploadId, slot: 0, ...terms });
    assert.equal((await provider?.status())?.heldBytes, STRIPES * SHARD_BYTES);
  });

  it("keeps commitments that it gave, and opens them to the user's nonce", async () => {
    await Promise.all(shards.map((_, stripe) => putShard(stripe)));
    const { commitments } = await rpc.call(endpoint, "commitWindow", window);
    await restartAfterKill();
    assert.deepEqual((await rpc.call(endpoint, "commitWindow", window)).commitments, commitments);
    const nonce: Hex = `0x${"9e".repeat(32)}`;
    const opening = await rpc.call(endpoint, "openWindow", { ...window, nonce });
    const { group } = order;
    const context = { chainId: 31_337, group, nonce, provider: 1, slot: 0, firstStripe: 0 };
    await verifyWindow({ context, commitments, shards, ...opening, kzg, points, fieldPool });
    for (const slot of [0, 1]) {
      await rpc.call(endpoint, "putCommitments", { uploadId, slot, firstStripe: 0, commitments });
    }
    const root = slotRoot(commitments);
    order = { ...order, shardRoot: shardRoot([root, root]) };
  });

  it("signs an order once its payer can pay", async () => {
    await assert.rejects(rpc.call(endpoint, "signOrder", { uploadId, order }), { code: "PAYER_BALANCE" });
    await deposit();
    ({ signature } = await rpc.call(endpoint, "signOrder", { uploadId, order }));
    await openOrder();
  });

  it("proves the next epoch, and says the same again after a kill", async () => {
    await mineUntilProof(order.startEpoch);
    await assertProven(proofs.at(-1)!);
    const first = encodeProofMessage(proofs.at(-1)!);
    proofs.length = 0;
    await restartAfterKill();
    const again = await waitFor("the proof comes again", () => proofs.at(-1));
    assert.deepEqual(encodeProofMessage(again), first);
    // What it signed it knows as well.
    assert.equal((await rpc.call(endpoint, "signOrder", { uploadId, order })).signature, signature);
  });

  it("proves the epoch in which it comes back", async () => {
    await killProvider();
    proofs.length = 0;
    await network.advanceTo(order.startEpoch + 2);
    await startProvider();
    await mineUntilProof(order.startEpoch + 2);
    assert.ok(proofs.every((proof) => proof.epoch === order.startEpoch + 2));
    await assertProven(proofs.at(-1)!);
  });

  it("gives openings and proofs to keepers only", async () => {
    const request = { epoch: order.startEpoch + 2, from: 0, count: 10 };
    await assert.rejects(rpc.call(endpoint, "getOpenings", request), { code: "NOT_A_KEEPER" });
    const { epoch } = request;
    await assert.rejects(rpc.call(endpoint, "getProof", { epoch }), { code: "NOT_A_KEEPER" });
  });

  it("serves the shards to the owner's capability", async () => {
    const message = { orderId: orderId(order), reader: zeroAddress, expires: 2n ** 40n };
    const domain = ordersDomain(31_337, network.group.orders);
    const primaryType = "ReadCapability";
    const raw = await user.signTypedData({ domain, types: READ_CAPABILITY_TYPES, primaryType, message });
    const capability = { ...message, signature: compact(raw) };
    for (const [stripe, expected] of shards.entries()) {
      const request = { orderId: orderId(order), slot: 0, stripe, capability };
      const { bytes } = await bulk.call(endpoint, "getShard", request);
      assert.equal(Buffer.compare(bytes, expected), 0);
    }
  });

  it("registers itself by its own program", async () => {
    const dataDir = join(directory, "newcomer");
    const keyFile = (name: string, key: Hex) => {
      const path = join(directory, name);
      writeFileSync(path, key, { mode: 0o600 });
      return path;
    };
    const { out, code, err } = await runProvider([
      "register",
      ...["--data-dir", dataDir, "--deployment", network.deploymentPath, "--rpc-url", network.chain.url],
      ...["--operator-key-file", keyFile("newcomer.key", `0x${"77".repeat(32)}`)],
      ...["--owner-key-file", keyFile("owner.key", embeddedKey("user"))],
      ...["--domain", "cellar", "--log-level", "silent", "--listen", "/ip4/127.0.0.1/tcp/4999"],
    ]);
    assert.equal(code, 0, err);
    const registered = JSON.parse(out) as { providerId: number; endpoint: string };
    assert.equal(registered.providerId, 3);
    assert.match(registered.endpoint, /^\/ip4\/127\.0\.0\.1\/tcp\/4999\/p2p\//);
  });

  it("ends cleanly when it is asked to", async () => {
    const running = provider;
    provider = undefined;
    assert.equal(await running?.end(), 0, running?.log());
  });

  async function restartAfterKill(): Promise<void> {
    await killProvider();
    await startProvider();
  }

  async function send(request: {
    address: Address;
    abi: Abi;
    functionName: string;
    args: readonly unknown[];
  }) {
    const { walletClient, publicClient } = network.chain;
    const hash = await walletClient.writeContract({
      ...request,
      account: user,
      chain: walletClient.chain,
      gas: 2_000_000n,
    });
    const receipt = await publicClient.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, "success", request.functionName);
  }

  async function deposit(): Promise<void> {
    const orders = { address: network.group.orders, abi: storageOrdersAbi } as const;
    const { total } = await network.chain.publicClient.readContract({
      ...orders,
      functionName: "cost",
      args: [order],
    });
    await send({
      address: network.deployment.token,
      abi: memoTokenAbi,
      functionName: "approve",
      args: [orders.address, total],
    });
    await send({ ...orders, functionName: "deposit", args: [total] });
  }

  async function openOrder(): Promise<void> {
    const domain = ordersDomain(31_337, network.group.orders);
    const sign = (account: LocalAccount) =>
      account.signTypedData({ domain, types: ORDER_TYPES, primaryType: "Order", message: order });
    const other = compact(await sign(embeddedAccount("provider operator", 2)));
    const signatures: Hex = `${signature}${other.slice(2)}`;
    const args = [order, await sign(user), signatures];
    await send({ address: network.group.orders, abi: storageOrdersAbi, functionName: "open", args });
  }

  async function mineUntilProof(epoch: number): Promise<void> {
    await network.conductor.mineUntil(() => proofs.some((proof) => proof.epoch === epoch), { blocks: 100 });
  }

  /** Checks a proof as a keeper does, with nothing but the chain and what the provider serves. */
  async function assertProven(proof: ProofMessage): Promise<void> {
    const { group } = order;
    const { epoch } = proof;
    const { publicClient } = network.chain;
    const due = seedTime(network.group.parameters, epoch);
    let block = await publicClient.getBlock();
    for (;;) {
      const parent = await publicClient.getBlock({ blockHash: block.parentHash });
      if (parent.timestamp < due) break;
      block = parent;
    }
    const seed = epochSeed({ chainId: 31_337, group, epoch, prevRandao: block.mixHash });
    const slots = [{ orderId: orderId(order), slot: 0, stripes: STRIPES, sequence: 0 }];
    const challenge = sampleShards({ seed, provider: 1, slots, samples: 64, owed: [] });
    const client = createRpcClient({ host: keeperHost, protocol: providerProtocol, logger });
    const openings = await client.call(endpoint, "getOpenings", { epoch, from: 0, count: 4_096 });
    assert.equal(openings.total, challenge.length);
    assert.equal(openingsDigest(openings.points), proof.openings);
    assert.deepEqual((await client.call(endpoint, "getProof", { epoch })).proof, proof);
    client.close();
    const opened = verifyOpenings({
      shards: challenge,
      openings,
      orderOf: () => ({ shardRoot: order.shardRoot, slots: 2, stripes: STRIPES }),
    });
    const context = { chainId: 31_337, group, epoch, seed, provider: 1 };
    assert.deepEqual(verifyProof({ context, shards: opened, proof, kzg, points }), { valid: true });
  }
});

function compact(signature: Hex): Hex {
  return serializeCompactSignature(signatureToCompactSignature(parseSignature(signature)));
}

function makeShard(seed: number): Uint8Array {
  const shard = new Uint8Array(SHARD_BYTES);
  const view = new DataView(shard.buffer);
  for (let at = 0; at < SHARD_BYTES; at += 32) view.setUint32(at + 4, seed * 65_537 + at);
  return shard;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}
