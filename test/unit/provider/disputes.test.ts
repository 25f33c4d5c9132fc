import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { LostRecordInfo, Ticket } from "../../../protocol/chain/disputeTypes.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";
import type { ShardRef } from "../../../protocol/challenge/sample.ts";
import type { ShardAnswer } from "../../../protocol/disputes/answer.ts";
import { drawnShards } from "../../../protocol/disputes/draw.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createActs } from "../../../provider/acts.ts";
import { createDisputes } from "../../../provider/disputes/disputes.ts";
import type { Transactions } from "../../../provider/transactions.ts";
import { hash, SETTLEMENT } from "./support.ts";

const OWN = 7;
const DEADLINE = 1_000;
const DEADLINE_BLOCK = 50;
const entries = Array.from({ length: 6 }, (_, index) => ({
  orderId: hash(`order ${index}`),
  slot: index,
  stripe: 10 + index,
  since: 1,
  until: 5,
  stripes: 20,
}));

function makeRecord(change: Partial<LostRecordInfo> = {}): LostRecordInfo {
  return {
    provider: OWN,
    epoch: 4,
    part: 0,
    draw: hash("draw"),
    deadline: DEADLINE,
    deadlineBlock: DEADLINE_BLOCK,
    isProtected: false,
    status: "open",
    entries,
    block: 40,
    ...change,
  };
}

function makeTicket(change: Partial<Ticket> = {}): Ticket {
  return {
    id: 3n,
    orderId: hash("order"),
    slot: 2,
    stripe: 1,
    providerId: OWN,
    since: 0,
    until: 0,
    challenger: SETTLEMENT,
    bond: 1n,
    deadline: BigInt(DEADLINE),
    deadlineBlock: BigInt(DEADLINE_BLOCK),
    draw: hash("ticket draw"),
    ownerLane: false,
    asBlob: false,
    ...change,
  };
}

/** Provider 7 on a chain that a test writes by hand. */
function start(
  options: { records?: LostRecordInfo[]; tickets?: Ticket[]; gone?: (shard: ShardRef) => boolean } = {},
) {
  const world = {
    head: { number: 45, timestamp: 900 },
    records: options.records ?? [],
    tickets: options.tickets ?? [],
    gone: options.gone ?? (() => false),
    fails: undefined as MemoError | undefined,
    minedAt: 46,
  };
  const sent: { name: string; args: readonly unknown[] }[] = [];
  const answered: ShardRef[] = [];
  const outcomes: string[] = [];
  const logger = createSilentLogger();
  const send = (async ({ functionName, args }: { functionName: string; args: readonly unknown[] }) => {
    if (world.fails !== undefined) throw world.fails;
    sent.push({ name: functionName, args });
    return { minedAt: world.minedAt };
  }) as unknown as Transactions["send"];
  const create = () => {
    const acts = createActs({ head: () => world.head.number, logger });
    const disputes = createDisputes({
      view: {
        state: () =>
          ({
            head: world.head,
            disputes: SETTLEMENT,
            lost: new Map(world.records.map((record) => [`${record.epoch}/${record.part}`, record])),
            directChallenges: new Map(world.tickets.map((ticket) => [ticket.id, { ticket, block: 1 }])),
          }) as unknown as GroupState,
        self: () => ({
          id: OWN,
          ask: 1n,
          domain: hash("domain"),
          freeStake: 0n,
          lockable: 0n,
          jailedUntil: 0,
          exiting: false,
        }),
      },
      acts,
      transactions: { send },
      async answer(shard) {
        if (world.gone(shard)) return undefined;
        answered.push(shard);
        return { stripe: shard.stripe } as unknown as ShardAnswer;
      },
      observe: (kind, outcome) => outcomes.push(`${kind} ${outcome}`),
      logger,
    });
    const run = async () => {
      disputes.run();
      while (acts.pending() > 0) await turn();
    };
    return { disputes, run };
  };
  return { world, sent, answered, outcomes, create, ...create() };
}

