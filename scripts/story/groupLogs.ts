import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import type { EmbeddedNetwork } from "../embedded/network.ts";

function rangeOf({ group }: EmbeddedNetwork) {
  return { fromBlock: BigInt(group.startBlock), toBlock: "latest", strict: true } as const;
}

/** Everything that happened to slots so far: evictions, offers, acceptances, bonuses. */
export function readRepairLogs(network: EmbeddedNetwork) {
  const { chain, group } = network;
  return chain.publicClient.getContractEvents({
    address: group.repairs,
    abi: repairsAbi,
    ...rangeOf(network),
  });
}

/** All disputes so far: lost records, appeals, direct challenges, conflicting commits. */
export function readDisputeLogs(network: EmbeddedNetwork) {
  const { chain, group } = network;
  return chain.publicClient.getContractEvents({
    address: group.disputes,
    abi: disputesAbi,
    ...rangeOf(network),
  });
}

/** All certificates so far and what was applied of them. */
export function readSettlementLogs(network: EmbeddedNetwork) {
  const { chain, group } = network;
  return chain.publicClient.getContractEvents({
    address: group.settlement,
    abi: challengeSettlementAbi,
    ...rangeOf(network),
  });
}
