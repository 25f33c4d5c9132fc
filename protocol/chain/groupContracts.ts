import type { Abi, Address, ContractEventName, GetEventArgs, Hex } from "viem";
import { allowancesAbi } from "../abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../abi/generated/Disputes.ts";
import { repairsAbi } from "../abi/generated/Repairs.ts";
import { stakingAbi } from "../abi/generated/Staking.ts";
import { storageOrdersAbi } from "../abi/generated/StorageOrders.ts";
import type { DeployedGroup } from "./deployment.ts";

/** A contract whose events a follower reads; `name` marks its logs. */
export type WatchedContract = { readonly name: string; readonly address: Address; readonly abi: Abi };

/** Where a log stands. */
type LogPlace = {
  readonly address: Address;
  readonly logIndex: number;
  readonly transactionHash: Hex;
};

type LogOf<Name extends string, ContractAbi extends Abi> = {
  [Event in ContractEventName<ContractAbi>]: LogPlace & {
    readonly contract: Name;
    readonly eventName: Event;
    readonly args: GetEventArgs<
      ContractAbi,
      Event,
      { EnableUnion: false; IndexedOnly: false; Required: true }
    >;
  };
}[ContractEventName<ContractAbi>];

/** Any event of a group's six contracts, decoded. */
export type GroupLog =
  | LogOf<"staking", typeof stakingAbi>
  | LogOf<"orders", typeof storageOrdersAbi>
  | LogOf<"settlement", typeof challengeSettlementAbi>
  | LogOf<"disputes", typeof disputesAbi>
  | LogOf<"repairs", typeof repairsAbi>
  | LogOf<"allowances", typeof allowancesAbi>;

/** What a follower of a group watches. */
export function groupContracts(
  group: Pick<DeployedGroup, "staking" | "orders" | "settlement" | "disputes" | "repairs" | "allowances">,
): readonly WatchedContract[] {
  return [
    { name: "staking", address: group.staking, abi: stakingAbi },
    { name: "orders", address: group.orders, abi: storageOrdersAbi },
    { name: "settlement", address: group.settlement, abi: challengeSettlementAbi },
    { name: "disputes", address: group.disputes, abi: disputesAbi },
    { name: "repairs", address: group.repairs, abi: repairsAbi },
    { name: "allowances", address: group.allowances, abi: allowancesAbi },
  ];
}

/** A final block with the group's events in log order. */
export type FinalBlock = {
  readonly number: number;
  readonly hash: Hex;
  readonly parentHash: Hex;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly prevRandao: bigint;
  readonly logs: readonly GroupLog[];
};
