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
  keccak256,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  toHex,
} from "viem";
import { deployGroup } from "../../../ignition/deploy.ts";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { type Certificate, COMMIT_TYPES, settlementDomain } from "../../../protocol/certificate.ts";
import { type DeployedGroup, type Deployment, writeDeployment } from "../../../protocol/chain/deployment.ts";
import { epochAt, epochStart } from "../../../protocol/chain/epochs.ts";
import { ORDER_TYPES, type Order, ordersDomain } from "../../../protocol/order.ts";
import { type ChainNode, startChainNode } from "./chainNode.ts";
import { hash } from "./world.ts";

const EMPTY_ROOT = keccak256("0x02");

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
  ): Promise<Hex>;
  read<Value>(address: Address, abi: Abi, functionName: string, args?: readonly unknown[]): Promise<Value>;
  epochNow(): Promise<number>;
  /** Mines a block in the epoch. */
  advanceTo(epoch: number): Promise<void>;
  /** Signed by payer (the owner) and providers, and sent. */
  open(order: Order): Promise<Hex>;
  /** Signed by keepers 1 to 3 and sent; names the providers that missed. */
  certify(epoch: number, missed?: readonly number[]): Promise<Hex>;
  applyMissed(epoch: number, missed: readonly number[]): Promise<Hex>;
  stop(): Promise<void>;
};

export const REAL_ABIS = {
  factory: groupFactoryAbi as Abi,
  staking: stakingAbi as Abi,
  orders: storageOrdersAbi as Abi,
  settlement: challengeSettlementAbi as Abi,
};

/** Deploys a group and registers three providers and four keepers in it. */
export async function createRealGroup(): Promise<RealGroup> {
  const node = await startChainNode();
  await node.testClient.setAutomine(true);
  const deployment = await deployGroup({ rpcUrl: node.rpcUrl });
  await node.testClient.setAutomine(false);
  const group = deployment.groups[0]!;
  const directory = await mkdtemp(join(tmpdir(), "memo-indexer-"));
  const deploymentPath = join(directory, "deployment.json");
  await writeDeployment(deploymentPath, deployment);
  const owner = node.accounts[0]!;
  const operators = node.accounts.slice(1);
  const { parameters } = group;

  const call: RealGroup["call"] = async (address, abi, functionName, args, from = owner) => {
    const hashOfCall = await node.send({
      to: address,
      data: encodeFunctionData({ abi, functionName, args }),
      from,
    });
    const receipt = await node.publicClient.getTransactionReceipt({ hash: hashOfCall });
    if (receipt.status !== "success") {
      // Run once more for the reason.
      await node.publicClient.simulateContract({ address, abi, functionName, args, account: from });
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
  for (const [index, operator] of operators.slice(0, 3).entries()) {
    const stake = parameters.minProviderStake * BigInt(index + 1);
    const args = [operator, `/ip4/127.0.0.1/tcp/${index}`, hash(`domain ${index}`), 100n << 32n, true, stake];
    await call(group.staking, REAL_ABIS.staking, "registerProvider", args);
  }
  for (const operator of operators.slice(3, 7)) {
    const args = [operator, "/ip4/127.0.0.1/tcp/9", parameters.minKeeperStake];
    await call(group.staking, REAL_ABIS.staking, "registerKeeper", args);
  }
  await call(group.settlement, REAL_ABIS.settlement, "rotate", []);

  const epochNow = async () => epochAt(parameters, Number((await node.publicClient.getBlock()).timestamp));
  return {
    ...{ node, deployment, group, directory, deploymentPath, owner, call, epochNow },
    read: <Value>(address: Address, abi: Abi, functionName: string, args: readonly unknown[] = []) =>
      node.publicClient.readContract({ address, abi, functionName, args }) as Promise<Value>,
    advanceTo: async (epoch) => {
      const timestamp = BigInt(epochStart(parameters, epoch));
      await node.testClient.setNextBlockTimestamp({ timestamp });
      await node.mine();
    },
    open: async (order) => {
      const domain = ordersDomain(deployment.chainId, group.orders);
      const typed = { domain, types: ORDER_TYPES, primaryType: "Order", message: order };
      const payerSignature = await node.walletClient.signTypedData({ account: owner, ...typed } as Parameters<
        typeof node.walletClient.signTypedData
      >[0]);
      const signatures: Hex[] = [];
      for (const id of order.providers) signatures.push(await sign(operators[id - 1]!, typed));
      return call(group.orders, REAL_ABIS.orders, "open", [order, payerSignature, concatHex(signatures)]);
    },
    certify: async (epoch, missed = []) => {
      const certificate: Certificate = {
        ...{ term: 0, epoch, round: 0, absent: 0b1000, leader: 1 },
        resultsRoot: hash(`results ${epoch}`),
        exceptionsRoot: missed.length === 0 ? EMPTY_ROOT : missedRoot(missed),
        exceptions: missed.length,
      };
      const domain = settlementDomain(deployment.chainId, group.settlement);
      const message = { group: group.settlement, ...certificate };
      const typed = { domain, types: COMMIT_TYPES, primaryType: "Commit", message };
      const signatures: Hex[] = [];
      for (const operator of operators.slice(3, 6)) signatures.push(await sign(operator, typed));
      const args = [certificate, 0b0111, concatHex(signatures)];
      return call(group.settlement, REAL_ABIS.settlement, "certify", args, operators[4]!);
    },
    applyMissed: (epoch, missed) => {
      const leaves = missed.map((provider) => ({ kind: 1, provider, data: `0x${"00".repeat(32)}` as Hex }));
      return call(group.settlement, REAL_ABIS.settlement, "applyExceptions", [epoch, leaves, []]);
    },
    stop: async () => {
      await node.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Root over one or two missed leaves. */
function missedRoot(missed: readonly number[]): Hex {
  const leaves = missed.map((provider, index) =>
    keccak256(
      concatHex([
        "0x00",
        keccak256(toHex("memo/exception/v1")),
        toHex(index, { size: 4 }),
        "0x01",
        toHex(provider, { size: 4 }),
        `0x${"00".repeat(32)}`,
      ]),
    ),
  );
  if (leaves.length === 1) return leaves[0]!;
  if (leaves.length === 2) return keccak256(concatHex(["0x01", leaves[0]!, leaves[1]!]));
  throw new Error("one or two");
}
