import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** Token wei: 10^9 tokens of 18 decimals. */
export const TOKEN_SUPPLY = 10n ** 27n;

/** The token of tests and testnets; its whole supply goes to the deployer. */
export default buildModule("Token", (m) => {
  const token = m.contract("MemoToken", [m.getParameter("supply", TOKEN_SUPPLY)]);
  return { token };
});
