import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createPublicClient,
  type Hex,
  http,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { createChallenges, type EpochChallenge } from "../../keeper/challenge/challenges.ts";
import type { KeeperStatus } from "../../keeper/keeperStatus.ts";
import { fetchResults } from "../../keeper/results.ts";
import { settlementDomain } from "../../protocol/certificate.ts";
import { createBlockSource } from "../../protocol/chain/blockSource.ts";
import { createChainFollower } from "../../protocol/chain/follower.ts";
import { groupContracts } from "../../protocol/chain/groupContracts.ts";
import { applyBlock, createGroupState } from "../../protocol/chain/groupState.ts";
import { buildOpenings, openingsDigest } from "../../protocol/challenge/openings.ts";
import { proveChallenge } from "../../protocol/challenge/prove.ts";
import type { FieldPool } from "../../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import type { Points } from "../../protocol/kzg/points.ts";
import { orderTree } from "../../protocol/merkle/slotRoot.ts";
import { createHost, type Host } from "../../protocol/net/host.ts";
import { createRpcClient } from "../../protocol/net/rpcClient.ts";
import { createRpcServer } from "../../protocol/net/rpcServer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { keeperProtocol } from "../../protocol/wire/keeper.ts";
import { PROOF_TYPES, type ProofMessage, proofStruct } from "../../protocol/wire/proofMessage.ts";
import { providerProtocol } from "../../protocol/wire/provider.ts";
import { embeddedAccount, embeddedKey } from "../../scripts/embedded/accounts.ts";
import type { EmbeddedNetwork } from "../../scripts/embedded/network.ts";
import { waitFor } from "./providerSupport.ts";

const BIN = fileURLToPath(new URL("../../bin/memo-keeper.js", import.meta.url));
const logger = createSilentLogger();

/** A keeper in a process of its own, through the program that operators run. */
export type KeeperProcess = {
  status(): Promise<KeeperStatus | undefined>;
  /** Lets it die as in a power cut. */
  kill(): Promise<void>;
  end(): Promise<number | null>;
  log(): string;
};

/** Starts `memo-keeper start` as keeper `id` of an embedded network, and waits until it is ready. */
export async function spawnKeeper(options: {
  id: number;
  dataDir: string;
  network: EmbeddedNetwork;
  endpoint: string;
}): Promise<KeeperProcess> {
  const { id, network } = options;
  const keyPath = join(options.dataDir, `operator-${id}.key`);
  writeFileSync(keyPath, embeddedKey("keeper operator", id), { mode: 0o600 });
  const flags: Record<string, string> = {
    "--deployment": network.deploymentPath,
    "--operator-key-file": keyPath,
    "--data-dir": join(options.dataDir, `keeper-${id}`),
    "--rpc-url": network.chain.url,
    "--poll-ms": "20",
    "--listen": options.endpoint.split("/p2p/")[0] ?? "",
    "--http-port": "0",
  };
  const child: ChildProcess = spawn(process.execPath, [BIN, "start", ...Object.entries(flags).flat()], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, KEEPER_PEER_SEED: embeddedKey("keeper peer", id) },
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const url = await waitFor("the keeper listens", () => {
    if (child.exitCode !== null) throw new Error(`the keeper ended: ${log}`);
    return /"url":"(http[^"]+)"/.exec(log)?.[1];
  });
  await waitFor("the keeper is ready", async () => {
    const response = await fetch(`${url}/ready`).catch(() => undefined);
    return response?.ok ? true : undefined;
  });
  return {
    async status() {
      const response = await fetch(`${url}/status`).catch(() => undefined);
      return response?.ok ? ((await response.json()) as KeeperStatus) : undefined;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async end() {
      child.kill("SIGTERM");
      return (await exited)[0];
    },
    log: () => log,
  };
}

/** Providers that hold the same shards in every slot of one order, and answer challenges when told to. */
export type SimpleProviders = {
  /** Commitments of the shards, 48 bytes each. */
  readonly commitments: readonly Uint8Array[];
  /** Providers that stay silent from now on. */
  readonly silent: Set<number>;
  /** Proofs that keepers have refused, by code. */
  readonly refused: string[];
  challenge(epoch: number): EpochChallenge | undefined;
  finalBlock(): number;
  pending(): number;
  stop(): Promise<void>;
};

