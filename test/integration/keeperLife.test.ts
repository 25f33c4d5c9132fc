import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  type Abi,
  type Address,
  concat,
  type Hex,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { type RunningKeeper, startKeeper } from "../../keeper/keeper.ts";
import { keeperSettings } from "../../keeper/settings.ts";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { cutoffTime, epochStart, seedTime } from "../../protocol/chain/epochs.ts";
import { SHARD_BYTES } from "../../protocol/constants.ts";
import { createFieldPool } from "../../protocol/kzg/fieldPool.ts";
import { createKzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints, type Points } from "../../protocol/kzg/points.ts";
import { shardRoot, slotRoot } from "../../protocol/merkle/slotRoot.ts";
import { createHost, type Host } from "../../protocol/net/host.ts";
import { createRpcClient } from "../../protocol/net/rpcClient.ts";
import { LAYOUT, ORDER_TYPES, type Order, ordersDomain } from "../../protocol/order.ts";
import { resultsRoot } from "../../protocol/results/results.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { loadSettings } from "../../protocol/runtime/settings.ts";
import { keeperProtocol } from "../../protocol/wire/keeper.ts";
import { embeddedAccount, embeddedKey } from "../../scripts/embedded/accounts.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../../scripts/embedded/network.ts";
import {
  type KeeperProcess,
  type SimpleProviders,
  spawnKeeper,
  startSimpleProviders,
} from "./keeperSupport.ts";
import { waitFor } from "./providerSupport.ts";

const STRIPES = 3;
const COPIES_2 = (2 << 16) | (1 << 8) | 1;
/** The keeper that runs as a process of its own, to be killed. */
const KILLED = 4;
const logger = createSilentLogger();
const user = embeddedAccount("user");

