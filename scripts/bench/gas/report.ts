import type { Address, Hex, PublicClient } from "viem";
import type { createContractNames } from "./contractNames.ts";
import { type GasClass, ownSteps, type TraceStep } from "./trace.ts";

/** Where the gas of one transaction went. All figures are gas. */
export interface GasReport {
  readonly sums: {
    /** What the receipt says. */
    readonly used: number;
    /** 21,000 and calldata, before the first instruction. */
    readonly intrinsic: number;
    /** Given back for words that were cleared. */
    readonly refunded: number;
    /** What EIP-7623 asks for beyond that. */
    readonly floor: number;
  };
  readonly contracts: Record<string, Partial<Record<GasClass, number>>>;
  /** Calls in order of entry; `own` is without what they called. */
  readonly calls: readonly { depth: number; name: string; own: number }[];
  /** The dearest single instructions. */
  readonly dearest: readonly { gas: number; op: string; name: string; at?: string }[];
}

/** Instructions that a report names one by one. */
const DEAREST = 24;

/** Asks the chain for a transaction's trace and sums it up. */
export async function reportGas(
  client: PublicClient,
  hash: Hex,
  names: ReturnType<typeof createContractNames>,
): Promise<GasReport> {
  const [transaction, receipt, trace] = await Promise.all([
    client.getTransaction({ hash }),
    client.getTransactionReceipt({ hash }),
    client.request({
      method: "debug_traceTransaction" as never,
      params: [hash, { disableMemory: true, disableStorage: true }] as never,
    }) as Promise<unknown> as Promise<{ structLogs: TraceStep[] }>,
  ]);
  const { calls, steps } = ownSteps(trace.structLogs);
  const contractNames = await Promise.all(
    calls.map(({ address }) => names.nameOf((address ?? transaction.to!) as Address)),
  );
  const nameOf = (call: number) => {
    const selector = calls[call]!.selector;
    const name = selector === undefined ? undefined : names.functionOf(selector);
    return name === undefined ? contractNames[call]! : `${contractNames[call]}.${name}`;
  };
  const own = calls.map(() => 0);
  const contracts: Record<string, Partial<Record<GasClass, number>>> = {};
  for (const step of steps) {
    own[step.call]! += step.gas;
    contracts[contractNames[step.call]!] ??= {};
    const sums = contracts[contractNames[step.call]!]!;
    sums[step.kind] = (sums[step.kind] ?? 0) + step.gas;
  }
  const used = Number(receipt.gasUsed);
  const intrinsic = Number(transaction.gas) - (trace.structLogs[0]?.gas ?? Number(transaction.gas));
  const beyond = intrinsic + own.reduce((a, b) => a + b, 0) - used;
  return {
    sums: { used, intrinsic, refunded: Math.max(0, beyond), floor: Math.max(0, -beyond) },
    contracts,
    calls: calls.map(({ depth }, call) => ({ depth, name: nameOf(call), own: own[call]! })),
    dearest: steps
      .toSorted((a, b) => b.gas - a.gas)
      .slice(0, DEAREST)
      .map(({ gas, op, call, slot, precompile }) => {
        const at = slot ?? precompile;
        return { gas, op, name: nameOf(call), ...(at === undefined ? {} : { at }) };
      }),
  };
}

/** Reports as a file: one line per contract, call and instruction, so that a change shows where it is. */
export function formatTraces(traces: Record<string, GasReport>): string {
  const list = (items: readonly unknown[]) =>
    items.map((item) => `\n      ${JSON.stringify(item)}`).join(",");
  const reports = Object.entries(traces).map(([row, { sums, contracts, calls, dearest }]) => {
    const named = Object.entries(contracts).map(
      ([name, kinds]) => `\n      ${JSON.stringify(name)}: ${JSON.stringify(kinds)}`,
    );
    return `  ${JSON.stringify(row)}: {
    "sums": ${JSON.stringify(sums)},
    "contracts": {${named.join(",")}\n    },
    "calls": [${list(calls)}\n    ],
    "dearest": [${list(dearest)}\n    ]
  }`;
  });
  return `{\n${reports.join(",\n")}\n}\n`;
}
