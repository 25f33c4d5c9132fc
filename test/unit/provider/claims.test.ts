import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { LostRecordInfo, VacancyInfo } from "../../../protocol/chain/disputeTypes.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createActs } from "../../../provider/acts.ts";
import { createClaims, passedEpoch } from "../../../provider/repair/claims.ts";
import type { Transactions } from "../../../provider/transactions.ts";
import { createRepairWorld, makeSlot, OWN } from "./repairSupport.ts";
import { hash } from "./support.ts";

const SLOT = 3;
const UNTIL = 22;

/** Provider 77 has repaired slot 3, which provider 4 lost in epoch 22, and holds it since epoch 24. */
function start(of: {
  vacancy?: Partial<VacancyInfo>;
  record?: Partial<LostRecordInfo>;
  holder?: number;
  missed?: number[];
  lastFinished?: number;
  head?: { number: number; timestamp: number };
}) {
  const repair = createRepairWorld({ stripes: 1 });
  const { holder = OWN } = of;
  repair.world.slots[SLOT] = makeSlot(SLOT, { holder, since: 24, former: 4, until: UNTIL, changed: true });
  const vacancy = {
    orderId: repair.id,
    slot: SLOT,
    until: UNTIL,
    pot: 5n,
    reserved: 3n,
    closed: true,
    slashed: true,
  };
  const record = {
    provider: 4,
    epoch: 21,
    part: 0,
    draw: hash("draw"),
    deadline: 1_000,
    deadlineBlock: 50,
    isProtected: false,
    status: "open",
    entries: [{ orderId: repair.id, slot: SLOT, stripe: 0, since: 20, until: UNTIL }],
    block: 40,
    ...of.record,
  };
  const { lastFinished = 24 } = of;
  const finished = new Map(
    Array.from({ length: lastFinished + 1 }, (_, epoch) => [
      epoch,
      { lapsed: epoch === 25, gap: 0, dead: 0 },
    ]),
  );
  const state = {
    ...repair.state(),
    head: of.head ?? { number: 51, timestamp: 1_001 },
    lastFinished,
    finished,
    missed: new Map((of.missed ?? []).map((epoch) => [epoch, [OWN]])),
    vacancies: new Map([["k", { ...vacancy, ...of.vacancy }]]),
    lost: new Map([["k", record]]),
  } as unknown as GroupState;
  const sent: [string, readonly unknown[]][] = [];
  const logger = createSilentLogger();
  const acts = createActs({ head: () => 51, logger });
  const claims = createClaims({
    view: { state: () => state, self: repair.view.self },
    acts,
    transactions: {
      send: (async ({ functionName, args }: { functionName: string; args: readonly unknown[] }) => {
        sent.push([functionName, args]);
        return { minedAt: 52 };
      }) as unknown as Transactions["send"],
    },
    onBonus: () => undefined,
    logger,
  });
  const run = async () => {
    claims.run();
    while (acts.pending() > 0) await turn();
    return sent.map(([name]) => name);
  };
  return { run, sent, state, order: repair.order };
}

describe("the bonus of a repair", () => {
  it("is claimed with the first epoch that was passed, once the dispute is closed", async () => {
    const { run, sent, order } = start({ record: { status: "closed" } });
    assert.deepEqual(await run(), ["claimBonus"]);
    assert.deepEqual(sent[0]?.[1], [order, SLOT, UNTIL, 24]);
    assert.deepEqual(await run(), ["claimBonus"], "once");
  });

  it("waits for the end of the dispute, for a passed epoch, and is nobody else's", async () => {
    const record = { status: "closed" as const };
    assert.deepEqual(await start({ record, vacancy: { closed: false } }).run(), []);
    assert.deepEqual(await start({ record, lastFinished: 23 }).run(), []);
    assert.deepEqual(await start({ record, missed: [24] }).run(), []);
    assert.deepEqual(await start({ record, holder: 9 }).run(), []);
    assert.deepEqual(await start({ record, vacancy: { until: UNTIL - 1 } }).run(), []);
    assert.deepEqual(await start({ record, vacancy: { pot: 0n, reserved: 0n } }).run(), []);
    assert.deepEqual(await start({ record, vacancy: { pot: 0n } }).run(), ["claimBonus"]);
  });

  it("counts no epoch that was missed, lapsed, or not certified", () => {
    const { state } = start({ missed: [24], lastFinished: 26 });
    assert.equal(passedEpoch(state, OWN, 24), 26);
    assert.equal(passedEpoch({ ...state, lastFinished: 25 }, OWN, 24), undefined);
    assert.equal(passedEpoch(state, OWN, 23), 23);
    assert.equal(passedEpoch(start({ lastFinished: 24 }).state, OWN, 24), 24);
  });
});

describe("a lost record whose window is over", () => {
  const open = { vacancy: { closed: false } };

  it("is closed by who repaired a slot of it", async () => {
    const { run, sent, order } = start(open);
    assert.deepEqual(await run(), ["closeRecord"]);
    assert.deepEqual(sent[0]?.[1].slice(0, 3), [4, 21, 0]);
    assert.deepEqual(sent[0]?.[1][4], [order]);
  });

  it("is not closed before both time and block of its deadline are over", async () => {
    assert.deepEqual(await start({ ...open, head: { number: 50, timestamp: 1_001 } }).run(), []);
    assert.deepEqual(await start({ ...open, head: { number: 51, timestamp: 1_000 } }).run(), []);
  });

  it("is closed by who appealed it or is protected, to have its collateral back, not by who is to be slashed", async () => {
    for (const [status, closes] of [
      ["appealed", true],
      ["protected", true],
      ["open", false],
      ["closed", false],
    ] as const) {
      const { run } = start({ holder: 9, record: { provider: OWN, status } });
      assert.deepEqual(await run(), closes ? ["closeRecord"] : [], status);
    }
  });
});
