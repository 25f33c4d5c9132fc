import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "viem";
import type { CertificateInfo, GroupState, SetSlot } from "../../../protocol/chain/groupTypes.ts";
import { type ShardRef, sampleShards, shardKey } from "../../../protocol/challenge/sample.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { resultsRoot } from "../../../protocol/results/results.ts";
import { createOwedShards } from "../../../provider/prove/owedShards.ts";
import { fetchCover, type GetResults } from "../../../provider/prove/results.ts";
import { hash } from "./support.ts";

const SAMPLES = 3;
const seedOf = (epoch: number) => hash(`seed ${epoch}`);

function makeSlot(name: string, sequence: number): SetSlot {
  const place = { orderId: hash(name), slot: 0, provider: 7, stripes: 20, sequence, shardRoot: hash("root") };
  return { ...place, since: 0, changed: false };
}
const slots = [makeSlot("a", 0), makeSlot("b", 1)];

function makeCertificate(epoch: number, exceptions: number, root: Hex = hash("results")): CertificateInfo {
  return { epoch, exceptions, resultsRoot: root, applied: 0 } as CertificateInfo;
}

function makeState(certificates: readonly CertificateInfo[]): GroupState {
  const byEpoch = new Map(certificates.map((certificate) => [certificate.epoch, certificate]));
  return { certificates: byEpoch } as unknown as GroupState;
}

function sample(epoch: number, owed: readonly ShardRef[] = [], held: readonly SetSlot[] = slots): string[] {
  const of = { seed: seedOf(epoch), provider: 7, slots: held, samples: SAMPLES, owed };
  return sampleShards(of).map(shardKey);
}

function startOwed(coverOf: (certificate: CertificateInfo) => "whole" | Uint8Array | undefined) {
  const asked: number[] = [];
  const owed = createOwedShards({
    providerId: () => 7,
    samples: SAMPLES,
    async coverOf(certificate) {
      asked.push(certificate.epoch);
      return coverOf(certificate);
    },
  });
  const epoch = (number: number, certificates: readonly CertificateInfo[], held = slots) => {
    owed.started({ epoch: number, slots: held, before: makeState(certificates) });
    owed.seeded(number, seedOf(number));
    return owed.challenge(number).then((challenge) => challenge.map(shardKey));
  };
  return { epoch, asked };
}

const silentIn = (missed: number) => (certificate: CertificateInfo) =>
  certificate.epoch === missed ? undefined : ("whole" as const);

