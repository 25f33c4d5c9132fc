import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type * as DriverModule from "../../../keeper/consensus/driver.ts";
import type * as MachineModule from "../../../keeper/consensus/machine.ts";
import { type SimulationResult, SUBJECT, type Subject, simulate } from "../../sim/consensus/simulate.ts";
import { loadMutant } from "../../sim/mutant.ts";

const machine = new URL("../../../keeper/consensus/machine.ts", import.meta.url);
const driver = new URL("../../../keeper/consensus/driver.ts", import.meta.url);

async function run(from: number, runs: number, subject: Subject = SUBJECT): Promise<SimulationResult[]> {
  const results: SimulationResult[] = [];
  for (let seed = from; seed < from + runs; seed++) {
    results.push(await simulate({ seed, members: seed % 2 === 0 ? 4 : 7, subject }));
  }
  return results;
}

/** Runs seeds until one breaks a property that matches; says how many it took. */
async function seedsUntilCaught(subject: Subject, expected: RegExp, from = 1): Promise<number> {
  for (let seed = from; seed < from + 400; seed++) {
    const { violations } = await simulate({ seed, members: seed % 2 === 0 ? 4 : 7, subject });
    if (violations.some((violation) => expected.test(violation))) return seed;
  }
  return Number.POSITIVE_INFINITY;
}

describe("consensus under simulated networks, crashes and byzantine keepers", () => {
  it("keeps agreement, validity, single signatures and liveness in 600 seeded schedules", async (t) => {
    const results = await run(1, 600);
    for (const { seed, violations } of results) {
      assert.deepEqual(violations, [], `seed ${seed} (members ${seed % 2 === 0 ? 4 : 7})`);
    }
    const crashes = results.reduce((sum, result) => sum + result.crashes, 0);
    const late = results.filter(({ round }) => round > 0).length;
    t.diagnostic(`seeds 1…600, ${crashes} crashes, ${late} epochs decided after round 0`);
    // A network that never hurts would prove nothing.
    assert.ok(crashes > 300 && late > 300);
  });

  it("replays a seed exactly", async () => {
    assert.deepEqual(await simulate({ seed: 42, members: 7 }), await simulate({ seed: 42, members: 7 }));
  });
});

describe("mutants of the consensus that the simulation catches", () => {
  it("a quorum of one vote less breaks agreement", async (t) => {
    const { createInstance } = await loadMutant<typeof MachineModule>(
      machine,
      "const quorum = quorumOf(members);",
      "const quorum = quorumOf(members) - 1;",
    );
    const seeds = await seedsUntilCaught(
      { ...SUBJECT, createInstance },
      /two different certificates|without a quorum/,
    );
    t.diagnostic(`caught at seed ${seeds}`);
    assert.notEqual(seeds, Number.POSITIVE_INFINITY);
  });

  it("a lock that a restart forgets breaks agreement", async (t) => {
    const { createInstance } = await loadMutant<typeof MachineModule>(
      machine,
      "let lock: Lock | null = restored?.lock ?? null;",
      "let lock: Lock | null = null as Lock | null;",
    );
    const seeds = await seedsUntilCaught({ ...SUBJECT, createInstance }, /two different certificates/, 1_600);
    t.diagnostic(`caught at seed ${seeds}`);
    assert.notEqual(seeds, Number.POSITIVE_INFINITY);
  });

  it("members that do not lock what they saw prepared break agreement", async (t) => {
    const { createInstance } = await loadMutant<typeof MachineModule>(
      machine,
      'out.push({ type: "vote", draft: { type: "commit", epoch, certificate, member: self }, lock });',
      'out.push({ type: "vote", draft: { type: "commit", epoch, certificate, member: self } }); lock = null;',
    );
    const seeds = await seedsUntilCaught({ ...SUBJECT, createInstance }, /two different certificates/);
    t.diagnostic(`caught at seed ${seeds}`);
    assert.notEqual(seeds, Number.POSITIVE_INFINITY);
  });

  it("a vote that leaves before it is in the journal is signed twice", async (t) => {
    const { createDriver } = await loadMutant<typeof DriverModule>(
      driver,
      `    const digest = signer.digest(draft);
    try {`,
      `    const digest = signer.digest(draft);
    deps.broadcast({ ...draft, signature: await signer.sign(draft) } as Vote);
    try {`,
    );
    const seeds = await seedsUntilCaught({ ...SUBJECT, createDriver }, /signed two/);
    t.diagnostic(`caught at seed ${seeds}`);
    assert.notEqual(seeds, Number.POSITIVE_INFINITY);
  });
});
