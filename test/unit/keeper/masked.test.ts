import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createInstance } from "../../../keeper/consensus/machine.ts";
import { valueDigest } from "../../../keeper/consensus/messageEncoding.ts";
import type { RoundChangeMessage, Value } from "../../../keeper/consensus/messages.ts";
import { composeValue, evaluateValue, type InstanceContext } from "../../../keeper/consensus/value.ts";
import { EXCEPTION_KIND } from "../../../protocol/certificate.ts";
import { exceptionsOf, exceptionsRoot } from "../../../protocol/results/exceptions.ts";
import { VERDICT } from "../../../protocol/results/judge.ts";
import { hash } from "../../sim/repair/chain.ts";
import {
  commit,
  contextOf,
  EPOCH,
  follower,
  fullBook,
  inventory,
  leader,
  prepare,
  proposal,
  signature,
  started,
  valueBy,
} from "./fixtures.ts";

/** A member that neither leads the first two rounds nor is the follower. */
const masked = [0, 1, 2, 3].find((member) => ![leader(0), leader(1), follower()].includes(member))!;
const honest = [0, 1, 2, 3].filter((member) => member !== masked);
const context = (self: number, of: Partial<InstanceContext> = {}): InstanceContext => ({
  ...contextOf(self),
  masked: 1 << masked,
  ...of,
});
const begin = (self: number) => started(self, fullBook(), createInstance, context(self));
const roundChange = (member: number, prepares: readonly number[] = []): RoundChangeMessage => {
  const value = valueBy(honest);
  const locked = prepares.length > 0;
  return {
    ...{ type: "roundChange", epoch: EPOCH, round: 1, member, signature: signature(member) },
    prepared: locked ? { round: 0, digest: valueDigest(value) } : null,
    lock: locked ? { value, prepares: prepares.map((each) => prepare(each, 0, value)) } : null,
    handed: { inventories: [inventory(masked)], proofs: [] },
  };
};

describe("a member whose votes are void", () => {
  it("is not waited for, and its inventory is in no proposal", () => {
    const self = leader(0);
    const { receive, voted } = begin(self);
    receive(inventory(masked));
    for (const member of honest) if (member !== self) receive(inventory(member));
    const [proposed] = voted("proposal");
    assert.equal(proposed?.type, "proposal");
    assert.deepEqual(
      (proposed as { value: Value }).value.inventories.map(({ member }) => member),
      honest,
    );
  });

  it("does not make a quorum of prepares or commits: the quorum stays what it was", () => {
    const self = follower();
    const { receive, voted, effects } = begin(self);
    const value = valueBy(honest);
    receive(proposal(0, value));
    const other = honest.find((member) => member !== self)!;
    receive(prepare(other, 0, value));
    receive(prepare(masked, 0, value));
    assert.equal(voted("commit").length, 0);
    const last = honest.find((member) => member !== self && member !== other)!;
    receive(prepare(last, 0, value));
    assert.equal(voted("commit").length, 1);
    receive(commit(masked, 0, value));
    receive(commit(other, 0, value));
    assert.equal(
      effects.some(({ type }) => type === "decide"),
      false,
    );
    receive(commit(last, 0, value));
    assert.equal(
      effects.some(({ type }) => type === "decide"),
      true,
    );
  });

  it("does not decide with what others hand on of it either", () => {
    const { receive, effects } = begin(follower());
    const value = valueBy(honest);
    const told = (members: readonly number[]) =>
      receive({
        ...{ type: "decided", epoch: EPOCH, value, member: honest[0]! },
        commits: members.map((member) => commit(member, 0, value)),
      });
    told([masked, ...honest.slice(0, 2)].sort((a, b) => a - b));
    assert.equal(
      effects.some(({ type }) => type === "decide"),
      false,
    );
    told(honest);
    assert.equal(
      effects.some(({ type }) => type === "decide"),
      true,
    );
  });

  it("justifies no later round, as sender or in what a lock or a proposal rests on", () => {
    const self = leader(1);
    const others = honest.filter((member) => member !== self);
    const { receive, voted } = begin(self);
    for (const member of honest) if (member !== self) receive(inventory(member));
    receive(roundChange(others[0]!));
    receive(roundChange(masked));
    assert.equal(voted("proposal").length, 0);
    receive(roundChange(others[1]!, [masked, ...others]));
    assert.equal(voted("proposal").length, 0, "its lock rests on a void prepare");

    const watching = begin(follower());
    const head = (member: number) => {
      const { type, epoch, round, prepared, signature: signed } = roundChange(member);
      return { type, epoch, round, prepared, member, signature: signed };
    };
    const roundChanges = [masked, ...honest.slice(0, 2)].map(head);
    watching.receive(proposal(1, valueBy(honest), { roundChanges }));
    assert.equal(watching.voted("prepare").length, 0);
    watching.receive(proposal(1, valueBy(honest), { roundChanges: honest.map(head) }));
    assert.equal(watching.voted("prepare").length, 1);
  });

  it("has no inventory in a proposal, although others handed it on", () => {
    const self = leader(1);
    const { receive, voted, feed } = begin(self);
    for (const member of honest) if (member !== self) receive(inventory(member));
    feed({ type: "timer", name: "round", round: 0 });
    for (const member of honest) if (member !== self) receive(roundChange(member));
    const [proposed] = voted("proposal");
    const { value } = proposed as { value: Value };
    assert.deepEqual(
      value.inventories.map(({ member }) => member),
      honest,
    );
  });

  it("makes a value invalid that carries its inventory", () => {
    const self = follower();
    const inventories = [0, 1, 2, 3].map((member) => inventory(member));
    const value = composeValue(contextOf(self), fullBook(), inventories);
    assert.throws(() => evaluateValue(context(self), value), { code: "VALUE_INVALID" });
    assert.equal(evaluateValue(context(self), valueBy(honest)).absent, 1 << masked);
  });
});

describe("lost slots and offers in a value", () => {
  it("follow from its verdicts, and stand after the missed ones in its exceptions", () => {
    const offer = { provider: 9, orderId: hash("order"), slot: 1, deadline: 8 };
    const lost = { provider: 2, part: 0, entries: [{ orderId: hash("order"), slot: 1, stripe: 0 }] };
    const plan: InstanceContext["plan"] = (judgements) =>
      judgements.some(({ verdict }) => verdict === VERDICT.missed)
        ? { lost: [lost], offers: [offer] }
        : { lost: [], offers: [] };
    const of = (holdings: Parameters<typeof valueBy>[1]) =>
      evaluateValue({ ...contextOf(0), plan }, valueBy([0, 1, 2], holdings));
    assert.equal(of(["whole", "whole"]).exceptions, 0);
    const outcome = of(["whole", "nothing"]);
    assert.deepEqual(
      outcome.exceptionLeaves.map(({ kind }) => kind),
      [EXCEPTION_KIND.missed, EXCEPTION_KIND.lost, EXCEPTION_KIND.offer],
    );
    const expected = exceptionsOf([{ provider: 2, verdict: VERDICT.missed }], {
      lost: [lost],
      offers: [offer],
    });
    assert.equal(outcome.exceptionsRoot, exceptionsRoot(expected));
  });
});