describe("owed shards", () => {
  it("are none, and nobody is asked, while nobody misses", async () => {
    const { epoch, asked } = startOwed(silentIn(-1));
    assert.deepEqual(await epoch(1, []), sample(1));
    assert.deepEqual(await epoch(2, [makeCertificate(1, 0)]), sample(2));
    assert.deepEqual(asked, []);
  });

  it("are the whole sample of an epoch in which this provider was silent, until they are covered", async () => {
    const { epoch } = startOwed(silentIn(1));
    const first = await epoch(1, []);
    const due = sampleShards({ seed: seedOf(1), provider: 7, slots, samples: SAMPLES, owed: [] });
    const certificates = [makeCertificate(1, 1)];
    const second = await epoch(2, certificates);
    assert.deepEqual(second, sample(2, due));
    assert.ok(first.every((shard) => second.includes(shard)));
    certificates.push(makeCertificate(2, 0));
    assert.deepEqual(await epoch(3, certificates), sample(3));
  });

  it("stay owed through epochs that nobody certified", async () => {
    const { epoch } = startOwed(silentIn(1));
    await epoch(1, []);
    const due = sampleShards({ seed: seedOf(1), provider: 7, slots, samples: SAMPLES, owed: [] });
    const certificates = [makeCertificate(1, 1)];
    await epoch(2, certificates);
    assert.deepEqual(await epoch(3, certificates), sample(3, due));
  });

  it("join with the certificate that the set knows, not before", async () => {
    const { epoch } = startOwed(silentIn(1));
    await epoch(1, []);
    assert.deepEqual(await epoch(2, []), sample(2));
  });

  it("are those of the slots that the cover leaves out", async () => {
    const { epoch } = startOwed(() => Uint8Array.of(0b01));
    await epoch(1, []);
    const asked = sampleShards({ seed: seedOf(1), provider: 7, slots, samples: SAMPLES, owed: [] });
    const due = asked.filter(({ orderId }) => orderId !== asked[0]?.orderId);
    assert.ok(due.length > 0, "the sample has both orders");
    assert.deepEqual(await epoch(2, [makeCertificate(1, 1)]), sample(2, due));
  });

  it("vanish with the slot", async () => {
    const { epoch } = startOwed(silentIn(1));
    await epoch(1, []);
    const left = slots.slice(0, 1);
    const due = sampleShards({ seed: seedOf(1), provider: 7, slots, samples: SAMPLES, owed: [] });
    assert.deepEqual(await epoch(2, [makeCertificate(1, 1)], left), sample(2, due, left));
    assert.deepEqual(
      await epoch(3, [makeCertificate(1, 1)]),
      sample(
        3,
        due.filter(({ orderId }) => orderId === left[0]?.orderId),
      ),
    );
  });

  it("are at first all of a slot that was taken over, once, until they are covered", async () => {
    const taken = { ...makeSlot("b", 1), since: 2, changed: true };
    const held = [makeSlot("a", 0), taken];
    const all = Array.from({ length: taken.stripes }, (_, stripe) => ({
      orderId: taken.orderId,
      slot: taken.slot,
      stripe,
    }));
    const { epoch, asked } = startOwed(silentIn(2));
    assert.deepEqual(await epoch(1, [], [makeSlot("a", 0)]), sample(1, [], [makeSlot("a", 0)]));
    const certificates = [makeCertificate(1, 0)];
    assert.deepEqual(await epoch(2, certificates, held), sample(2, all, held));
    // Silent at first: they stay, and join no second time.
    certificates.push(makeCertificate(2, 1));
    const third = await epoch(3, certificates, held);
    assert.ok(all.every((shard) => third.includes(shardKey(shard))));
    certificates.push(makeCertificate(3, 0));
    assert.deepEqual(await epoch(4, certificates, held), sample(4, [], held));
    assert.deepEqual(asked, [2]);
  });

  it("are asked for again when no keeper could say", async () => {
    let fails = true;
    const { epoch, asked } = startOwed((certificate) => {
      if (fails) throw new MemoError("RESULTS_UNAVAILABLE", "nobody answers");
      return silentIn(1)(certificate);
    });
    await epoch(1, []);
    const certificates = [makeCertificate(1, 1)];
    await assert.rejects(epoch(2, certificates), { code: "RESULTS_UNAVAILABLE" });
    fails = false;
    const due = sampleShards({ seed: seedOf(1), provider: 7, slots, samples: SAMPLES, owed: [] });
    assert.deepEqual(await epoch(2, certificates), sample(2, due));
    assert.deepEqual(asked, [1, 1]);
  });
});

describe("the certified cover", () => {
  const leaves = [
    { provider: 3, verdict: 1 as const, cover: Uint8Array.of(1), parts: [] },
    { provider: 7, verdict: 2 as const, cover: Uint8Array.of(2), parts: [] },
  ];
  const certificate = makeCertificate(4, 1, resultsRoot(leaves));
  const honest: GetResults = async (_endpoint, { from, count }) => ({
    leaves: leaves.slice(from, from + Math.min(count, 1)),
    total: leaves.length,
  });

  it("comes page by page from a keeper whose leaves have the certificate's root", async () => {
    const cover = await fetchCover({ certificate, providerId: 7, endpoints: ["k"], getResults: honest });
    assert.deepEqual(cover, Uint8Array.of(2));
    const absent = await fetchCover({ certificate, providerId: 8, endpoints: ["k"], getResults: honest });
    assert.equal(absent, undefined);
  });

  it("is not believed of a keeper that lies, fails or never ends; the next one is asked", async () => {
    const liar: GetResults = async () => ({ leaves: [leaves[1]!], total: 1 });
    const endless: GetResults = async () => ({ leaves: [], total: 5 });
    const dead: GetResults = async () => {
      throw new MemoError("RPC_UNREACHABLE", "down");
    };
    const keepers: Record<string, GetResults> = { liar, endless, dead, honest };
    const getResults: GetResults = (endpoint, request) => keepers[endpoint]!(endpoint, request);
    const endpoints = ["liar", "endless", "dead", "honest"];
    const cover = await fetchCover({ certificate, providerId: 7, endpoints, getResults });
    assert.deepEqual(cover, Uint8Array.of(2));
    await assert.rejects(
      fetchCover({ certificate, providerId: 7, endpoints: endpoints.slice(0, 3), getResults }),
      { code: "RESULTS_UNAVAILABLE", retryable: true },
    );
  });
});
