import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Abi,
  type Address,
  concatHex,
  encodeFunctionData,
  erc20Abi,
  type Hex,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { type ChosenParameters, deployGroup } from "../../../ignition/deploy.ts";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { type Certificate, COMMIT_TYPES, settlementDomain } from "../../../protocol/certificate.ts";
import { type DeployedGroup, type Deployment, writeDeployment } from "../../../protocol/chain/deployment.ts";
import { epochAt, epochStart } from "../../../protocol/chain/epochs.ts";
import { ORDER_TYPES, type Order, ordersDomain } from "../../../protocol/order.ts";
import {
  type ExceptionLeaf,
  exceptionChunks,
  exceptionsRoot,
  missedLeaf,
} from "../../../protocol/results/exceptions.ts";
import { type ChainNode, startChainNode } from "./chainNode.ts";
import { hash } from "./world.ts";

/** The real contracts on a real chain, and the hands that use them. */
export type RealGroup = {
  readonly node: ChainNode;
  readonly deployment: Deployment;
  readonly group: DeployedGroup;
  readonly directory: string;
  readonly deploymentPath: string;
  readonly owner: Address;
  call(
    address: Address,
    abi: Abi,
    functionName: string,
    args: readonly unknown[],
    from?: Address,
    value?: bigint,
  ): Promise<Hex>;
  read<Value>(address: Address, abi: Abi, functionName: string, args?: readonly unknown[]): Promise<Value>;
  epochNow(): Promise<number>;
  /** Mines a block in the epoch. */
  advanceTo(epoch: number): Promise<void>;
  /** Signed by payer (the owner) and providers, and sent. */
  open(order: Order): Promise<Hex>;
  /** Signed by keepers 1 to 3 and sent; its exceptions are these. */
  certify(epoch: number, leaves?: readonly ExceptionLeaf[]): Promise<Hex>;
  /** Applies all exceptions of an epoch; `details` say what those of lost shards and offers stand for. */
  apply(epoch: number, leaves: readonly ExceptionLeaf[], details?: readonly Hex[]): Promise<Hex>;
  /** A certificate of an epoch, and what a keeper signs it with. */
  certificate(epoch: number, changes?: Partial<Certificate>): Certificate;
  signCertificate(keeper: number, certificate: Certificate): Promise<Hex>;
  /** Account that signs for a provider, and for a keeper. */
  providerOperator(id: number): Address;
  keeperOperator(id: number): Address;
  /** An account that is nobody in the group; `number` from 0 on. */
  outsider(number: number): Address;
  stop(): Promise<void>;
};

export const REAL_ABIS = {
  factory: groupFactoryAbi as Abi,
  staking: stakingAbi as Abi,
  orders: storageOrdersAbi as Abi,
  settlement: challengeSettlementAbi as Abi,
  disputes: disputesAbi as Abi,
  repairs: repairsAbi as Abi,
};

const KEEPERS = 4;

/** Who missed an epoch, as leaves. */
export function missedLeaves(...providers: readonly number[]): ExceptionLeaf[] {
  return providers.map(missedLeaf);
}

