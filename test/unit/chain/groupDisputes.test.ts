import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lostKey } from "../../../protocol/chain/disputeTypes.ts";
import type { GroupLog } from "../../../protocol/chain/groupContracts.ts";
import { applyBlock, createGroupState } from "../../../protocol/chain/groupState.ts";
import { maskedMembers } from "../../../protocol/chain/groupTypes.ts";
import { address, blockOf, GENESIS, hash, logOf, testDeployment } from "./blocks.ts";

const group = testDeployment.groups[0]!;
const at = (epoch: number) => GENESIS + epoch * group.parameters.epochLength;
const fresh = () => createGroupState({ chainId: 31_337, group });
const apply = (...logs: GroupLog[]) => applyBlock(fresh(), blockOf(1, at(3), logs));

const name = { epoch: 2, providerId: 5, part: 1 };
const key = lostKey({ epoch: 2, provider: 5, part: 1 });
const entries = [{ orderId: hash(1), slot: 1, stripe: 2, since: 1, until: 2 }];
const recorded = (isProtected = false) =>
  logOf("disputes", "LostRecorded", {
    ...name,
    draw: hash(8),
    deadline: 999n,
    deadlineBlock: 20n,
    isProtected,
    entries,
  });
const appealed = logOf("disputes", "AppealAccepted", { ...name, protectedTo: 18 });
const closed = logOf("disputes", "RecordClosed", { ...name, slashed: true });

describe("a lost record", () => {
  it("is open with its entries, its draw and both its deadlines", () => {
    const { state, milestones } = apply(recorded());
    assert.deepEqual(state.lost.get(key), {
      provider: 5,
      epoch: 2,
      part: 1,
      draw: hash(8),
      deadline: 999,
      deadlineBlock: 20,
      isProtected: false,
      status: "open",
      entries,
      block: 1,
    });
    assert.equal(milestones.at(-1)?.type, "lostRecorded");
  });

  it("goes from open or protected to appealed to closed", () => {
    const status = (...logs: GroupLog[]) => apply(...logs).state.lost.get(key)?.status;
    assert.deepEqual(
      [
        status(recorded(true)),
        status(recorded(), appealed),
        status(recorded(), appealed, closed),
        status(recorded(true), closed),
      ],
      ["protected", "appealed", "closed", "closed"],
    );
    const milestone = apply(recorded(), appealed).milestones.at(-1)!;
    assert.ok(milestone.type === "appealAccepted");
    assert.deepEqual([milestone.protectedTo, milestone.record.status], [18, "appealed"]);
  });

  it("is kept to the end of the epoch in which it is closed, and for ever before that", () => {
    const later = (state: ReturnType<typeof fresh>, epoch: number) =>
      applyBlock(state, blockOf(2, at(epoch))).state.lost.has(key);
    const done = apply(recorded(), closed).state;
    assert.deepEqual([later(done, 3), later(done, 4)], [true, false]);
    assert.equal(later(apply(recorded(), appealed).state, 900), true);
  });

  it("that was never announced is refused: the log is cut", () => {
    assert.throws(() => apply(closed), { code: "GROUP_LOG_INCOMPLETE" });
  });
});

describe("a direct challenge", () => {
  const ticket = { id: 7n, orderId: hash(1), slot: 1, stripe: 2, providerId: 5, bond: 10n };
  const opened = logOf("disputes", "ChallengeOpened", {
    id: 7n,
    providerId: 5,
    challenger: address(9),
    ticket,
  });
  const answered = logOf("disputes", "ChallengeAnswered", {
    id: 7n,
    providerId: 5,
    by: address(5),
    reimbursed: 3n,
  });
  const unanswered = logOf("disputes", "ChallengeUnanswered", {
    id: 7n,
    providerId: 5,
    reward: 4n,
    evicted: true,
  });

  it("is open with the ticket that whoever answers it hands in", () => {
    const { state, milestones } = apply(opened);
    assert.deepEqual([...state.directChallenges], [[7n, { ticket, block: 1 }]]);
    assert.equal(milestones.at(-1)?.type, "challengeOpened");
  });

  it("is gone once it is answered, or closed without an answer", () => {
    for (const [end, type] of [
      [answered, "challengeAnswered"],
      [unanswered, "challengeUnanswered"],
    ] as const) {
      const { state, milestones } = apply(opened, end);
      assert.equal(state.directChallenges.size, 0);
      const milestone = milestones.at(-1)!;
      assert.ok(milestone.type === type);
      assert.deepEqual(milestone.challenge, { ticket, block: 1 });
    }
  });
});

describe("a keeper that signed two results", () => {
  const keeper = (keeperId: number) =>
    logOf("staking", "KeeperRegistered", {
      keeperId,
      owner: address(1),
      operator: address(keeperId),
      seat: keeperId,
      endpoint: "/k",
    });
  const roster = (term: number, ...keeperIds: number[]) =>
    logOf("settlement", "RosterRotated", { term, keeperIds, operators: keeperIds.map(address) });
  const slashed = logOf("staking", "KeeperSlashed", {
    keeperId: 2,
    reporter: address(9),
    amount: 5n,
    reward: 1n,
  });
  const masked = logOf("settlement", "KeeperMasked", { keeperId: 2 });
  const reported = logOf("settlement", "EquivocationReported", {
    keeperId: 2,
    reporter: address(9),
    epoch: 4,
    round: 1,
    slashed: 5n,
    reward: 1n,
  });

  it("has lost its stake and its seat", () => {
    const { state, milestones } = apply(keeper(2), slashed, reported);
    assert.deepEqual([state.keepers.get(2)?.slashed, state.keepers.get(2)?.seat], [true, undefined]);
    const milestone = milestones.at(-1)!;
    assert.ok(milestone.type === "keeperSlashed");
    assert.deepEqual([milestone.keeper.id, milestone.epoch, milestone.round], [2, 4, 1]);
  });

  it("is masked in the roster of the next epoch to certify and in all later ones that are written", () => {
    const { termLength } = group.parameters;
    const certified = logOf("settlement", "EpochCertified", { epoch: 4 * termLength - 1 });
    const rosters = [roster(0, 1, 2), roster(3, 3, 2, 4), roster(5, 2)];
    const terms = [1, 3, 4, 5, 6, 7];
    const bits = (...logs: GroupLog[]) => {
      const { state } = apply(...rosters, ...logs);
      return terms.map((term) => maskedMembers(state, term));
    };
    assert.deepEqual(bits(), [0, 0, 0, 0, 0, 0]);
    assert.deepEqual(bits(masked), [0b10, 0b010, 0b010, 1, 1, 1]);
    // Term 4 is still that of the roster of term 3.
    assert.deepEqual(bits(certified, masked), [0, 0b010, 0b010, 1, 1, 1]);
    assert.deepEqual(bits(certified, masked, roster(6, 3, 2)), [0, 0b010, 0b010, 1, 0, 0]);
  });

  it("is masked beside those that were masked before", () => {
    const other = logOf("settlement", "KeeperMasked", { keeperId: 4 });
    const { state } = apply(roster(0, 1, 2, 3, 4), masked, other);
    assert.equal(maskedMembers(state, 0), 0b1010);
    assert.equal(maskedMembers(fresh(), 0), 0);
  });
});
