import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "viem";
import type { StoreResult } from "../../../client/store/store.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { createKzg, type Kzg } from "../../../protocol/kzg/kzg.ts";
import { type EmbeddedNetwork, startEmbeddedNetwork } from "../../../scripts/embedded/network.ts";
import type { NodesProcess } from "../../../scripts/embedded/nodesProcess.ts";
import { readBooks } from "../../../scripts/story/books.ts";
import { createUserClient } from "../../../scripts/story/clients.ts";

/** Longer than all stories of one network together. */
const EPOCHS = 150;

/** A whole network without index on which several stories run, and what all of them check. */
export interface FaultNetwork {
  network: EmbeddedNetwork;
  nodes: NodesProcess;
  kzg: Kzg;
  /** Stores bytes with just these providers, and lets time pass until they are challenged. */
  store(bytes: Uint8Array, policy: string, among: readonly number[]): Promise<StoreResult>;
  read(orderId: Hex): Promise<Buffer>;
  stakeOf(provider: number): Promise<{ stake: bigint; locked: bigint }>;
  /** Supply is conserved, and nobody but these providers and keepers has less stake than at the start. */
  assertJust(guilty: { providers?: readonly number[]; keepers?: readonly number[] }): Promise<void>;
  stop(): Promise<void>;
}

export async function startFaultNetwork(options: { providers: number }): Promise<FaultNetwork> {
  const folder = mkdtempSync(join(tmpdir(), "memo-faults-"));
  const network = await startEmbeddedNetwork({
    dataDir: join(folder, "network"),
    indexer: false,
    providers: options.providers,
  });
  const { nodes, members } = network;
  assert.ok(nodes);
  const kzg = createKzg();
  const stakes = async () => {
    const { entries } = await readBooks(network);
    return new Map(
      entries.filter(({ where }) => where === "stake").map(({ party, amount }) => [party, amount]),
    );
  };
  const before = await stakes();

  return {
    network,
    nodes,
    kzg,
    async store(bytes, policy, among) {
      const client = createUserClient(network, { kzg, among });
      try {
        const stored = await client.store(bytes, { name: "story.bin", policy, epochs: EPOCHS, startIn: 2 });
        assert.deepEqual(
          stored.order.providers.toSorted((a, b) => a - b),
          among.toSorted((a, b) => a - b),
        );
        await network.advanceTo(stored.order.startEpoch);
        return stored;
      } finally {
        await client.close();
      }
    },
    async read(orderId) {
      const client = createUserClient(network);
      try {
        const { stream } = await client.read({ orderId });
        const chunks: Uint8Array[] = [];
        for await (const chunk of stream) chunks.push(chunk);
        return Buffer.concat(chunks);
      } finally {
        await client.close();
      }
    },
    stakeOf: (provider) =>
      network.chain.publicClient.readContract({
        address: network.group.staking,
        abi: stakingAbi,
        functionName: "provider",
        args: [provider],
      }),
    async assertJust({ providers = [], keepers = [] }) {
      const books = await readBooks(network);
      assert.ok(books.conserved, "the books do not add up to the supply");
      const guilty = new Set([
        ...providers.map((id) => `provider ${id}`),
        ...keepers.map((id) => `keeper ${id}`),
      ]);
      const after = await stakes();
      const poorer = [...before].filter(([party, stake]) => (after.get(party) ?? 0n) < stake);
      assert.deepEqual(
        poorer.map(([party]) => party).filter((party) => !guilty.has(party)),
        [],
      );
      assert.equal(after.size, members.providers.length + members.keepers.length);
    },
    async stop() {
      await network.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
