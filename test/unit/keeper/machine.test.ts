import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Decision } from "../../../keeper/consensus/effects.ts";
import { createInstance } from "../../../keeper/consensus/machine.ts";
import { valueDigest } from "../../../keeper/consensus/messageEncoding.ts";
import type { RoundChangeMessage, Value } from "../../../keeper/consensus/messages.ts";
import { createBook } from "../../sim/consensus/world.ts";
import {
  commit,
  contextOf,
  EPOCH,
  follower,
  fullBook,
  inventory,
  leader,
  PROVIDERS,
  prepare,
  proposal,
  signature,
  started,
  valueBy,
} from "./fixtures.ts";

const everybody = [0, 1, 2, 3];
const others = (self: number) => everybody.filter((member) => member !== self);
const quorumWithout = (member: number) => others(member);

function roundChange(
  member: number,
  round: number,
  locked?: { round: number; value: Value },
): RoundChangeMessage {
  return {
    type: "roundChange",
    epoch: EPOCH,
    round,
    prepared: locked === undefined ? null : { round: locked.round, digest: valueDigest(locked.value) },
    lock:
      locked === undefined
        ? null
        : {
            value: locked.value,
            prepares: [0, 1, 2].map((each) => prepare(each, locked.round, locked.value)),
          },
    handed: { inventories: [], proofs: [] },
    member,
    signature: signature(member),
  };
}

