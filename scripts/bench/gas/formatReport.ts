import type { GasReport } from "./report.ts";
import type { GasClass } from "./trace.ts";

const gas = (value: number) => value.toLocaleString("en-US").padStart(9);
/** Characters of a storage word's number that are shown: enough to tell two apart. */
const SLOT_CHARACTERS = 12;

/** A report for people: parts of the transaction, classes by contract, calls, dearest instructions. */
export function formatReport(row: string, report: GasReport): string {
  const contracts = Object.entries(report.contracts);
  const kinds = new Map<GasClass, number>();
  for (const [, sums] of contracts) {
    for (const [kind, value] of Object.entries(sums) as [GasClass, number][]) {
      kinds.set(kind, (kinds.get(kind) ?? 0) + value);
    }
  }
  const columns = contracts.map(([name]) => name.padStart(Math.max(9, name.length)));
  const lines = [
    `${row}: a transaction of ${report.sums.used.toLocaleString("en-US")} gas`,
    "",
    `${gas(report.sums.intrinsic)}  the transaction itself and its calldata`,
    ...(report.sums.floor > 0 ? [`${gas(report.sums.floor)}  floor of calldata (EIP-7623) beyond that`] : []),
    ...(report.sums.refunded > 0 ? [`${gas(-report.sums.refunded)}  refunded`] : []),
    "",
    `${"executed".padStart(9)}  ${"".padEnd(27)}  ${columns.join("  ")}`,
    ...[...kinds]
      .sort((a, b) => b[1] - a[1])
      .map(([kind, sum]) => {
        const cells = contracts.map(([, sums], i) => {
          const value = sums[kind];
          return (value === undefined ? "" : value.toLocaleString("en-US")).padStart(columns[i]!.length);
        });
        return `${gas(sum)}  ${kind.padEnd(27)}  ${cells.join("  ")}`.trimEnd();
      }),
    "",
    "calls, each without what it called",
    ...report.calls.map(({ depth, name, own }) => `${gas(own)}  ${"  ".repeat(depth - 1)}${name}`),
    "",
    "dearest instructions",
    ...report.dearest.map(({ gas: cost, op, name, at }) => {
      const short = at !== undefined && at.length > SLOT_CHARACTERS ? `${at.slice(0, SLOT_CHARACTERS)}…` : at;
      return `${gas(cost)}  ${op.padEnd(12)}  ${name}${short === undefined ? "" : `  ${short}`}`;
    }),
  ];
  return lines.join("\n");
}
