import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Hex,
  keccak256,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  stringToBytes,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createChallenges } from "../../../keeper/challenge/challenges.ts";
import { createCollector } from "../../../keeper/challenge/collector.ts";
import { createEpochProofs } from "../../../keeper/challenge/epochProofs.ts";
import { createOpeningsCache } from "../../../keeper/challenge/openings.ts";
import type { RepairContext } from "../../../keeper/repair/context.ts";
import { openKeeperStore } from "../../../keeper/store.ts";
import { settlementDomain } from "../../../protocol/certificate.ts";
import type { CertificateInfo, EpochSet, GroupState, SetSlot } from "../../../protocol/chain/groupTypes.ts";
import { shardKey } from "../../../protocol/challenge/sample.ts";
import type { Points } from "../../../protocol/kzg/points.ts";
import { exceptionsOf } from "../../../protocol/results/exceptions.ts";
import type { ResultLeaf } from "../../../protocol/results/results.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { PROOF_TYPES, type ProofMessage, proofStruct } from "../../../protocol/wire/proofMessage.ts";

const group: Hex = `0x${"cc".repeat(20)}`;
const chainId = 31_337;
const SAMPLES = 2;
const hash = (text: string): Hex => keccak256(stringToBytes(text));

function slot(provider: number, order: string, stripes = 50): SetSlot {
  return {
    orderId: hash(order),
    slot: provider,
    provider,
    stripes,
    sequence: 0,
    shardRoot: hash(`${order} root`),
    since: 0,
    changed: false,
  };
}

function setOf(epoch: number, slots: readonly SetSlot[]): EpochSet {
  return { epoch, slots, byProvider: Map.groupBy(slots, ({ provider }) => provider), block: epoch };
}

function stateWith(certificates: readonly Partial<CertificateInfo>[]): GroupState {
  return {
    certificates: new Map(certificates.map((each) => [each.epoch!, each])),
    parameters: { freezeShare: 5_000 },
  } as unknown as GroupState;
}

describe("what an epoch asks", () => {
  const slots = [slot(2, "a"), slot(1, "a")];
  const missed: ResultLeaf = { provider: 1, verdict: 2, cover: Uint8Array.of(0), parts: [] };
  const passed: ResultLeaf = { provider: 2, verdict: 1, cover: Uint8Array.of(1), parts: [] };

  function follow(resultsOf: () => Promise<ResultLeaf[]>) {
    const challenges = createChallenges({ chainId, group, samples: SAMPLES, resultsOf });
    challenges.started(setOf(1, slots), stateWith([]));
    challenges.seeded(1, hash("seed 1"));
    challenges.started(setOf(2, slots), stateWith([{ epoch: 1, exceptions: 1 }]));
    challenges.seeded(2, hash("seed 2"));
    challenges.started(
      setOf(3, slots),
      stateWith([
        { epoch: 1, exceptions: 1 },
        { epoch: 2, exceptions: 0 },
      ]),
    );
    challenges.seeded(3, hash("seed 3"));
    return challenges;
  }

  it("is asked of the set's providers in ascending order, and of nobody before the seed", async () => {
    const challenges = follow(async () => [missed, passed]);
    assert.deepEqual((await challenges.challenge(1))?.set, [
      { provider: 1, pairs: 1 },
      { provider: 2, pairs: 1 },
    ]);
    challenges.started(setOf(4, slots), stateWith([]));
    assert.equal(await challenges.challenge(4), undefined);
  });

  it("owes after a missed epoch what that one asked for, and nothing after a passed one", async () => {
    const challenges = follow(async () => [missed, passed]);
    const [first, second, third] = [
      await challenges.challenge(1),
      await challenges.challenge(2),
      await challenges.challenge(3),
    ];
    const asked = first!.byProvider.get(1)!.shards.map(shardKey);
    const again = second!.byProvider.get(1)!.shards.map(shardKey);
    assert.ok(
      asked.every((shard) => again.includes(shard)),
      "what was missed is asked again",
    );
    assert.equal(second!.byProvider.get(2)!.shards.length, SAMPLES);
    assert.equal(third!.byProvider.get(1)!.shards.length, SAMPLES);
  });

  it("is the same for a keeper that computes it late, and waits for results that cannot be had", async () => {
    const early = follow(async () => [missed, passed]);
    for (const epoch of [1, 2, 3]) await early.challenge(epoch);
    let tries = 0;
    const late = follow(async () => {
      if (tries++ === 0) throw new Error("nobody answers");
      return [missed, passed];
    });
    await assert.rejects(late.challenge(3));
    assert.deepEqual(await late.challenge(3), await early.challenge(3));
  });
});

