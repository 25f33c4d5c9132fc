import { join } from "node:path";
import { type Abi, type Hex, parseEventLogs } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import { type Certificate, quorumOf } from "../../protocol/certificate.ts";
import { termOf } from "../../protocol/chain/epochs.ts";
import { createFieldPool } from "../../protocol/kzg/fieldPool.ts";
import { createKzg, type Kzg } from "../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../protocol/kzg/points.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { loadSettings } from "../../protocol/runtime/settings.ts";
import { type RunningProvider, startProvider } from "../../provider/provider.ts";
import { providerSettings } from "../../provider/settings.ts";
import { embeddedAccount, embeddedKey } from "../../scripts/embedded/accounts.ts";
import type { EmbeddedNetwork } from "../../scripts/embedded/network.ts";
import { exceptionTree, type TestLeaf } from "../support/contracts/exceptions.ts";
import { signCommit } from "../support/contracts/signing.ts";

const ROOT_OF_NOTHING: Hex = `0x${"00".repeat(32)}`;

/** Runs providers of an embedded network in this process, with one KZG for all. */
export async function createProviderRunner(network: EmbeddedNetwork) {
  const kzg: Kzg = createKzg();
  const points = await loadPoints();
  const fieldPool = createFieldPool({ threads: 1 });
  const running = new Map<number, RunningProvider>();

  async function start(id: number): Promise<RunningProvider> {
    const { listenPort } = network.members.providers[id - 1]!;
    const flags = {
      dataDir: join(network.dataDir, `provider-${id}`),
      deployment: network.deploymentPath,
      rpcUrl: network.chain.url,
      pollMs: 20,
      listen: `/ip4/127.0.0.1/tcp/${listenPort}`,
      httpPort: 0,
      peerSeed: embeddedKey("provider peer", id),
    };
    const provider = await startProvider({
      settings: loadSettings({ definitions: providerSettings, flags }).values,
      account: embeddedAccount("provider operator", id),
      deployment: network.deployment,
      kzg,
      points,
      fieldPool,
      clock: systemClock,
      logger: createSilentLogger(),
      version: "test",
    });
    running.set(id, provider);
    return provider;
  }

  async function stop(id: number): Promise<void> {
    const provider = running.get(id);
    running.delete(id);
    await provider?.stop();
  }

  return {
    kzg,
    start,
    stop,
    running,
    async stopAll() {
      await Promise.all([...running.keys()].map(stop));
      await fieldPool.close();
    },
  };
}

/** Certifies epochs as a quorum of keepers, whatever they are made to say. */
export function createCertifier(network: EmbeddedNetwork) {
  const { chain, group, deployment } = network;
  const settlement = { address: group.settlement, abi: challengeSettlementAbi } as const;
  const sender = embeddedAccount("deployer");

  async function send(address: Hex, abi: Abi, functionName: string, args: readonly unknown[]) {
    const call = { address, abi, functionName, args, account: sender, chain: chain.walletClient.chain };
    const hash = await chain.walletClient.writeContract({ ...call, gas: 8_000_000n });
    const receipt = await chain.publicClient.waitForTransactionReceipt({ hash });
    if (receipt.status === "success") return receipt;
    await chain.publicClient.simulateContract({ ...call, blockNumber: receipt.blockNumber });
    throw new Error(`${functionName} was reverted`);
  }

  /** Certifies an epoch, and applies its exceptions once their draw is ready. */
  async function certify(epoch: number, leaves: readonly TestLeaf[] = []): Promise<void> {
    const tree = exceptionTree(leaves);
    const certificate: Certificate = {
      term: termOf(group.parameters, epoch),
      epoch,
      round: 0,
      resultsRoot: ROOT_OF_NOTHING,
      ...tree.certificate,
      absent: 0,
      leader: 0,
    };
    const place = { chainId: deployment.chainId, orders: group.orders, settlement: group.settlement };
    const signatures: Hex[] = [];
    const members = network.members.keepers.length;
    for (let member = 0; member < quorumOf(members); member++) {
      const { keeperId } = await chain.publicClient.readContract({
        ...settlement,
        functionName: "memberAt",
        args: [certificate.term, member],
      });
      signatures.push(await signCommit(place, certificate, embeddedAccount("keeper operator", keeperId)));
    }
    const signers = (1 << quorumOf(members)) - 1;
    const bytes: Hex = `0x${signatures.map((signature) => signature.slice(2)).join("")}`;
    const { blockNumber } = await send(group.settlement, challengeSettlementAbi as Abi, "certify", [
      certificate,
      signers,
      bytes,
    ]);
    if (leaves.length === 0) return;
    await network.conductor.mineUntil((head) => head.number >= blockNumber + 2n, { blocks: 10 });
    await send(group.settlement, challengeSettlementAbi as Abi, "applyExceptions", [
      epoch,
      ...tree.chunk(0, leaves.length),
    ]);
  }

  /** All events of disputes and repairs so far, as `name provider`. */
  async function events(): Promise<{ name: string; args: Record<string, unknown> }[]> {
    const logs = await chain.publicClient.getLogs({
      address: [group.disputes, group.repairs],
      fromBlock: 0n,
    });
    return parseEventLogs({ abi: [...disputesAbi, ...repairsAbi] as Abi, logs }).map(
      ({ eventName, args }) => ({
        name: `${eventName}`,
        args: (args ?? {}) as unknown as Record<string, unknown>,
      }),
    );
  }

  return { certify, events };
}
