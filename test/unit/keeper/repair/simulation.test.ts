import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BYZANTINE_STYLES } from "../../../sim/consensus/byzantine.ts";
import { type RepairSimulation, simulateRepairs } from "../../../sim/repair/simulateRepairs.ts";

const RUNS = 32;
const EPOCHS = 18;

describe("faults found and slots moved by keepers of whom one is faulty", () => {
  it("agree among themselves and with an oracle, whatever the network, the chain and the faulty one do", async (t) => {
    const first = Number(process.env.SEED ?? 1);
    const runs: RepairSimulation[] = [];
    for (let seed = first; seed < first + RUNS; seed++) {
      const run = await simulateRepairs({ seed, members: 4, epochs: EPOCHS });
      assert.deepEqual(run.violations, [], `seed ${seed}, the faulty keeper is ${run.style}`);
      runs.push(run);
    }
    const sum = (of: (run: RepairSimulation) => number) => runs.reduce((total, run) => total + of(run), 0);
    const totals = {
      ...{ lost: sum(({ lost }) => lost), offers: sum(({ offers }) => offers) },
      ...{ accepted: sum(({ accepted }) => accepted), gaps: sum(({ gaps }) => gaps) },
      ...{ late: sum(({ late }) => late), equivocations: sum(({ equivocations }) => equivocations) },
    };
    t.diagnostic(`seeds ${first}…${first + RUNS - 1}, ${EPOCHS} epochs each: ${JSON.stringify(totals)}`);
    // A world in which nothing happens would prove nothing.
    assert.ok(Object.values(totals).every((total) => total > 20));
    if (process.env.SEED === undefined) {
      const styles = new Set(runs.map(({ style }) => style));
      assert.deepEqual(
        [...BYZANTINE_STYLES, "down"].filter((style) => !styles.has(style as never)),
        [],
      );
    }
  });

  it("replay a seed exactly", async () => {
    const once = () => simulateRepairs({ seed: 7, members: 4, epochs: 8 });
    assert.deepEqual(await once(), await once());
  });
});