describe("what lost slots and offers follow from", () => {
  const slots = [slot(1, "a"), slot(2, "a")];
  const silent: ResultLeaf = { provider: 1, verdict: 2, cover: Uint8Array.of(0), parts: [] };
  const certified = (...epochs: number[]) => stateWith(epochs.map((epoch) => ({ epoch, exceptions: 1 })));

  /** Epochs 1…5; `at` says which are certified when an epoch starts, and at its cut-off. */
  function follow(at: (epoch: number) => { start: number[]; cutoff: number[] }) {
    const asked: number[] = [];
    const challenges = createChallenges({
      chainId,
      group,
      samples: SAMPLES,
      resultsOf: async ({ epoch }) => {
        asked.push(epoch);
        return [silent];
      },
    });
    for (let epoch = 1; epoch <= 5; epoch++) {
      challenges.started(setOf(epoch, slots), certified(...at(epoch).start));
      challenges.seeded(epoch, hash(`seed ${epoch}`));
      if (epoch < 5) challenges.cutOff(epoch, certified(...at(epoch).cutoff));
    }
    return { challenges, asked };
  }
  const inTime = (epoch: number) => ({
    start: Array.from({ length: Math.max(0, epoch - 2) }, (_, index) => index + 1),
    cutoff: Array.from({ length: epoch - 1 }, (_, index) => index + 1),
  });
  const clocks = (context: RepairContext | undefined) =>
    [...(context?.history.clocks.values() ?? [])].map(({ provider, started, age }) => [
      provider,
      started,
      age,
    ]);

  it("is there once the cut-off is, with every certificate that was on chain then", async () => {
    const { challenges } = follow(inTime);
    assert.equal(await challenges.repairs(5), undefined);
    assert.deepEqual(clocks(await challenges.repairs(1)), []);
    const context = await challenges.repairs(4);
    assert.deepEqual(clocks(context), [[1, 1, 2]]);
    assert.equal(context?.history.through, 3);
  });

  it("leaves out a certificate that came after the cut-off, and counts it in the next epoch", async () => {
    const late = (epoch: number) => ({
      start: inTime(epoch).start,
      cutoff: inTime(epoch).cutoff.filter((each) => !(epoch === 3 && each === 2)),
    });
    const { challenges } = follow(late);
    assert.deepEqual(clocks(await challenges.repairs(3)), [[1, 1, 0]]);
    assert.deepEqual(clocks(await challenges.repairs(4)), [[1, 1, 2]]);
  });

  it("does not count epochs without certificate", async () => {
    const { challenges } = follow((epoch) => {
      const without = (epochs: number[]) => epochs.filter((each) => each !== 2);
      return { start: without(inTime(epoch).start), cutoff: without(inTime(epoch).cutoff) };
    });
    assert.deepEqual(clocks(await challenges.repairs(4)), [[1, 1, 1]]);
  });

  it("is the same for a keeper that asks late, or only then", async () => {
    const early = follow(inTime).challenges;
    const all = [];
    for (const epoch of [1, 2, 3, 4]) all.push(await early.repairs(epoch));
    const late = follow(inTime).challenges;
    await late.challenge(5);
    for (const epoch of [4, 3]) {
      const { history, owed } = (await late.repairs(epoch)) ?? {};
      assert.deepEqual(history, all[epoch - 1]?.history);
      assert.deepEqual(owed, all[epoch - 1]?.owed);
    }
  });

  it("owes every shard of a slot that was taken over, from the new holder's first epoch until it is covered", async () => {
    const taken = { ...slot(3, "a"), since: 2, changed: true };
    const passed: ResultLeaf = { provider: 3, verdict: 1, cover: Uint8Array.of(1), parts: [] };
    const challenges = createChallenges({
      chainId,
      group,
      samples: SAMPLES,
      resultsOf: async () => [passed],
    });
    for (const [epoch, on] of [
      [2, []],
      [3, []],
      [4, [2]],
    ] as const) {
      challenges.started(setOf(epoch, [taken]), certified(...on));
      challenges.seeded(epoch, hash(`seed ${epoch}`));
    }
    const asked = async (epoch: number) =>
      (await challenges.challenge(epoch))!.byProvider.get(3)!.shards.length;
    assert.deepEqual([await asked(2), await asked(3), await asked(4)], [50, 50, SAMPLES]);
  });
});

