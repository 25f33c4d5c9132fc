import { createConfig, factory } from "ponder";
import { getAbiItem } from "viem";
import { allowancesAbi } from "../protocol/abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../protocol/abi/generated/GroupFactory.ts";
import { repairsAbi } from "../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../protocol/abi/generated/StorageOrders.ts";
import { storeRegistryAbi } from "../protocol/abi/generated/StoreRegistry.ts";
import { readDeployment } from "../protocol/chain/deployment.ts";
import { readIndexerSettings } from "./settings.ts";

const settings = readIndexerSettings(process.env);
const deployment = await readDeployment(settings.deploymentPath, settings.rpcUrl);
const { address, startBlock } = deployment.factory;
const event = getAbiItem({ abi: groupFactoryAbi, name: "GroupCreated" });

/** Contracts that GroupFactory made, by the parameter of GroupCreated that names them. */
function clones(parameter: "staking" | "orders" | "settlement" | "disputes" | "repairs" | "allowances") {
  return factory({ address, event, parameter, startBlock });
}

export default createConfig({
  ...(settings.databaseUrl !== undefined || settings.pgliteDir === undefined
    ? {}
    : { database: { kind: "pglite" as const, directory: settings.pgliteDir } }),
  // One chain: this order costs no waiting.
  ordering: "multichain",
  chains: {
    memo: {
      id: deployment.chainId,
      rpc: settings.rpcUrl,
      pollingInterval: settings.pollingMs,
    },
  },
  contracts: {
    GroupFactory: {
      chain: "memo",
      abi: groupFactoryAbi,
      address,
      startBlock,
      includeTransactionReceipts: true,
    },
    Staking: {
      chain: "memo",
      abi: stakingAbi,
      address: clones("staking"),
      startBlock,
      includeTransactionReceipts: true,
    },
    StorageOrders: {
      chain: "memo",
      abi: storageOrdersAbi,
      address: clones("orders"),
      startBlock,
      includeTransactionReceipts: true,
    },
    ChallengeSettlement: {
      chain: "memo",
      abi: challengeSettlementAbi,
      address: clones("settlement"),
      startBlock,
      includeTransactionReceipts: true,
    },
    Disputes: {
      chain: "memo",
      abi: disputesAbi,
      address: clones("disputes"),
      startBlock,
      includeTransactionReceipts: true,
    },
    Repairs: {
      chain: "memo",
      abi: repairsAbi,
      address: clones("repairs"),
      startBlock,
      includeTransactionReceipts: true,
    },
    Allowances: {
      chain: "memo",
      abi: allowancesAbi,
      address: clones("allowances"),
      startBlock,
      includeTransactionReceipts: true,
    },
    StoreRegistry: {
      chain: "memo",
      abi: storeRegistryAbi,
      ...deployment.storeRegistry,
      includeTransactionReceipts: true,
    },
  },
});
