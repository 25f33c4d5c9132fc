import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { MemoError } from "../../../protocol/errors.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import type { ProofMessage } from "../../../protocol/wire/proofMessage.ts";
import { createDuties } from "../../../provider/prove/duties.ts";
import { hash } from "./support.ts";

const SEED = hash("seed");
const shard = { orderId: hash("order"), slot: 0, stripe: 0 };

function makeMessage(epoch: number): ProofMessage {
  const [cover, parts] = [Uint8Array.of(1), []];
  return {
    v: 1,
    epoch,
    provider: 7,
    cover,
    parts,
    openings: hash("openings"),
    signature: `0x${"00".repeat(64)}`,
  };
}

/** Duties with a world around them that a test can break. */
function startDuties(beforeProof?: (message: ProofMessage) => Promise<void>) {
  const world = {
    answers: 0,
    published: 0,
    submitted: [] as string[],
    down: new Set<string>(),
    outcomes: [] as string[],
    challenge: async (): Promise<readonly (typeof shard)[]> => [shard],
    answer: async (epoch: number, _signal: AbortSignal): Promise<ProofMessage | undefined> =>
      makeMessage(epoch),
    publish: async () => 1,
  };
  const duties = createDuties({
    challenge: () => world.challenge(),
    async answer(epoch, _seed, _challenge, signal) {
      world.answers++;
      const message = await world.answer(epoch, signal);
      return message && { message, uncovered: [] };
    },
    publish: () => {
      world.published++;
      return world.publish();
    },
    keepers: () => ["k1", "k2"],
    async submit(endpoint) {
      if (world.down.has(endpoint)) throw new MemoError("RPC_UNREACHABLE", "down");
      world.submitted.push(endpoint);
    },
    observe: (outcome) => world.outcomes.push(outcome),
    beforeProof,
    logger: createSilentLogger(),
  });
  const settle = async () => {
    while (duties.pending() > 0) await turn();
  };
  return { world, duties, settle };
}

describe("duties", () => {
  it("answer a challenge once and bring it to every keeper", async () => {
    const { world, duties, settle } = startDuties();
    duties.open(5, SEED);
    for (let block = 0; block < 3; block++) {
      duties.run();
      await settle();
    }
    assert.equal(world.answers, 1);
    assert.equal(world.published, 1);
    assert.deepEqual(world.submitted, ["k1", "k2"]);
    assert.deepEqual(world.outcomes, ["answered"]);
  });

  it("count as pending from the block on that lets them begin", async () => {
    const { duties, settle } = startDuties();
    duties.open(5, SEED);
    assert.equal(duties.pending(), 0);
    duties.run();
    assert.equal(duties.pending(), 1);
    await settle();
    assert.equal(duties.pending(), 0);
  });

  it("go back at the next block to the keepers that did not take the proof, and only to these", async () => {
    const { world, duties, settle } = startDuties();
    world.down.add("k2");
    duties.open(5, SEED);
    duties.run();
    await settle();
    assert.deepEqual(world.submitted, ["k1"]);
    world.down.clear();
    duties.run();
    await settle();
    assert.deepEqual(world.submitted, ["k1", "k2"]);
  });

  it("try again at the next block what failed, also when only the challenge could not be known", async () => {
    const { world, duties, settle } = startDuties();
    const { challenge, answer } = world;
    world.challenge = async () => {
      throw new MemoError("RESULTS_UNAVAILABLE", "no keeper answers");
    };
    duties.open(5, SEED);
    duties.run();
    await settle();
    world.challenge = challenge;
    world.answer = async () => {
      throw new MemoError("SHARDS_UNSTABLE", "the disk is ill");
    };
    duties.run();
    await settle();
    world.answer = answer;
    duties.run();
    await settle();
    assert.deepEqual(world.outcomes, ["failed", "failed", "answered"]);
  });

  it("reach keepers directly when gossip fails", async () => {
    const { world, duties, settle } = startDuties();
    world.publish = async () => {
      throw new Error("nobody listens");
    };
    duties.open(5, SEED);
    duties.run();
    await settle();
    assert.deepEqual(world.submitted, ["k1", "k2"]);
  });

  it("end at the cut-off: what runs is aborted, and nothing more is sent", async () => {
    const { world, duties, settle } = startDuties();
    world.answer = (_epoch, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    duties.open(5, SEED);
    duties.run();
    await turn();
    duties.close(5);
    await settle();
    duties.run();
    assert.equal(duties.pending(), 0);
    assert.deepEqual(world.submitted, []);
    assert.deepEqual(world.outcomes, []);
  });

  it("send nothing when nothing can be proven", async () => {
    const { world, duties, settle } = startDuties();
    world.answer = async () => undefined;
    duties.open(5, SEED);
    duties.run();
    await settle();
    assert.equal(world.published, 0);
    assert.deepEqual(world.outcomes, ["nothing"]);
  });

  it("are held back as long as a test wants, without counting as pending, and leave then", async () => {
    const gate = Promise.withResolvers<void>();
    const held: number[] = [];
    const { world, duties, settle } = startDuties((message) => {
      held.push(message.epoch);
      return gate.promise;
    });
    duties.open(4, SEED);
    duties.run();
    while (held.length === 0) await turn();
    await settle();
    assert.equal(duties.holdsBack(4), true);
    duties.run();
    assert.deepEqual([held, world.published, world.submitted], [[4], 0, []]);
    gate.resolve();
    while (world.submitted.length < 2) await turn();
    await settle();
    assert.deepEqual([world.published, duties.holdsBack(4)], [1, false]);
  });

  it("never leave when they are held back past the cut-off", async () => {
    const { world, duties, settle } = startDuties(() => new Promise<never>(() => undefined));
    duties.open(4, SEED);
    duties.run();
    while (!duties.holdsBack(4)) await turn();
    duties.close(4);
    await turn();
    await settle();
    assert.deepEqual([world.published, world.submitted, duties.holdsBack(4)], [0, [], false]);
    await duties.stop();
  });
});