describe("the collector of proofs", () => {
  const operator = privateKeyToAccount(generatePrivateKey());
  const stranger = privateKeyToAccount(generatePrivateKey());
  /** Replaced within the epoch that is asked about, and in the last second before it. */
  const replaced = privateKeyToAccount(generatePrivateKey());
  const outdated = privateKeyToAccount(generatePrivateKey());

  async function collect() {
    const challenges = createChallenges({ chainId, group, samples: SAMPLES, resultsOf: async () => [] });
    challenges.started(setOf(1, [slot(1, "a"), slot(1, "b")]), stateWith([]));
    challenges.seeded(1, hash("seed 1"));
    const challenge = (await challenges.challenge(1))!;
    const store = openKeeperStore(":memory:");
    const refused: string[] = [];
    let pulled = 0;
    const collector = createCollector({
      chainId,
      group,
      challenge,
      book: createEpochProofs(challenge, store),
      openings: createOpeningsCache({
        sources: [
          async () => {
            pulled++;
            return { points: new Uint8Array(0), orders: [] };
          },
        ],
      }),
      points: {} as Points,
      state: () =>
        ({
          parameters: { genesis: 0, epochLength: 60 },
          providers: new Map([
            [
              1,
              {
                operator: operator.address,
                formerOperators: [
                  { operator: outdated.address, until: 59 },
                  { operator: replaced.address, until: 60 },
                ],
              },
            ],
          ]),
          orders: new Map(),
        }) as unknown as GroupState,
      events: {
        accepted: () => undefined,
        refused: (_provider, code) => refused.push(code),
        verified: () => undefined,
      },
      signal: new AbortController().signal,
      logger: createSilentLogger(),
    });
    return { collector, challenge, refused, pulls: () => pulled };
  }

  async function message(change: Partial<ProofMessage> = {}, account = operator): Promise<ProofMessage> {
    const unsigned = {
      v: 1 as const,
      epoch: 1,
      provider: 1,
      cover: Uint8Array.of(0b11),
      parts: [{ y: new Uint8Array(32), proof: new Uint8Array(48) }],
      openings: hash("openings"),
      ...change,
    };
    const raw = await account.signTypedData({
      domain: settlementDomain(chainId, group),
      types: PROOF_TYPES,
      primaryType: "Proof",
      message: proofStruct(group, unsigned),
    });
    const signature = serializeCompactSignature(signatureToCompactSignature(parseSignature(raw)));
    return { ...unsigned, signature, ...("signature" in change ? { signature: change.signature! } : {}) };
  }

  it("refuses a proof of another epoch, of nobody asked, malformed, or signed by another key", async () => {
    const { collector, challenge, pulls } = await collect();
    assert.equal(challenge.set[0]!.pairs, 2);
    const part = { y: new Uint8Array(32), proof: new Uint8Array(48) };
    const cases: [Partial<ProofMessage>, string][] = [
      [{ epoch: 2 }, "PROOF_FOREIGN"],
      [{ provider: 9 }, "PROVIDER_NOT_CHALLENGED"],
      [{ parts: [part, part] }, "PROOF_MALFORMED"],
      [{ cover: Uint8Array.of(0b111) }, "COVER_MALFORMED"],
      [{ cover: Uint8Array.of(0) }, "PROOF_MALFORMED"],
      [{ signature: `0x${"01".repeat(64)}` }, "PROOF_SIGNATURE_INVALID"],
    ];
    for (const [change, code] of cases) {
      await assert.rejects(collector.submit(await message(change)), { code }, code);
    }
    await assert.rejects(collector.submit(await message({}, stranger)), { code: "PROOF_SIGNATURE_INVALID" });
    await assert.rejects(collector.submit(await message({}, outdated)), { code: "PROOF_SIGNATURE_INVALID" });
    assert.equal(pulls(), 0, "nothing is fetched for what nobody signed");
  });

  it("looks at a proof that was signed with a key which was replaced in its epoch", async () => {
    const { collector } = await collect();
    await assert.rejects(collector.submit(await message({}, replaced)), { code: "OPENINGS_UNAVAILABLE" });
  });

  it("works on a bounded number of proofs of one provider, and on further ones after them", async () => {
    const { collector } = await collect();
    const all = await Promise.all(
      Array.from({ length: 17 }, (_, index) => message({ openings: hash(`openings ${index}`) })),
    );
    const results = await Promise.allSettled(all.map((proof) => collector.submit(proof)));
    const codes = results.map((result) => result.status === "rejected" && result.reason.code);
    assert.deepEqual(codes, [...Array(16).fill("OPENINGS_UNAVAILABLE"), "PROOF_TOO_MANY"]);
    await assert.rejects(collector.submit(all[16]!), { code: "OPENINGS_UNAVAILABLE" });
  });

  it("says that openings cannot be had, and may be asked again", async () => {
    const { collector, refused } = await collect();
    const proof = await message();
    await assert.rejects(collector.submit(proof), { code: "OPENINGS_UNAVAILABLE" });
    await assert.rejects(collector.submit(proof), { code: "OPENINGS_UNAVAILABLE" });
    assert.deepEqual(refused, ["OPENINGS_UNAVAILABLE", "OPENINGS_UNAVAILABLE"]);
    assert.equal(collector.pending(), 0);
  });
});

