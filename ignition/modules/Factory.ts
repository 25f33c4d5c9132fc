import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** Seconds; where the blocks are sequenced, whoever does it could hold back an appeal for less than a day. */
const APPEAL_WINDOW_MIN = 86_400;

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
  const appealWindowMin = m.getParameter("appealWindowMin", APPEAL_WINDOW_MIN);
  const blobs = m.getParameter("blobs", false);
  const factory = m.contract("GroupFactory", [logic, { appealWindowMin, blobs }]);
  return { factory };
});
