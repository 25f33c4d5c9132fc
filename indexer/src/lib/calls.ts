import { type Abi, type Hex, toFunctionSelector } from "viem";
import { allowancesAbi } from "../../../protocol/abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { storeRegistryAbi } from "../../../protocol/abi/generated/StoreRegistry.ts";

export type ContractName =
  | "GroupFactory"
  | "Staking"
  | "StorageOrders"
  | "ChallengeSettlement"
  | "Disputes"
  | "Repairs"
  | "Allowances"
  | "StoreRegistry";

const ABIS: Readonly<Record<ContractName, Abi>> = {
  GroupFactory: groupFactoryAbi,
  Staking: stakingAbi,
  StorageOrders: storageOrdersAbi,
  ChallengeSettlement: challengeSettlementAbi,
  Disputes: disputesAbi,
  Repairs: repairsAbi,
  Allowances: allowancesAbi,
  StoreRegistry: storeRegistryAbi,
};

const NAMES: Readonly<Record<string, ReadonlyMap<string, string>>> = Object.fromEntries(
  Object.entries(ABIS).map(([contract, abi]) => [
    contract,
    new Map(abi.flatMap((item) => (item.type === "function" ? [[toFunctionSelector(item), item.name]] : []))),
  ]),
);

/** Contract name of transactions that reach the network through a contract that is not part of it. */
export const INDIRECT = "indirect";

/**
 * Name of the function that a transaction calls.
 *
 * @param contract what `to` is; undefined when it is not of the network.
 * @returns the selector when the name is not known, `create` for a deployment.
 */
export function functionName(contract: ContractName | undefined, to: Hex | null, input: Hex): string {
  if (to === null) return "create";
  const selector = input.slice(0, 10);
  return (contract === undefined ? undefined : NAMES[contract]?.get(selector)) ?? selector;
}
