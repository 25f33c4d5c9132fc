import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** The logic that groups run, and the factory that makes them. */
export default buildModule("Factory", (m) => {
  const logic = {
    staking: m.contract("Staking", [], { id: "StakingLogic" }),
    orders: m.contract("StorageOrders", [], { id: "StorageOrdersLogic" }),
    settlement: m.contract("ChallengeSettlement", [], { id: "ChallengeSettlementLogic" }),
    disputes: m.contract("Disputes", [], { id: "DisputesLogic" }),
    repairs: m.contract("Repairs", [], { id: "RepairsLogic" }),
    allowances: m.contract("Allowances", [], { id: "AllowancesLogic" }),
  };
  const facts = {
    blockTime: m.getParameter<number>("blockTime"),
    appealWindowMin: m.getParameter<number>("appealWindowMin"),
    blobs: m.getParameter<boolean>("blobs"),
  };
  const factory = m.contract("GroupFactory", [logic, facts]);
  return { factory };
});
