import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** The registry of key-value stores: one per deployment, whatever groups there are. */
export default buildModule("StoreRegistry", (m) => {
  const storeRegistry = m.contract("StoreRegistry");
  return { storeRegistry };
});