describe("an instance of the vote", () => {
  it("signs its inventory at the start: whole, pairs or nothing, by provider", () => {
    const book = createBook(PROVIDERS);
    book.addWhole(1);
    book.addPair(2, 1);
    const [vote] = started(follower(), book).voted("inventory");
    assert.deepEqual(vote, inventory(follower(), ["whole", Uint8Array.of(0b010)]));
  });

  it("proposes as leader once all inventories are there, and at the time-out with a quorum", () => {
    const lead = started(leader(0));
    const [a, b, c] = others(leader(0));
    lead.receive(inventory(a!));
    lead.receive(inventory(b!));
    assert.equal(lead.voted("proposal").length, 0);
    lead.receive(inventory(c!));
    assert.equal(lead.voted("proposal").length, 1);

    const late = started(leader(0));
    late.receive(inventory(a!));
    late.receive(inventory(b!));
    late.feed({ type: "timer", name: "collect", round: 0 });
    assert.equal(late.voted("proposal").length, 1);
  });

  it("does not propose with fewer inventories than a quorum, whatever time has passed", () => {
    const lead = started(leader(0));
    lead.receive(inventory(others(leader(0))[0]!));
    lead.feed({ type: "timer", name: "collect", round: 0 });
    assert.equal(lead.voted("proposal").length, 0);
  });

  it("leaves out an inventory whose proofs it cannot get, and asks for them", () => {
    const book = createBook(PROVIDERS);
    book.addWhole(1);
    const lead = started(leader(0), book);
    const [a, b, c] = others(leader(0));
    lead.receive(inventory(a!, ["whole", "nothing"]));
    lead.receive(inventory(b!, ["whole", "nothing"]));
    lead.receive(inventory(c!, ["whole", "whole"]));
    assert.ok(lead.effects.some((effect) => effect.type === "fetch" && effect.from === c));
    lead.feed({ type: "timer", name: "collect", round: 0 });
    const [vote] = lead.voted("proposal");
    assert.ok(vote?.type === "proposal");
    assert.deepEqual(
      vote.value.inventories.map(({ member }) => member),
      [leader(0), a!, b!].sort(),
    );
  });

  it("prepares a proposal, locks and commits at a quorum of prepares, decides at a quorum of commits", () => {
    const self = follower();
    const run = started(self);
    const value = valueBy(everybody);
    run.receive(proposal(0, value));
    assert.equal(run.voted("prepare").length, 1);
    const [a, b] = others(self);
    run.receive(prepare(a!, 0, value));
    assert.equal(run.voted("commit").length, 0, "two prepares are no quorum");
    run.receive(prepare(b!, 0, value));
    const voted = run.effects.find((effect) => effect.type === "vote" && effect.draft.type === "commit");
    assert.ok(
      voted?.type === "vote" && voted.lock?.digest === valueDigest(value),
      "the lock comes with the commit",
    );
    run.receive(commit(a!, 0, value));
    run.receive(commit(a!, 0, value));
    assert.equal(run.instance.view().phase, "committing", "a repeated commit counts once");
    run.receive(commit(b!, 0, value));
    assert.equal(run.instance.view().phase, "decided");
  });

  it("refuses a proposal that lacks an inventory it had in time, and hands that on", () => {
    const self = follower();
    const run = started(self);
    const missing = others(self).find((member) => member !== leader(0))!;
    run.receive(inventory(missing));
    run.receive(proposal(0, valueBy(quorumWithout(missing))));
    assert.equal(run.voted("prepare").length, 0);
    run.feed({ type: "timer", name: "round", round: 0 });
    const [vote] = run.voted("roundChange");
    assert.ok(vote?.type === "roundChange");
    assert.ok(vote.handed.inventories.some(({ member }) => member === missing));
  });

  it("prepares a proposal that lacks an inventory which came too late", () => {
    const self = follower();
    const run = started(self);
    const missing = others(self).find((member) => member !== leader(0))!;
    run.feed({ type: "timer", name: "demand", round: 0 });
    run.receive(inventory(missing));
    run.receive(proposal(0, valueBy(quorumWithout(missing))));
    assert.equal(run.voted("prepare").length, 1);
  });

  const refusals: [string, (self: number) => Parameters<ReturnType<typeof started>["receive"]>[0]][] = [
    [
      "of a member that does not lead the round",
      () => ({ ...proposal(0, valueBy(everybody)), member: leader(1) }),
    ],
    ["with fewer inventories than a quorum", () => proposal(0, valueBy([0, 1]))],
    ["without the proof of a provider it covers", () => proposal(0, { ...valueBy(everybody), proofs: [] })],
    [
      "with a proof that nobody names",
      () => proposal(0, { ...valueBy(everybody, ["nothing", "nothing"]), proofs: valueBy(everybody).proofs }),
    ],
    [
      "with inventories out of order",
      () => {
        const value = valueBy(everybody);
        return proposal(0, { ...value, inventories: [...value.inventories].reverse() });
      },
    ],
    [
      "with an inventory of another epoch",
      () => {
        const value = valueBy(everybody);
        const [first, ...rest] = value.inventories;
        return proposal(0, { ...value, inventories: [{ ...first!, epoch: EPOCH - 1 }, ...rest] });
      },
    ],
    ["for a later round without a quorum of round changes", () => proposal(1, valueBy(everybody))],
  ];
  for (const [what, make] of refusals) {
    it(`refuses a proposal ${what}`, () => {
      const run = started(follower());
      run.receive(make(follower()));
      assert.equal(run.voted("prepare").length, 0);
      assert.ok(run.notes().length > 0);
    });
  }

  it("has proofs that it does not hold verified, and refuses when one does not hold", () => {
    const book = createBook(PROVIDERS);
    for (const valid of [true, false]) {
      const run = started(follower(), book);
      const value = valueBy(everybody);
      run.receive(proposal(0, value));
      const asked = run.effects.find((effect) => effect.type === "verify");
      assert.ok(asked?.type === "verify" && asked.proofs.length === 2);
      assert.equal(run.voted("prepare").length, 0);
      run.feed({ type: "verified", digest: asked.digest, valid });
      assert.equal(run.voted("prepare").length, valid ? 1 : 0);
    }
  });

  it("prepares only the first of two proposals for a round", () => {
    const run = started(follower());
    run.receive(proposal(0, valueBy(everybody)));
    run.receive(proposal(0, valueBy([0, 1, 2])));
    assert.equal(run.voted("prepare").length, 1);
    assert.ok(run.notes().includes("two proposals"));
  });

  it("repeats as leader the value that was prepared in the highest round", () => {
    const self = leader(1);
    const run = started(self);
    const locked = valueBy([0, 1, 2]);
    run.feed({ type: "timer", name: "round", round: 0 });
    const [a, b] = others(self);
    run.receive(roundChange(a!, 1));
    run.receive(roundChange(b!, 1, { round: 0, value: locked }));
    const [vote] = run.voted("proposal");
    assert.ok(vote?.type === "proposal");
    assert.equal(valueDigest(vote.value), valueDigest(locked));
    assert.equal(vote.prepares.length, 3);
  });

  it("refuses a later proposal that does not repeat what a round change shows as prepared", () => {
    const run = started(follower());
    const locked = { round: 0, value: valueBy([0, 1, 2]) };
    const roundChanges = [roundChange(0, 1), roundChange(1, 1), roundChange(2, 1, locked)];
    run.receive(proposal(1, valueBy(everybody), { roundChanges, prepares: roundChanges[2]!.lock!.prepares }));
    assert.equal(run.voted("prepare").length, 0);
    run.receive(proposal(1, locked.value, { roundChanges, prepares: roundChanges[2]!.lock!.prepares }));
    assert.equal(run.voted("prepare").length, 1);
  });

  it("refuses a round change that claims a lock without its quorum of prepares", () => {
    const run = started(follower());
    const change = roundChange(leader(0), 1, { round: 0, value: valueBy([0, 1, 2]) });
    run.receive({ ...change, lock: { ...change.lock!, prepares: change.lock!.prepares.slice(0, 2) } });
    assert.ok(run.notes().some((note) => note.includes("lock")));
  });

  it("follows f + 1 members into a later round", () => {
    const self = follower();
    const run = started(self);
    const [a, b] = others(self);
    run.receive(roundChange(a!, 3));
    assert.equal(run.instance.view().round, 0);
    run.receive(roundChange(b!, 2));
    assert.equal(run.instance.view().round, 2);
  });

  it("signs the same again after a restart, and nothing else in that round", () => {
    const self = follower();
    const first = started(self);
    const value = valueBy(everybody);
    first.receive(proposal(0, value));
    const drafts = first.effects.flatMap((effect) => (effect.type === "vote" ? [effect.draft] : []));
    const again = started(self, fullBook(), (context, book) =>
      createInstance(context, book, { drafts, lock: null }),
    );
    assert.deepEqual(again.voted("prepare"), first.voted("prepare"));
    again.receive(proposal(0, valueBy([0, 1, 2])));
    assert.equal(again.voted("prepare").length, 1);
  });

  it("takes a decision from commits alone, and its value from whoever has it", () => {
    const self = follower();
    const run = started(self);
    const value = valueBy(everybody);
    const commits = others(self).map((member) => commit(member, 2, value));
    for (const message of commits) run.receive(message);
    const decisions = () =>
      run.effects.flatMap((effect): Decision[] => (effect.type === "decide" ? [effect.decision] : []));
    assert.equal(decisions().length, 1);
    assert.equal(decisions()[0]!.outcome, null);
    const from = others(self)[0]!;
    run.receive({ type: "decided", epoch: EPOCH, commits, value: valueBy([0, 1, 2]), member: from });
    assert.equal(decisions().length, 1, "another value does not fit the certificate");
    run.receive({ type: "decided", epoch: EPOCH, commits, value, member: from });
    assert.equal(decisions()[1]!.outcome?.results.length, PROVIDERS.length);
  });

  it("decides by a quorum of members on one certificate: mixed rounds, repeated or too few ones do not count", () => {
    const self = follower();
    const run = started(self);
    const value = valueBy(everybody);
    const [a, b, c] = others(self) as [number, number, number];
    const decided = () => run.effects.some(({ type }) => type === "decide");
    const [first, second] = [commit(a, 1, value), commit(b, 1, value)];
    for (const message of [first, second, second, commit(c, 2, value)]) run.receive(message);
    assert.equal(decided(), false);
    for (const commits of [
      [],
      [first, second],
      [first, second, second],
      [first, second, commit(c, 2, value)],
    ]) {
      run.receive({ type: "decided", epoch: EPOCH, commits, value, member: a });
      assert.equal(decided(), false, `${commits.length} commits`);
    }
    run.receive(commit(c, 1, value));
    assert.equal(decided(), true);
  });

  it("refuses commits to a certificate of another term or leader", () => {
    const run = started(follower());
    const message = commit(leader(0), 0, valueBy(everybody));
    run.receive({ ...message, certificate: { ...message.certificate, term: 1 } });
    run.receive({ ...message, certificate: { ...message.certificate, leader: leader(1) } });
    assert.equal(run.notes().length, 2);
    assert.deepEqual(run.instance.view().commits, []);
  });

  it("answers a member that is behind with the decision, and replays cannot use its answers up", () => {
    const self = follower();
    const run = started(self);
    const value = valueBy(everybody);
    for (const member of others(self)) run.receive(commit(member, 0, value));
    const behind = leader(0);
    const answers = () =>
      run.effects.filter((effect) => effect.type === "send" && effect.to === behind).length;
    for (let replay = 0; replay < 100; replay++) run.receive(roundChange(behind, 1));
    const bounded = answers();
    assert.ok(bounded > 0 && bounded < 10);
    run.receive(roundChange(behind, 2));
    assert.equal(answers(), bounded + 1);
  });

  it("ignores messages of another epoch and of no member", () => {
    const run = started(follower());
    run.receive({ ...inventory(leader(0)), epoch: EPOCH + 1 });
    run.receive(inventory(9));
    assert.deepEqual(run.instance.view().inventories, [follower()]);
  });

  it("needs no clock: a context and inputs are all it has", () => {
    assert.deepEqual(contextOf(1).timing, { collectMs: 100, demandMs: 50, roundMs: 1_000 });
    const timers = started(1).effects.flatMap((effect) => (effect.type === "timer" ? [effect.name] : []));
    assert.deepEqual(timers, ["demand", "collect", "round"]);
  });
});
