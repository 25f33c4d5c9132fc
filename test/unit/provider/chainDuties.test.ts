import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { CertificateInfo, GroupState, Milestone, SetSlot } from "../../../protocol/chain/groupTypes.ts";
import type { FieldPool } from "../../../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../../../protocol/kzg/kzg.ts";
import type { Points } from "../../../protocol/kzg/points.ts";
import { resultsRoot } from "../../../protocol/results/results.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createChainDuties } from "../../../provider/chainDuties.ts";
import type { ChainView } from "../../../provider/chainView.ts";
import type { ProviderStore } from "../../../provider/store/store.ts";
import { hash, makeDirectory, openStore, operatorAccount, SETTLEMENT } from "./support.ts";

const leaves = [{ provider: 7, verdict: 2 as const, cover: Uint8Array.of(0), parts: [] }];
const slot: SetSlot = {
  orderId: hash("order"),
  slot: 0,
  provider: 7,
  stripes: 5,
  sequence: 0,
  shardRoot: hash("root"),
  since: 0,
  changed: false,
};

function makeCertificate(applied: number): CertificateInfo {
  return { epoch: 1, exceptions: 1, applied, resultsRoot: resultsRoot(leaves) } as unknown as CertificateInfo;
}

/** Duties of provider 7 on a chain on which somebody missed epoch 1. */
function startDuties(
  store: ProviderStore,
  chain: { applied: number; missed: readonly number[]; signs?: boolean },
) {
  let asked = 0;
  const outcomes: string[] = [];
  const state = {
    parameters: { samples: 3 },
    certificates: new Map([[1, makeCertificate(chain.applied)]]),
    missed: new Map([[1, chain.missed]]),
  } as unknown as GroupState;
  const view = {
    chainId: 31337,
    group: SETTLEMENT,
    state: () => state,
    providerId: () => 7,
    signsProofs: () => chain.signs ?? true,
    keeperEndpoints: () => ["keeper"],
  } as unknown as ChainView;
  const duties = createChainDuties({
    // Nothing is held here, so nothing is ever computed.
    answer: {
      store,
      account: operatorAccount,
      kzg: {} as Kzg,
      points: {} as Points,
      fieldPool: {} as FieldPool,
      readShard: async () => new Uint8Array(),
    },
    view,
    async getResults() {
      asked++;
      return { leaves, total: 1 };
    },
    publish: async () => 0,
    submit: async () => ({}),
    observe: (outcome) => outcomes.push(outcome),
    logger: createSilentLogger(),
  });
  const start = (epoch: number, before: object): Milestone => ({
    type: "epochStarted",
    epoch,
    set: { epoch, slots: [slot], byProvider: new Map([[7, [slot]]]), block: 1 },
    before: before as GroupState,
  });
  const seed = (epoch: number): Milestone => ({ type: "seed", epoch, seed: hash(`seed ${epoch}`), block: 1 });
  const run = async () => {
    duties.run();
    while (duties.pending() > 0) await turn();
  };
  const cutoff = (epoch: number): Milestone => ({ type: "cutoff", epoch, block: 1, before: state });
  duties.apply([start(1, { certificates: new Map() }), seed(1), cutoff(1)]);
  duties.apply([start(2, state), seed(2)]);
  return { duties, run, seed, cutoff, asked: () => asked, outcomes };
}

describe("duties by the chain's milestones", () => {
  it("do not ask keepers when the chain itself says that this provider did not miss", async (t) => {
    const store = await openStore(makeDirectory(t));
    t.after(() => store.close());
    const { run, asked, outcomes } = startDuties(store, { applied: 1, missed: [3] });
    await run();
    assert.equal(asked(), 0);
    assert.deepEqual(outcomes, ["nothing"]);
  });

  it("ask for the cover when this provider missed, or that is not known yet, and remember it", async (t) => {
    for (const chain of [
      { applied: 1, missed: [3, 7] },
      { applied: 0, missed: [] },
    ]) {
      const store = await openStore(makeDirectory(t));
      t.after(() => store.close());
      const first = startDuties(store, chain);
      await first.run();
      assert.equal(first.asked(), 1);
      const restarted = startDuties(store, chain);
      await restarted.run();
      assert.equal(restarted.asked(), 0);
    }
  });

  it("are left alone while this key may not sign the provider's proofs", async (t) => {
    const store = await openStore(makeDirectory(t));
    t.after(() => store.close());
    const chain = { applied: 1, missed: [], signs: false };
    const { run, outcomes } = startDuties(store, chain);
    await run();
    assert.deepEqual(outcomes, []);
    chain.signs = true;
    await run();
    assert.deepEqual(outcomes, ["nothing"], "as soon as it may");
  });

  it("are open from the seed to the cut-off of epochs in which this provider has slots", async (t) => {
    const store = await openStore(makeDirectory(t));
    t.after(() => store.close());
    const { duties, seed, cutoff } = startDuties(store, { applied: 1, missed: [] });
    assert.deepEqual(duties.openEpochs(), [2]);
    duties.apply([seed(9)]);
    assert.deepEqual(duties.openEpochs(), [2]);
    duties.apply([cutoff(2)]);
    assert.deepEqual(duties.openEpochs(), []);
  });
});