describe("a lost record against this provider", () => {
  it("is appealed with answers for the drawn entries, in drawing order, and all its entries", async () => {
    const record = makeRecord();
    const { run, sent, outcomes } = start({ records: [record] });
    await run();
    const drawn = drawnShards(record.draw, entries).map(({ stripe }) => stripe);
    assert.equal(drawn.length, 4);
    const [provider, epoch, part, given, answers] = sent[0]!.args as [
      number,
      number,
      number,
      unknown,
      ShardAnswer[],
    ];
    assert.deepEqual([sent.length, sent[0]!.name, provider, epoch, part], [1, "appeal", OWN, 4, 0]);
    assert.deepEqual(given, entries);
    assert.deepEqual(
      answers.map(({ stripe }) => stripe),
      drawn,
    );
    assert.deepEqual(outcomes, ["appeal answered"]);
  });

  it("needs no appeal when it is another's, protected, appealed or closed", async () => {
    const records = [
      makeRecord({ provider: OWN + 1 }),
      makeRecord({ epoch: 5, isProtected: true, status: "protected" }),
      makeRecord({ epoch: 6, status: "appealed" }),
      makeRecord({ epoch: 7, status: "closed" }),
    ];
    const { run, sent } = start({ records });
    await run();
    assert.deepEqual(sent, []);
  });

  it("can be appealed until both the time and the block of its deadline are over", async () => {
    for (const [number, timestamp, inTime] of [
      [DEADLINE_BLOCK, DEADLINE + 1, true],
      [DEADLINE_BLOCK + 1, DEADLINE, true],
      [DEADLINE_BLOCK + 1, DEADLINE + 1, false],
    ] as const) {
      const { world, run, sent, outcomes } = start({ records: [makeRecord()] });
      world.head = { number, timestamp };
      await run();
      await run();
      assert.equal(sent.length > 0, inTime, `${number} ${timestamp}`);
      assert.deepEqual(outcomes, [inTime ? "appeal answered" : "appeal late"]);
    }
  });

  it("is appealed again only when final state shows the block and still no appeal", async () => {
    const { world, run, sent } = start({ records: [makeRecord()] });
    await run();
    await run();
    assert.equal(sent.length, 1);
    world.head = { number: 46, timestamp: 905 };
    await run();
    assert.equal(sent.length, 2, "a reorganisation has taken it back");
    world.records = [makeRecord({ status: "appealed" })];
    await run();
    assert.equal(sent.length, 2);
  });

  it("with few entries is appealed for more shards of their slots", async () => {
    const record = makeRecord({ entries: entries.slice(0, 1) });
    const { run, sent, answered } = start({ records: [record] });
    await run();
    const stripes = drawnShards(record.draw, record.entries).map(({ stripe }) => stripe);
    assert.equal(stripes[0], 10);
    assert.equal(new Set(stripes).size, 4);
    assert.deepEqual(
      answered.map(({ orderId, slot, stripe }) => [orderId, slot, stripe]),
      stripes.map((stripe) => [entries[0]!.orderId, 0, stripe]),
    );
    assert.equal((sent[0]!.args[4] as unknown[]).length, 4);
  });

  it("is tried again while it fails, and by the next run of the program", async () => {
    const { world, run, create, sent } = start({ records: [makeRecord()] });
    world.fails = new MemoError("CHAIN_UNAVAILABLE", "down", { retryable: true });
    await run();
    await run();
    assert.deepEqual(sent, []);
    world.fails = undefined;
    await create().run();
    assert.equal(sent.length, 1);
  });

  it("is not appealed when a drawn shard is gone; what is gone is told, and looked for again", async () => {
    const record = makeRecord();
    const drawn = drawnShards(record.draw, entries).map(({ index }) => entries[index]!);
    const missing = drawn[1]!;
    const { world, run, sent, outcomes, disputes } = start({
      records: [record],
      gone: (shard) => shard.stripe === missing.stripe,
    });
    await run();
    await run();
    assert.deepEqual(sent, []);
    assert.deepEqual(outcomes, ["appeal lost"]);
    assert.deepEqual(disputes.reports()[0]?.missing, [
      `${missing.orderId}:${missing.slot}:${missing.stripe}`,
    ]);
    world.gone = () => false;
    await run();
    assert.equal(sent.length, 1);
    assert.deepEqual(outcomes, ["appeal lost", "appeal answered"]);
  });

  it("does not need entries that are not drawn", async () => {
    const record = makeRecord();
    const drawn = new Set(drawnShards(record.draw, entries).map(({ index }) => index));
    const { run, sent } = start({
      records: [record],
      gone: (shard) => !drawn.has(entries.findIndex(({ stripe }) => stripe === shard.stripe)),
    });
    await run();
    assert.equal(sent.length, 1);
  });
});

describe("a direct challenge", () => {
  it("to this provider is answered for its shard", async () => {
    const ticket = makeTicket();
    const { run, sent, answered, outcomes } = start({
      tickets: [ticket, makeTicket({ id: 4n, providerId: 8 })],
    });
    await run();
    assert.deepEqual(
      sent.map(({ name, args }) => [name, args[0]]),
      [["respond", ticket]],
    );
    assert.deepEqual(
      answered.map(({ orderId, slot, stripe }) => [orderId, slot, stripe]),
      [[ticket.orderId, 2, 1]],
    );
    assert.deepEqual(outcomes, ["challenge answered"]);
  });

  it("that wants the shard as a blob is not answered without one, and counts as late in the end", async () => {
    const { world, run, sent, outcomes } = start({ tickets: [makeTicket({ asBlob: true })] });
    await run();
    assert.deepEqual([sent, outcomes], [[], []]);
    world.head = { number: DEADLINE_BLOCK + 1, timestamp: DEADLINE + 1 };
    await run();
    assert.deepEqual([sent, outcomes], [[], ["challenge late"]]);
  });

  it("is late only when time and block of its deadline are over", async () => {
    for (const [number, timestamp, inTime] of [
      [DEADLINE_BLOCK, DEADLINE + 1, true],
      [DEADLINE_BLOCK + 1, DEADLINE, true],
      [DEADLINE_BLOCK + 1, DEADLINE + 1, false],
    ] as const) {
      const { world, run, sent } = start({ tickets: [makeTicket()] });
      world.head = { number, timestamp };
      await run();
      assert.equal(sent.length, inTime ? 1 : 0);
    }
  });

  it("does not wait for a record, nor a record for it", async () => {
    const { run, sent } = start({
      records: [makeRecord()],
      tickets: [makeTicket()],
      gone: ({ stripe }) => stripe >= 10,
    });
    await run();
    assert.deepEqual(
      sent.map(({ name }) => name),
      ["respond"],
    );
  });
});