/** One story: four keepers, two providers, a real chain; whatever fails, every epoch is certified. */
describe("four keepers", () => {
  const directory = mkdtempSync(join(tmpdir(), "memo-keeper-life-"));
  const ends: (() => Promise<unknown> | unknown)[] = [];
  const keepers = new Map<number, RunningKeeper>();
  const endpoints = { keepers: new Map<number, string>(), providers: new Map<number, string>() };
  let network: EmbeddedNetwork;
  let points: Points;
  let providers: SimpleProviders;
  let process4: KeeperProcess | undefined;
  let host: Host;
  let order: Order;
  /** Whether blocks wait for keepers' votes. */
  let waiting = true;

  before(async () => {
    network = await startEmbeddedNetwork({
      dataDir: join(directory, "network"),
      providers: 2,
      keepers: 4,
      nodes: false,
      indexer: false,
    });
    ends.push(() => network.stop());
    const kzg = createKzg();
    points = await loadPoints();
    const fieldPool = createFieldPool({ threads: 1 });
    ends.push(() => fieldPool.close());
    await readEndpoints();
    host = await createHost({ seed: `0x${"66".repeat(32)}`, listen: [], logger });
    ends.push(() => host.stop());
    providers = await startSimpleProviders({
      network,
      endpoints: endpoints.providers,
      keeperEndpoints: () => [...endpoints.keepers.values()],
      shards: Array.from({ length: STRIPES }, (_, stripe) => makeShard(stripe)),
      kzg,
      points,
      fieldPool,
    });
    ends.push(() => providers.stop());
    for (const id of [1, 2, 3]) await startInside(id);
    await startOutside();
    network.conductor.setDuties({ settle: (block, capMs) => settle(Number(block), capMs) });
    await openOrder();
  });

  after(async () => {
    await process4?.kill();
    for (const keeper of keepers.values()) await keeper.stop();
    for (const end of ends.reverse()) await end();
    rmSync(directory, { recursive: true, force: true });
  });

  it("certify an epoch in which every provider proved what it holds", async () => {
    const epoch = order.startEpoch;
    const certificate = await certified(epoch);
    assert.deepEqual(providers.refused, []);
    assert.equal(certificate.exceptions, 0);
    assert.equal(certificate.absent, 0);
    assert.equal(certificate.round, 0);
  });

  it("mark a silent provider as missed, and bring that on chain", async () => {
    providers.silent.add(2);
    const epoch = (await network.epochNow()) + 1;
    const certificate = await certified(epoch);
    providers.silent.clear();
    assert.equal(certificate.exceptions, 1);
    await network.conductor.mineUntil(async () => (await read("missed", [2, epoch])) === true, {
      blocks: 30,
    });
    assert.equal(await read("missed", [1, epoch]), false);

    const rpc = createRpcClient({ host, protocol: keeperProtocol, logger });
    for (const endpoint of endpoints.keepers.values()) {
      const { leaves, total } = await waitFor("results are served", () =>
        rpc.call(endpoint, "getResults", { epoch, from: 0, count: 10 }).catch(() => undefined),
      );
      assert.equal(total, 2);
      assert.equal(resultsRoot(leaves), certificate.resultsRoot, "leaves are those under the root on chain");
      assert.deepEqual(
        leaves.map(({ provider, verdict }) => [provider, verdict]),
        [
          [1, 1],
          [2, 2],
        ],
      );
    }
    rpc.close();
    // What it owes joins its next challenges, and all agree on what that is.
    const next = await certified((await network.epochNow()) + 1);
    assert.equal(next.exceptions, 0);
  });

  it("tell of live rounds over GraphQL", async () => {
    const { url } = keepers.get(1)!.status();
    const query =
      "{ keeper { id lastCertified } epochs(limit: 1) { epoch signers results { provider verdict } } rounds { epoch phase } }";
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    const { data } = (await response.json()) as {
      data: { keeper: { id: number }; epochs: { epoch: number; results: { verdict: string }[] }[] };
    };
    assert.equal(data.keeper.id, 1);
    assert.ok(data.epochs[0]!.results.every(({ verdict }) => verdict === "passed"));
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /keeper_proofs_total\{outcome="valid"\} [1-9]/);
  });

  it("lose nothing when one of them is killed in the middle of an epoch and comes back", async () => {
    const epoch = (await network.epochNow()) + 1;
    const { parameters } = network.group;
    await network.conductor.advanceTime(seedTime(parameters, epoch) + 10);
    await process4?.kill();
    process4 = undefined;
    await network.conductor.advanceTime(seedTime(parameters, epoch) + 15);
    await startOutside();
    const certificate = await certified(epoch);
    assert.equal(certificate.exceptions, 0);
    assert.equal(certificate.absent, 0, "the one that came back was heard");
  });

  it("resume from the journal a vote in whose middle one is killed, and finish it when a quorum is back", async () => {
    const epoch = (await network.epochNow()) + 1;
    const { parameters } = network.group;
    await network.conductor.advanceTime(seedTime(parameters, epoch) + 10);
    // Two of four are no quorum: the vote hangs, and the rounds go on.
    for (const id of [1, 2]) {
      await keepers.get(id)?.stop();
      keepers.delete(id);
    }
    waiting = false;
    await network.conductor.advanceTime(cutoffTime(parameters, epoch) + 10);
    const roundOf = async () =>
      (await process4?.status())?.rounds.find((running) => running.epoch === epoch)?.round ?? -1;
    await waitFor("the second round", async () => ((await roundOf()) >= 1 ? true : undefined));
    await process4?.kill();
    process4 = undefined;
    await startOutside();
    await waitFor("the vote goes on in the round it had reached", async () => {
      const round = await roundOf();
      assert.notEqual(round, 0, "it does not begin anew");
      return round >= 1 ? true : undefined;
    });
    for (const id of [1, 2]) await startInside(id);
    waiting = true;
    const certificate = await certified(epoch);
    assert.ok(certificate.round >= 1);
    assert.equal(certificate.exceptions, 0);
  });

  it("certify with one of them down", async () => {
    await process4?.kill();
    process4 = undefined;
    const epoch = (await network.epochNow()) + 1;
    const certificate = await certified(epoch);
    assert.equal(certificate.exceptions, 0);
    assert.equal(certificate.absent, 1 << (await indexOf(KILLED)));
  });

  it("give up the slot of a provider that stays silent, and show the clock until then", async () => {
    if (process4 === undefined) await startOutside();
    const now = await network.epochNow();
    if (now >= order.startEpoch) await certified(now);
    providers.silent.add(2);
    const first = Math.max(order.startEpoch, now + 1);
    await certified(first);
    await certified(first + 1);
    const { url } = keepers.get(1)!.status();
    const ask = async (query: string) => {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query }),
      });
      return ((await response.json()) as { data: Record<string, unknown> }).data;
    };
    const { repairs } = await ask("{ repairs { clocks { slot provider started age lostIn } } }");
    const { clocks } = repairs as { clocks: { provider: number }[] };
    assert.deepEqual(
      clocks.filter(({ provider }) => provider === 2),
      [{ slot: 1, provider: 2, started: first, age: 1, lostIn: 1 }],
    );
    // With one parity, two epochs are waited for: missed and lost.
    assert.ok((await certified(first + 2)).exceptions >= 2);
    const holders = () =>
      network.chain.publicClient.readContract({
        address: network.group.repairs,
        abi: repairsAbi,
        functionName: "holdersOf",
        args: [order],
      });
    await network.conductor.mineUntil(async () => (await holders())[1] === 0, { blocks: 60 });
    assert.deepEqual(await holders(), [1, 0]);
    await waitFor("the record is final", async () => {
      const { lostRecords } = await ask("{ lostRecords { provider epoch status slots } }");
      const [record] = lostRecords as object[];
      if (record === undefined) return undefined;
      assert.deepEqual(record, { provider: 2, epoch: first + 2, status: "open", slots: 1 });
      return true;
    });
    // Nobody is left who could take it, and nobody is asked about it in a set that was taken since.
    assert.equal((await certified((await network.epochNow()) + 1)).exceptions, 0);
    providers.silent.clear();
    await process4?.kill();
    process4 = undefined;
  });

  it("end cleanly when asked to", async () => {
    await startOutside();
    assert.equal(await process4?.end(), 0, process4?.log());
    process4 = undefined;
  });

  async function startInside(id: number): Promise<void> {
    keepers.set(
      id,
      await startKeeper({
        settings: loadSettings({
          definitions: keeperSettings,
          flags: {
            dataDir: join(directory, `keeper-${id}`),
            rpcUrl: network.chain.url,
            pollMs: 20,
            listen: endpoints.keepers.get(id)!.split("/p2p/")[0]!,
            httpPort: 0,
          },
        }).values,
        account: embeddedAccount("keeper operator", id),
        peerSeed: embeddedKey("keeper peer", id),
        deployment: network.deployment,
        points,
        logger,
      }),
    );
  }

  async function startOutside(): Promise<void> {
    process4 = await spawnKeeper({
      id: KILLED,
      dataDir: directory,
      network,
      endpoint: endpoints.keepers.get(KILLED)!,
    });
  }

  async function settle(block: number, capMs: number): Promise<string[]> {
    const final = block - network.group.parameters.confirmations;
    const isDone = async () => {
      for (const keeper of keepers.values()) {
        if (keeper.headProcessed() < final || (waiting && keeper.pending() > 0)) return undefined;
      }
      const status = await process4?.status();
      if (status !== undefined && (status.finalBlock < final || (waiting && status.pending > 0))) {
        return undefined;
      }
      return providers.finalBlock() >= final && providers.pending() === 0 ? true : undefined;
    };
    return waitFor("duties are done", isDone, capMs).then(
      () => [],
      () => ["somebody"],
    );
  }

  /** Mines until the epoch is certified; at most until the next epoch is over. */
  async function certified(epoch: number) {
    const find = async () => {
      const [log] = await network.chain.publicClient.getContractEvents({
        address: network.group.settlement,
        abi: challengeSettlementAbi,
        eventName: "EpochCertified",
        args: { epoch },
        fromBlock: 0n,
        strict: true,
      });
      return log;
    };
    const end = epochStart(network.group.parameters, epoch + 2);
    await network.conductor.mineUntil(
      async ({ timestamp }) => timestamp >= end || (await find()) !== undefined,
    );
    const log = await find();
    assert.ok(log, `epoch ${epoch} is certified`);
    return log.args;
  }

  const read = (functionName: "missed", args: readonly [number, number]) =>
    network.chain.publicClient.readContract({
      address: network.group.settlement,
      abi: challengeSettlementAbi,
      functionName,
      args,
    });

  async function indexOf(keeperId: number): Promise<number> {
    const ids = await network.chain.publicClient.readContract({
      address: network.group.settlement,
      abi: challengeSettlementAbi,
      functionName: "rosterKeepers",
      args: [0],
    });
    return ids.indexOf(keeperId);
  }

  async function readEndpoints(): Promise<void> {
    const staking = { address: network.group.staking, abi: stakingAbi, fromBlock: 0n, strict: true } as const;
    const { publicClient } = network.chain;
    for (const { args } of await publicClient.getContractEvents({
      ...staking,
      eventName: "KeeperRegistered",
    })) {
      endpoints.keepers.set(args.keeperId, args.endpoint);
    }
    for (const { args } of await publicClient.getContractEvents({
      ...staking,
      eventName: "ProviderRegistered",
    })) {
      endpoints.providers.set(args.providerId, args.endpoint);
    }
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

  async function openOrder(): Promise<void> {
    const startEpoch = (await network.epochNow()) + 2;
    const root = slotRoot(providers.commitments);
    order = {
      group: network.group.settlement,
      owner: user.address,
      payer: user.address,
      providers: [1, 2],
      shardRoot: shardRoot([root, root]),
      stripes: STRIPES,
      policy: COPIES_2,
      layout: LAYOUT.packed31,
      startEpoch,
      endEpoch: startEpoch + 100,
      price: 4n * 10n ** 18n,
      minEpochs: 1,
      openBy: BigInt(epochStart(network.group.parameters, startEpoch)),
      manifest: { firstStripe: 0, stripes: 0, length: 0n, digest: `0x${"00".repeat(32)}` },
      salt: `0x${"01".repeat(32)}`,
    };
    const orders = { address: network.group.orders, abi: storageOrdersAbi } as const;
    const { publicClient } = network.chain;
    const { total } = await publicClient.readContract({ ...orders, functionName: "cost", args: [order] });
    const { token } = network.deployment;
    await send({ address: token, abi: memoTokenAbi, functionName: "approve", args: [orders.address, total] });
    await send({ ...orders, functionName: "deposit", args: [total] });
    const sign = async (account: ReturnType<typeof embeddedAccount>): Promise<Hex> => {
      const domain = ordersDomain(network.deployment.chainId, orders.address);
      return account.signTypedData({ domain, types: ORDER_TYPES, primaryType: "Order", message: order });
    };
    const compact = (raw: Hex) => serializeCompactSignature(signatureToCompactSignature(parseSignature(raw)));
    const ofProviders = await Promise.all([1, 2].map((id) => sign(embeddedAccount("provider operator", id))));
    await send({
      ...orders,
      functionName: "open",
      args: [order, await sign(user), concat(ofProviders.map(compact))],
    });
  }
});

/** A shard of layout `packed31` with recognisable bytes. */
function makeShard(fill: number): Uint8Array {
  const shard = new Uint8Array(SHARD_BYTES);
  for (let at = 0; at < shard.length; at++) shard[at] = at % 32 === 0 ? 0 : (at * 7 + fill * 13) & 0xff;
  return shard;
}
