import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { formatPeers, isCheaperThere, PEERS } from "./gas/peers.ts";
import type { BenchRow } from "./row.ts";

const SNAPSHOT = fileURLToPath(new URL("../../snapshots/gas.json", import.meta.url));

/** What each call may cost, as the design sets it; a call that is not here has no budget. */
const BUDGETS: Record<string, number> = {
  "certify 7 of 10": 100_000,
  "certify 7 of 10, one absent": 100_000,
  "certify 21 of 31": 165_000,
  "certify 21 of 31, one absent": 165_000,
  "exceptions: missed leaf": 30_000,
  "exceptions: missed leaf, first of 256 epochs": 30_000,
  "exceptions: fixed part": 45_000,
  "exceptions: lost leaf, without its slots": 50_000,
  "exceptions: evicted slot": 40_000,
  "exceptions: offer leaf": 40_000,
  "appeal, one shard": 130_000,
  "appeal, each further shard": 80_000,
  "direct challenge and response": 240_000,
  equivocation: 100_000,
  "open, 9 slots, per slot": 30_000,
  "open, 20 slots, per slot": 24_000,
  "settle, 9 slots, per slot": 15_000,
  "settle, 20 slots, per slot": 15_000,
  "register provider": 150_000,
  "register keeper": 150_000,
};

/** Gas of each call as a snapshot has it, beside its budget and what the nearest call of other systems takes. */
export function gasRows(snapshot: Readonly<Record<string, number>>): BenchRow[] {
  return Object.entries(snapshot).map(([name, gas]) => {
    const [budget, peers] = [BUDGETS[name], PEERS[name]];
    return {
      ...{ area: "gas", name, value: gas, unit: "gas" },
      ...(budget === undefined ? {} : { goal: `≤ ${budget.toLocaleString("en-US")}`, met: gas <= budget }),
      ...(peers === undefined
        ? {}
        : {
            compared: formatPeers(gas, peers),
            peers: peers.map((peer) => ({ ...peer, cheaper: isCheaperThere(gas, peer) })),
          }),
    };
  });
}

/** Gas as the contracts' tests measured it last; `npm test` fails when it drifts. */
export async function measure(): Promise<BenchRow[]> {
  return gasRows(JSON.parse(await readFile(SNAPSHOT, "utf8")) as Record<string, number>);
}
