import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Abi, type Address, type Hex, keccak256, pad, toHex } from "viem";
import { allowancesAbi } from "../../../protocol/abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { packThresholds } from "../../../protocol/chain/parameters.ts";
import { type ChainNode, startChainNode } from "./chainNode.ts";
import { deployEventSource, type Emission, emission, relayed } from "./eventSource.ts";

export const ABIS = {
  factory: groupFactoryAbi as Abi,
  staking: stakingAbi as Abi,
  orders: storageOrdersAbi as Abi,
  settlement: challengeSettlementAbi as Abi,
  disputes: disputesAbi as Abi,
  repairs: repairsAbi as Abi,
  allowances: allowancesAbi as Abi,
};
export type Part = keyof typeof ABIS;
/** What one contract emits. */
export type Emitting = { readonly part: Part; readonly events: readonly Emission[] };

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
  appealWindow: 300,
  appealWindowBlocks: 10,
  protectionEpochs: 16,
  evictionCap: 5000,
  challengeBond: 1_000_000n,
  repairBonusPerShard: 3n,
  repairThresholds: packThresholds([2, 2, 3, 4]),
  offerEpochs: 3,
  offerExpiries: 3,
  coolOffEpochs: 4,
  freezeShare: 5000,
  freezeEpochs: 4,
  repairBudget: 64,
  rejoinEpochs: 4,
  lockShare: 10_000,
  blobAnswers: false,
};

/** A chain whose contracts emit what a test tells them to. */
export type World = {
  readonly node: ChainNode;
  readonly contracts: Readonly<Record<Part, Address>>;
  readonly directory: string;
  readonly deploymentPath: string;
  /** One transaction to one contract; mines a block unless told not to. */
  emit(part: Part, functionName: string, events: readonly Emission[], mine?: boolean): Promise<Hex>;
  /** One transaction in which several contracts emit in turn, as when they call each other. */
  emitAll(calls: readonly Emitting[]): Promise<Hex>;
  /** `<part>:<event>` of everything emitted so far. */
  readonly told: ReadonlySet<string>;
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
    disputes: await deployEventSource(node),
    repairs: await deployEventSource(node),
    allowances: await deployEventSource(node),
  };
  const deploymentPath = join(directory, "deployment.json");
  await writeFile(deploymentPath, deploymentText(contracts));

  const relay = await deployEventSource(node, "Relay");
  const told = new Set<string>();
  const encode = (part: Part, functionName: string, events: readonly Emission[]): Hex => {
    for (const { name } of events) told.add(`${part}:${name}`);
    return emission(ABIS[part], functionName, events);
  };
  const emit: World["emit"] = (part, functionName, events, mine = true) =>
    node.send({ to: contracts[part], data: encode(part, functionName, events), mine });

  return {
    node,
    contracts,
    directory,
    deploymentPath,
    emit,
    emitAll: (calls) =>
      node.send({
        to: relay,
        // A source emits whatever is called, but for rollingHash.
        data: relayed(
          calls.map(({ part, events }) => ({
            to: contracts[part],
            input: encode(part, "version", events),
          })),
        ),
      }),
    told,
    createGroup: async () => {
      const { factory: _, ...clones } = contracts;
      const args = { groupId: 1, creator: node.accounts[0], ...clones, parameters: PARAMETERS };
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

/** A deployment file; what is given goes in as it is, right or wrong. */
export function deploymentText(
  contracts: Readonly<Record<Part, Address>>,
  wrong: { readonly version?: number; readonly factory?: unknown } = {},
): string {
  const { factory, ...clones } = contracts;
  const group = { groupId: 1, ...clones, startBlock: 0, parameters: PARAMETERS };
  const chain = {
    factory: wrong.factory ?? { address: factory, startBlock: 0 },
    storeRegistry: { address: factory, startBlock: 0 },
    token: TOKEN,
    groups: [group],
  };
  const file = { version: wrong.version ?? 3, chains: { 31337: chain } };
  return JSON.stringify(file, (_key, value) => (typeof value === "bigint" ? String(value) : value));
}

/** A 32-byte value that stands for something with this name. */
export function hash(name: string): Hex {
  return keccak256(toHex(name));
}
