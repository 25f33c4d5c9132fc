import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Hex } from "viem";
import type { Client } from "../../client/createClient.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { SHARD_BYTES } from "../../protocol/constants.ts";
import type { Order } from "../../protocol/order.ts";
import { embeddedKey } from "../../scripts/embedded/accounts.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../../scripts/embedded/network.ts";
import { createUserClient } from "../../scripts/story/clients.ts";
import { lostLeaf, missedLeaf, offerLeaf } from "../support/contracts/exceptions.ts";
import { createCertifier, createProviderRunner } from "./providerRepairSupport.ts";
import { type ProviderProcess, runProvider, spawnProvider, waitFor } from "./providerSupport.ts";

/** Of an order rs(2,1): providers 1 to 3 hold it, 4 repairs. */
const REPAIRER = 4;
const FILE_BYTES = 3_000_000;

/** One story on a real chain with real proofs: an honest provider is accused, another repairs, and is killed meanwhile. */
describe("a slot that is taken from an honest provider", () => {
  const directory = mkdtempSync(join(tmpdir(), "memo-provider-repair-"));
  const file = new Uint8Array(randomBytes(FILE_BYTES));
  const ends: (() => Promise<unknown> | unknown)[] = [];
  let network: EmbeddedNetwork;
  let runner: Awaited<ReturnType<typeof createProviderRunner>>;
  let certifier: ReturnType<typeof createCertifier>;
  let client: Client;
  let repairer: ProviderProcess | undefined;
  let orderId: Hex;
  let order: Order;
  let slot: number;
  let accused: number;

  const startRepairer = async () => {
    repairer = await spawnProvider({
      id: REPAIRER,
      dataDir: directory,
      deploymentPath: network.deploymentPath,
      rpcUrl: network.chain.url,
      endpoint: network.members.providers[REPAIRER - 1]!.endpoint,
    });
  };

  before(async () => {
    network = await startEmbeddedNetwork({
      dataDir: join(directory, "network"),
      providers: 4,
      keepers: 4,
      nodes: false,
      indexer: false,
    });
    ends.push(() => network.stop());
    runner = await createProviderRunner(network);
    ends.push(() => runner.stopAll());
    // Blocks wait for the providers, as in every embedded network.
    network.conductor.setDuties({
      async settle(block) {
        await waitFor("the providers keep up", async () => {
          const final = Number(block) - network.group.parameters.confirmations;
          const inside = [...runner.running.values()].every(
            (provider) => provider.headProcessed() >= BigInt(final) && provider.pending() === 0,
          );
          if (!inside) return undefined;
          if (repairer === undefined) return true;
          const status = await repairer.status();
          return status === undefined || (status.finalBlock >= final && status.pending === 0)
            ? true
            : undefined;
        });
        return [];
      },
    });
    for (const id of [1, 2, 3]) await runner.start(id);
    certifier = createCertifier(network);
    client = createUserClient(network, { kzg: runner.kzg, among: [1, 2, 3] });
    ends.push(() => client.close());
    const stored = await client.store(file, { name: "file", policy: "rs(2,1)", epochs: 40 });
    orderId = stored.orderId;
    const [opened] = await network.chain.publicClient.getContractEvents({
      address: network.group.orders,
      abi: storageOrdersAbi,
      eventName: "OrderOpened",
      args: { orderId },
      fromBlock: 0n,
    });
    order = opened!.args.order!;
    await network.advanceTo(order.startEpoch + 1);
    await certifier.certify(order.startEpoch);
    await startRepairer();
  });

  after(async () => {
    await repairer?.kill();
    for (const end of ends.reverse()) await end();
    rmSync(directory, { recursive: true, force: true });
  });

  it("is rebuilt by who it is offered to, over a kill in the middle", async () => {
    slot = 1;
    accused = order.providers[slot]!;
    assert.ok(order.stripes > 10);
    const epoch = order.startEpoch + 1;
    const applying = certifier.certify(epoch, [
      lostLeaf(accused, [{ order, slot, stripe: 3 }]),
      offerLeaf(REPAIRER, order, slot, epoch + 4),
    ]);
    applying.catch(() => undefined);
    const midway = waitFor("some stripes are there", async () => {
      const done = (await repairer?.status())?.repairs[0]?.stripesDone ?? 0;
      return done >= 3 && done < order.stripes ? done : undefined;
    });
    await applying;
    void network.conductor.mineUntil(() => false, { blocks: 6 }).catch(() => undefined);
    const done = await midway;
    const killed = repairer;
    repairer = undefined;
    await killed?.kill();
    const kept = shardFiles(directory).length;
    assert.ok(kept >= done - 1, `${kept} of ${done} stripes survived`);

    await startRepairer();
    const report = await mineUntilStatus(({ repairs }) => repairs.find(({ step }) => step === "accepted"));
    assert.equal(shardFiles(directory).length, order.stripes);
    // What was there is not rebuilt, and k shards are read for each that is.
    assert.ok(report.bytesWritten / SHARD_BYTES <= order.stripes - kept);
    assert.equal(report.bytesRead, 2 * report.bytesWritten);
    const [holder] = await holders();
    assert.equal(holder, REPAIRER);
  });

  it("costs the accused nothing: its appeal is accepted with a proof of the drawn shard", async () => {
    const accepted = await mineUntilEvent("AppealAccepted");
    assert.equal(accepted.args.providerId, accused);
    assert.equal(runner.running.get(accused)?.status().disputes[0]?.outcome, "answered");
  });

  it("is proven by its new holder when somebody challenges it on chain", async () => {
    const { outcome } = await client.challenge(orderId, { slot, stripe: 5 });
    assert.equal(outcome.answered, true);
    assert.equal(
      (await repairer?.status())?.disputes.find(({ kind }) => kind === "challenge")?.outcome,
      "answered",
    );
  });

  it("serves the file when a first holder is gone", async () => {
    const first = order.providers.find((id, index) => index !== slot && id !== accused)!;
    await runner.stop(first);
    await runner.stop(accused);
    // It knows all providers, as every user does; the other one had to choose among three.
    const reader = createUserClient(network, { kzg: runner.kzg });
    ends.push(() => reader.close());
    const read = await reader.read({ orderId });
    const bytes = new Uint8Array(await new Response(read.stream).arrayBuffer());
    assert.equal(Buffer.compare(bytes, file), 0);
    await runner.start(first);
    await runner.start(accused);
  });

  it("brings its bonus once the dispute is closed, and the accused has its collateral back and forgets the bytes", async () => {
    const since = order.startEpoch + 3;
    for (let epoch = order.startEpoch + 2; epoch <= since + 4; epoch++) {
      await network.advanceTo(epoch + 1);
      await certifier.certify(epoch);
    }
    const closed = await mineUntilEvent("RecordClosed");
    assert.equal(closed.args.slashed, false);
    const paid = await mineUntilEvent("BonusPaid");
    assert.equal(paid.args.providerId, REPAIRER);
    assert.ok((paid.args.amount as bigint) > 0n);
    const { stake, locked } = await network.chain.publicClient.readContract({
      address: network.group.staking,
      abi: stakingAbi,
      functionName: "provider",
      args: [accused],
    });
    assert.equal(locked, 0n);
    assert.ok(stake > 0n);
    await network.conductor.mineUntil(() => runner.running.get(accused)?.status().heldBytes === 0, {
      blocks: 40,
    });
  });

  it("goes from hand to hand when its holder leaves: one shard is read for each", async () => {
    const keyPath = join(directory, "leaving.key");
    writeFileSync(keyPath, embeddedKey("provider operator", REPAIRER), { mode: 0o600 });
    const common = ["--deployment", network.deploymentPath, "--rpc-url", network.chain.url];
    const flags = [...common, "--operator-key-file", keyPath, "--log-level", "silent"];
    const { code, out, err } = await runProvider(["exit", ...flags]);
    assert.equal(code, 0, err);
    assert.deepEqual([JSON.parse(out).providerId, JSON.parse(out).exiting], [REPAIRER, true]);
    const again = await runProvider(["exit", ...flags]);
    assert.match(again.err, /CONTRACT_ExitUnchanged/);
    const epoch = await network.epochNow();
    await network.advanceTo(epoch + 1);
    await certifier.certify(epoch, [offerLeaf(accused, order, slot, epoch + 3)]);
    const newHolder = runner.running.get(accused)!;
    const lookFor = () => newHolder.status().repairs.find(({ step }) => step === "accepted");
    await network.conductor.mineUntil(() => lookFor() !== undefined, { blocks: 40 });
    assert.equal(lookFor()?.bytesRead, order.stripes * SHARD_BYTES);
    assert.deepEqual(await holders(), [accused]);
    assert.equal((await repairer?.status())?.exiting, true);
  });

  it("lets a holder rebuild a shard that it lost once the chain says that it missed an epoch", async () => {
    const unlucky = order.providers.find((id) => id !== accused)!;
    const shards = join(network.dataDir, `provider-${unlucky}`, "shards", "v1");
    const [name] = readdirSync(shards, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(`${sep}2.shard`),
    );
    const path = join(shards, name!);
    const lost = readFileSync(path);
    rmSync(path);
    const missing = () => runner.running.get(unlucky)?.status().missingShards;
    // Its own challenge finds out.
    await network.conductor.mineUntil(() => missing() === 1, { blocks: 40 });
    const epoch = await network.epochNow();
    await certifier.certify(epoch, [missedLeaf(unlucky)]);
    await network.conductor.mineUntil(() => missing() === 0, { blocks: 40 });
    assert.equal(Buffer.compare(readFileSync(path), lost), 0);
  });

  async function holders(): Promise<number[]> {
    const all = await network.chain.publicClient.readContract({
      address: network.group.repairs,
      abi: repairsAbi,
      functionName: "holdersOf",
      args: [order],
    });
    return [all[slot]!];
  }

  async function mineUntilStatus<Value>(
    look: (status: NonNullable<Awaited<ReturnType<ProviderProcess["status"]>>>) => Value | undefined,
  ): Promise<Value> {
    let found: Value | undefined;
    await network.conductor.mineUntil(
      async () => {
        const status = await repairer?.status();
        found = status && look(status);
        return found !== undefined;
      },
      { blocks: 60 },
    );
    return found!;
  }

  async function mineUntilEvent(name: string) {
    let found: { args: Record<string, unknown> } | undefined;
    await network.conductor.mineUntil(
      async () => {
        found = (await certifier.events()).find((event) => event.name === name);
        return found !== undefined;
      },
      { blocks: 60 },
    );
    return found!;
  }
});

function shardFiles(directory: string): string[] {
  const root = join(directory, "provider", "shards", "v1");
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".shard"))
    .map((entry) => entry.name);
}
