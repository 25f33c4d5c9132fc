import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** The token of tests and testnets; its whole supply goes to the deployer. */
export default buildModule("Token", (m) => {
  const token = m.contract("MemoToken", [m.getParameter<bigint>("supply")]);
  return { token };
});
