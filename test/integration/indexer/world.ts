import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Abi, type Address, type Hex, keccak256, pad, toHex } from "viem";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { type ChainNode, startChainNode } from "./chainNode.ts";
import { deployEventSource, type Emission, emission } from "./eventSource.ts";

export const ABIS = {
  factory: groupFactoryAbi as Abi,
  staking: stakingAbi as Abi,
  orders: storageOrdersAbi as Abi,
  settlement: challengeSettlementAbi as Abi,
};
export type Part = keyof typeof ABIS;

export const TOKEN: Address = pad("0x70", { size: 20 });
export const TREASURY: Address = pad("0x71", { size: 20 });
export const EPOCH_LENGTH = 60;
export const PARAMETERS = {
  token: TOKEN,
  treasury: TREASURY,
  genesis: 1_700_000_000n,
  epochLength: EPOCH_LENGTH,
  seedDelay: 20,
  answerWindow: 20,
  applyWindow: 600,
  applyWindowBlocks: 20,
  payerDelay: 3600,
  unbondingDelay: 7200,
  confirmations: 2,
  maxGap: 8,
  samples: 64,
  termLength: 1000,
  minKeeperStake: 1_000n,
  minProviderStake: 1_000n,
  collateralPerShard: 7n,
  minPrice: 100n << 32n,
};

/** A chain whose four contracts emit what a test tells them to. */
export type World = {
  readonly node: ChainNode;
  readonly contracts: Readonly<Record<Part, Address>>;
  readonly directory: string;
  readonly deploymentPath: string;
  /** One transaction to one contract; mines a block unless told not to. */
  emit(part: Part, functionName: string, events: readonly Emission[], mine?: boolean): Promise<Hex>;
  /** Creates the group, as its factory would. */
  createGroup(): Promise<void>;
  rollingHash(part: Part, block?: number): Promise<Hex>;
  stop(): Promise<void>;
};

export async function createWorld(): Promise<World> {
  const node = await startChainNode();
  const directory = await mkdtemp(join(tmpdir(), "memo-indexer-"));
  const contracts = {
    factory: await deployEventSource(node),
    staking: await deployEventSource(node),
    orders: await deployEventSource(node),
    settlement: await deployEventSource(node),
  };
  const deploymentPath = join(directory, "deployment.json");
  await writeFile(deploymentPath, deploymentText(contracts));

  const emit: World["emit"] = (part, functionName, events, mine = true) =>
    node.send({ to: contracts[part], data: emission(ABIS[part], functionName, events), mine });

  return {
    node,
    contracts,
    directory,
    deploymentPath,
    emit,
    createGroup: async () => {
      const { staking, orders, settlement } = contracts;
      const args = {
        groupId: 1,
        settlement,
        creator: node.accounts[0],
        staking,
        orders,
        parameters: PARAMETERS,
      };
      await emit("factory", "createGroup", [{ name: "GroupCreated", args }]);
    },
    rollingHash: (part, block) =>
      node.publicClient.readContract({
        address: contracts[part],
        abi: ABIS[part],
        functionName: "rollingHash",
        ...(block === undefined ? {} : { blockNumber: BigInt(block) }),
      }) as Promise<Hex>,
    stop: async () => {
      await node.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A deployment file; `overrides` replace its top-level fields. */
export function deploymentText(
  contracts: Readonly<Record<Part, Address>>,
  overrides: Readonly<Record<string, unknown>> = {},
): string {
  const { factory, staking, orders, settlement } = contracts;
  const group = { groupId: 1, staking, orders, settlement, startBlock: 0, parameters: PARAMETERS };
  const file = {
    version: 1,
    chainId: 31337,
    factory: { address: factory, startBlock: 0 },
    token: TOKEN,
    groups: [group],
    ...overrides,
  };
  return JSON.stringify(file, (_key, value) => (typeof value === "bigint" ? String(value) : value));
}

/** A 32-byte value that stands for something with this name. */
export function hash(name: string): Hex {
  return keccak256(toHex(name));
}