describe("the store of a keeper", () => {
  it("gives back verified proofs, a bounded number of messages, and records", () => {
    const store = openKeeperStore(":memory:");
    const part = { y: new Uint8Array(32).fill(1), proof: new Uint8Array(48).fill(2) };
    const message = (fill: number): ProofMessage => ({
      v: 1,
      epoch: 4,
      provider: 1,
      cover: Uint8Array.of(1),
      parts: [part],
      openings: hash(`openings ${fill}`),
      signature: `0x${"01".repeat(64)}`,
    });
    for (let index = 0; index < 6; index++)
      store.save(4, { provider: 1, pairs: [index], parts: [part] }, message(index));
    assert.equal(store.load(4).length, 6);
    assert.deepEqual(store.messages(4, 1), [0, 1, 2, 3].map(message));
    const certificate = {
      term: 0,
      epoch: 4,
      round: 1,
      resultsRoot: hash("r"),
      exceptionsRoot: hash("e"),
      exceptions: 0,
      absent: 0,
      leader: 2,
    };
    const results: ResultLeaf[] = [{ provider: 1, verdict: 1, cover: Uint8Array.of(1), parts: [part] }];
    const offer = { provider: 3, orderId: hash("a"), slot: 2, deadline: 9 };
    const lost = { provider: 1, part: 0, entries: [{ orderId: hash("a"), slot: 2, stripe: 7 }] };
    const exceptions = exceptionsOf([{ provider: 1, verdict: 2 }], { lost: [lost], offers: [offer] });
    const record = {
      epoch: 4,
      certificate,
      signers: 7,
      signatures: [new Uint8Array(64)],
      results,
      exceptions,
    };
    store.saveRecord(record);
    assert.deepEqual(store.record(4), record);
    assert.deepEqual(store.records(5), [record]);
    store.pruneProofs(5);
    assert.deepEqual(store.load(4), []);
    store.close();
  });
});
