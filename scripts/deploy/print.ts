import { formatUnits } from "viem";
import type { Deployment } from "../../protocol/chain/deployment.ts";
import type { Plan } from "./plan.ts";

/** Columns of the plan. */
const TITLE_WIDTH = 30;
const GAS_WIDTH = 12;

/** Digits after the point that a person looks at. */
const DIGITS = 6;

/** Wei as coin, or as gwei with 9 decimals; rounded up, so that nothing is ever called free that is not. */
function shown(wei: bigint, decimals: number): string {
  const unit = 10n ** BigInt(Math.max(0, decimals - DIGITS));
  return formatUnits(((wei + unit - 1n) / unit) * unit, decimals);
}
const coin = (wei: bigint): string => shown(wei, 18);
const gwei = (wei: bigint): string => shown(wei, 9);

const grouped = (value: bigint): string => value.toLocaleString("en").replaceAll(",", " ");

/** The plan as a table, line by line. */
export function describePlan(plan: Plan): readonly string[] {
  const { steps, contracts, gas, fee, cost, mostCost, dataFee } = plan;
  const row = (title: string, gasText: string, address: string, state = "") =>
    `  ${title.padEnd(TITLE_WIDTH)}${gasText.padStart(GAS_WIDTH)}  ${address}${state === "" ? "" : `  ${state}`}`;
  return [
    row(
      "",
      "gas",
      steps.some((step) => step.state === "to do") ? "address (predicted while to do)" : "address",
    ),
    ...steps.map(({ title, gas: stepGas, address = "", state }) =>
      row(title, grouped(stepGas), address, state),
    ),
    ...Object.entries(contracts).map(([name, address]) => row(`  ${name}`, "", address)),
    "",
    `  to do: ${grouped(gas)} gas × ${gwei(fee.now)} gwei = ${coin(gas * fee.now)}` +
      (dataFee === undefined ? "" : ` + ${coin(dataFee)} for data on L1`),
    `  costs ${coin(cost)} coin, at most ${coin(mostCost)} if the price rises to ${gwei(fee.most)} gwei`,
  ];
}

/** Where everything is. */
export function describeDeployment({ factory, storeRegistry, token, groups }: Deployment): readonly string[] {
  const { parameters, startBlock, groupId, ...contracts } = groups[0]!;
  const row = (name: string, value: string) => `  ${name.padEnd(TITLE_WIDTH)}${value}`;
  return [
    row("factory", factory.address),
    row("store registry", storeRegistry.address),
    row("token", token),
    row("group", String(groupId)),
    ...Object.entries(contracts).map(([name, address]) => row(`  ${name}`, String(address))),
    row("epoch 0 begins", new Date(parameters.genesis * 1000).toISOString()),
    row("first block", String(startBlock)),
  ];
}
