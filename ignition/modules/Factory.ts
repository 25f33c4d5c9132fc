import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** The logic that groups run, and the factory that makes them. */
export default buildModule("Factory", (m) => {
  const stakingLogic = m.contract("Staking", [], { id: "StakingLogic" });
  const ordersLogic = m.contract("StorageOrders", [], { id: "StorageOrdersLogic" });
  const settlementLogic = m.contract("ChallengeSettlement", [], { id: "ChallengeSettlementLogic" });
  const factory = m.contract("GroupFactory", [stakingLogic, ordersLogic, settlementLogic]);
  return { factory, stakingLogic, ordersLogic, settlementLogic };
});