/** Deploys a group and registers three providers, or more, and four keepers in it. */
export async function createRealGroup(
  options: { readonly providers?: number; readonly parameters?: Partial<ChosenParameters> } = {},
): Promise<RealGroup> {
  const { providers = 3, parameters: chosen = {} } = options;
  const node = await startChainNode({ steady: true });
  await node.testClient.setAutomine(true);
  const deployment = await deployGroup({ rpcUrl: node.rpcUrl, parameters: chosen });
  await node.testClient.setAutomine(false);
  const group = deployment.groups[0]!;
  const directory = await mkdtemp(join(tmpdir(), "memo-indexer-"));
  const deploymentPath = join(directory, "deployment.json");
  await writeDeployment(deploymentPath, deployment);
  const owner = node.accounts[0]!;
  const { parameters } = group;
  const providerOperator = (id: number): Address => node.accounts[id]!;
  const keeperOperator = (id: number): Address => node.accounts[providers + id]!;

  const call: RealGroup["call"] = async (address, abi, functionName, args, from = owner, value = 0n) => {
    const data = encodeFunctionData({ abi, functionName, args });
    const hashOfCall = await node.send({ to: address, data, from, value });
    const receipt = await node.publicClient.getTransactionReceipt({ hash: hashOfCall });
    if (receipt.status !== "success") {
      // Run once more for the reason.
      await node.publicClient.simulateContract({ address, abi, functionName, args, account: from, value });
      throw new Error(`${functionName} reverted`);
    }
    return hashOfCall;
  };

  const sign = async (account: Address, typed: object): Promise<Hex> => {
    const signature = await node.walletClient.signTypedData({ account, ...typed } as Parameters<
      typeof node.walletClient.signTypedData
    >[0]);
    return serializeCompactSignature(signatureToCompactSignature(parseSignature(signature)));
  };

  for (const spender of [group.staking, group.orders]) {
    await call(deployment.token, erc20Abi as Abi, "approve", [spender, 10n ** 30n]);
  }
  for (let id = 1; id <= providers; id++) {
    const stake = parameters.minProviderStake * BigInt(id);
    const endpoint = `/ip4/127.0.0.1/tcp/${id}`;
    const args = [providerOperator(id), endpoint, hash(`domain ${id}`), 100n << 32n, true, stake];
    await call(group.staking, REAL_ABIS.staking, "registerProvider", args);
  }
  for (let id = 1; id <= KEEPERS; id++) {
    const args = [keeperOperator(id), "/ip4/127.0.0.1/tcp/9", parameters.minKeeperStake];
    await call(group.staking, REAL_ABIS.staking, "registerKeeper", args);
  }
  await call(group.settlement, REAL_ABIS.settlement, "rotate", []);

  const epochNow = async () => epochAt(parameters, Number((await node.publicClient.getBlock()).timestamp));
  const certificateOf: RealGroup["certificate"] = (epoch, changes = {}) => ({
    ...{ term: Math.floor(epoch / parameters.termLength), epoch, round: 0, absent: 0b1000, leader: 1 },
    resultsRoot: hash(`results ${epoch}`),
    ...{ exceptionsRoot: exceptionsRoot([]), exceptions: 0 },
    ...changes,
  });
  const signCertificate: RealGroup["signCertificate"] = (keeper, certificate) => {
    const domain = settlementDomain(deployment.chainId, group.settlement);
    const message = { group: group.settlement, ...certificate };
    return sign(keeperOperator(keeper), { domain, types: COMMIT_TYPES, primaryType: "Commit", message });
  };
  return {
    ...{ certificate: certificateOf, signCertificate, providerOperator, keeperOperator },
    outsider: (number) => node.accounts[providers + KEEPERS + 1 + number]!,
    ...{ node, deployment, group, directory, deploymentPath, owner, call, epochNow },
    read: <Value>(address: Address, abi: Abi, functionName: string, args: readonly unknown[] = []) =>
      node.publicClient.readContract({ address, abi, functionName, args }) as Promise<Value>,
    advanceTo: (epoch) => node.mineAt(BigInt(epochStart(parameters, epoch))),
    open: async (order) => {
      const domain = ordersDomain(deployment.chainId, group.orders);
      const typed = { domain, types: ORDER_TYPES, primaryType: "Order", message: order };
      const payerSignature = await node.walletClient.signTypedData({ account: owner, ...typed } as Parameters<
        typeof node.walletClient.signTypedData
      >[0]);
      const signatures: Hex[] = [];
      for (const id of order.providers) signatures.push(await sign(providerOperator(id), typed));
      return call(group.orders, REAL_ABIS.orders, "open", [order, payerSignature, concatHex(signatures)]);
    },
    certify: async (epoch, leaves = []) => {
      const exceptions = { exceptionsRoot: exceptionsRoot(leaves), exceptions: leaves.length };
      const certificate = certificateOf(epoch, exceptions);
      const signatures: Hex[] = [];
      for (const keeper of [1, 2, 3]) signatures.push(await signCertificate(keeper, certificate));
      const args = [certificate, 0b0111, concatHex(signatures)];
      return call(group.settlement, REAL_ABIS.settlement, "certify", args, keeperOperator(2));
    },
    apply: (epoch, leaves, details = []) => {
      const { proof } = exceptionChunks(leaves, 0, leaves.length)[0]!;
      return call(group.settlement, REAL_ABIS.settlement, "applyExceptions", [epoch, leaves, proof, details]);
    },
    stop: async () => {
      await node.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