/** Starts hosts for the providers and follows the chain for them. */
export async function startSimpleProviders(options: {
  network: EmbeddedNetwork;
  /** Registered endpoint of each provider, by id. */
  endpoints: ReadonlyMap<number, string>;
  keeperEndpoints: () => readonly string[];
  shards: readonly Uint8Array[];
  kzg: Kzg;
  points: Points;
  fieldPool: FieldPool;
}): Promise<SimpleProviders> {
  const { network, shards, kzg, points, fieldPool } = options;
  const { chainId } = network.deployment;
  const group = network.group.settlement;
  const commitments = await Promise.all(shards.map((shard) => kzg.commit(shard)));
  const affine = commitments.map((commitment) => points.decompress(commitment));
  const silent = new Set<number>();
  const refused: string[] = [];
  const known = new Map<number, EpochChallenge>();
  const proofs = new Map<string, ProofMessage>();
  const hosts: Host[] = [];
  const stopping = new AbortController();
  const { signal } = stopping;
  let pending = 0;
  let finalBlock = -1;
  let slots = 0;

  for (const [id, endpoint] of options.endpoints) {
    const host = await createHost({
      seed: embeddedKey("provider peer", id),
      listen: [endpoint.split("/p2p/")[0] ?? ""],
      logger,
    });
    hosts.push(host);
    const refuse = async () => {
      throw new Error("not asked in this test");
    };
    await createRpcServer({
      host,
      protocol: providerProtocol,
      logger,
      handlers: {
        ...(Object.fromEntries(
          Object.keys(providerProtocol.methods).map((name) => [name, refuse]),
        ) as unknown as Record<keyof (typeof providerProtocol)["methods"], typeof refuse>),
        async getOpenings({ epoch, from, count }) {
          const all = known.get(epoch)!.byProvider.get(id)!.shards;
          const opened = buildOpenings({
            shards: all.slice(from, from + count),
            pointOf: ({ stripe }) => affine[stripe]!,
            treeOf: () => orderTree(Array.from({ length: slots }, () => commitments)),
          });
          const orders = opened.orders.map(({ orderId, multiproof }) => ({
            orderId,
            multiproof: [...multiproof],
          }));
          return { points: opened.points, orders, total: all.length };
        },
        async getProof({ epoch }) {
          return { proof: proofs.get(`${epoch}/${id}`)! };
        },
      },
    });
  }
  const client = createRpcClient({
    host: hosts[0]!,
    protocol: keeperProtocol,
    limits: { backoffMs: 100 },
    logger,
  });
  const challenges = createChallenges({
    chainId,
    group,
    samples: network.group.parameters.samples,
    resultsOf: (certificate) =>
      fetchResults({ certificate, endpoints: options.keeperEndpoints(), client, signal }),
  });

  async function answer(epoch: number, id: number, challenge: EpochChallenge): Promise<void> {
    const asked = challenge.byProvider.get(id)!;
    const { proof } = await proveChallenge({
      context: asked.context,
      shards: asked.shards.map((shard) => ({ ...shard, commitment: commitments[shard.stripe]! })),
      readShard: async ({ stripe }) => shards[stripe],
      kzg,
      points,
      fieldPool,
    });
    const openings = openingsDigest(Buffer.concat(asked.shards.map(({ stripe }) => affine[stripe]!)));
    const unsigned = { v: 1 as const, epoch, provider: id, ...proof, parts: [...proof.parts], openings };
    const raw = await embeddedAccount("provider operator", id).signTypedData({
      domain: settlementDomain(chainId, group),
      types: PROOF_TYPES,
      primaryType: "Proof",
      message: proofStruct(group, unsigned),
    });
    const signature: Hex = serializeCompactSignature(signatureToCompactSignature(parseSignature(raw)));
    const message = { ...unsigned, signature };
    proofs.set(`${epoch}/${id}`, message);
    await Promise.all(
      options.keeperEndpoints().map((endpoint) =>
        client
          .call(endpoint, "submitProof", { proof: message }, { signal, timeoutMs: 20_000 })
          .catch((error: Error) => {
            refused.push("code" in error ? String(error.code) : error.message);
          }),
      ),
    );
  }

  const source = createBlockSource({
    client: createPublicClient({ transport: http(network.chain.url), cacheTime: 0 }),
    confirmations: network.group.parameters.confirmations,
    pollMs: 20,
    logger,
  });
  const follower = createChainFollower({
    source,
    chainId,
    contracts: groupContracts(network.group),
    startBlock: network.group.startBlock,
    store: ":memory:",
    logger,
  });
  const follow = async () => {
    let state = createGroupState({ chainId, group: network.group });
    for await (const block of follower.blocks(signal)) {
      const applied = applyBlock(state, block);
      state = applied.state;
      for (const order of state.orders.values()) slots = order.order.providers.length;
      for (const milestone of applied.milestones) {
        if (milestone.type === "epochStarted") challenges.started(milestone.set, milestone.before);
        if (milestone.type !== "seed") continue;
        const { epoch } = milestone;
        challenges.seeded(epoch, milestone.seed);
        pending++;
        void (async () => {
          try {
            const challenge = await challenges.challenge(epoch);
            if (challenge === undefined) return;
            known.set(epoch, challenge);
            const answering = [...challenge.byProvider.keys()].filter((id) => !silent.has(id));
            await Promise.all(answering.map((id) => answer(epoch, id, challenge)));
          } finally {
            pending--;
          }
        })().catch((error: Error) => refused.push(error.message));
      }
      finalBlock = block.number;
    }
  };
  const following = follow().catch(() => undefined);

  return {
    commitments,
    silent,
    refused,
    challenge: (epoch) => known.get(epoch),
    finalBlock: () => finalBlock,
    pending: () => pending,
    async stop() {
      stopping.abort(new Error("stopped"));
      await following;
      source.close();
      follower.close();
      client.close();
      await Promise.all(hosts.map((host) => host.stop()));
    },
  };
}
