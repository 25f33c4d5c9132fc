import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keccak256 } from "viem";
import { createAnswers } from "../../../keeper/consensus/answers.ts";
import { commitsTo } from "../../../keeper/consensus/certificates.ts";
import { valueDigest } from "../../../keeper/consensus/messageEncoding.ts";
import type {
  CommitMessage,
  DecidedMessage,
  Draft,
  RoundChangeMessage,
  SyncMessage,
  Value,
} from "../../../keeper/consensus/messages.ts";
import { resume } from "../../../keeper/consensus/resume.ts";
import { createRoundChanges } from "../../../keeper/consensus/roundChanges.ts";

const signature = new Uint8Array(64);
const epoch = 5;
const empty: Value = { inventories: [], proofs: [] };
const digest = valueDigest(empty);

function change(member: number, round: number, preparedIn?: number): RoundChangeMessage {
  const prepares = [0, 1, 2].map(
    (voter) =>
      ({ type: "prepare", epoch, round: preparedIn ?? 0, digest, member: voter, signature }) as const,
  );
  const claimed = preparedIn !== undefined;
  return {
    type: "roundChange",
    epoch,
    round,
    prepared: claimed ? { round: preparedIn, digest } : null,
    member,
    signature,
    lock: claimed ? { value: empty, prepares } : null,
    handed: empty,
  };
}

describe("round changes of four members", () => {
  it("count once per member and never backwards, and only with proof of what they claim", () => {
    const changes = createRoundChanges(4, 3);
    assert.equal(changes.add(change(1, 2)), "kept");
    assert.equal(changes.add(change(1, 2)), "stale");
    assert.equal(changes.add(change(1, 1)), "stale");
    const bare = { ...change(2, 2, 1), lock: null };
    assert.equal(changes.add(bare), "unproven");
    assert.deepEqual([changes.members(2), changes.members(1)], [[1], []]);
  });

  it("draw a member along once one of them must be honest, to the nearest of their rounds", () => {
    const changes = createRoundChanges(4, 3);
    changes.add(change(1, 5));
    assert.equal(changes.joinable(0), undefined);
    changes.add(change(2, 3));
    assert.equal(changes.joinable(0), 3);
    assert.equal(changes.joinable(3), undefined);
  });

  it("allow a proposal from a quorum on, of the value prepared in the highest round if there is one", () => {
    const changes = createRoundChanges(4, 3);
    changes.add(change(0, 3));
    changes.add(change(1, 3));
    assert.equal(changes.grounds(3), undefined);
    changes.add(change(2, 3));
    assert.deepEqual(changes.grounds(3)?.value, undefined);
    changes.add(change(3, 3, 1));
    const grounds = changes.grounds(3);
    assert.equal(grounds?.value, empty);
    assert.deepEqual(
      grounds?.prepares.map(({ round }) => round),
      [1, 1, 1],
    );
    assert.deepEqual(
      grounds?.heads.map(({ member }) => member),
      [0, 1, 2, 3],
    );
  });
});

describe("answers to members that ask", () => {
  const sync = (round: number): SyncMessage => ({ type: "sync", epoch, round, member: 0, signature });

  it("are the latest own message of each type, or the decision alone", () => {
    const answers = createAnswers(0);
    answers.keep(sync(1));
    answers.keep(sync(2));
    assert.deepEqual(answers.to(1, 0, null), [sync(2)]);
    const decided: DecidedMessage = { type: "decided", epoch, commits: [], value: null, member: 0 };
    assert.deepEqual(answers.to(1, 0, decided), [decided]);
    assert.deepEqual(answers.latest("sync"), sync(2));
  });

  it("are four in each round of the asking member, none for an earlier round, none to itself", () => {
    const answers = createAnswers(0);
    answers.keep(sync(1));
    const given = (member: number, round: number, times: number) =>
      Array.from({ length: times }, () => answers.to(member, round, null).length);
    assert.deepEqual(given(1, 0, 6), [1, 1, 1, 1, 0, 0]);
    assert.deepEqual(given(1, 1, 5), [1, 1, 1, 1, 0]);
    assert.deepEqual(given(1, 0, 1), [0]);
    assert.deepEqual(given(2, 0, 1), [1]);
    assert.deepEqual(given(0, 0, 1), [0]);
  });
});

const certificate = (round: number) => ({
  term: 0,
  epoch,
  round,
  resultsRoot: digest,
  exceptionsRoot: keccak256("0x02"),
  exceptions: 0,
  absent: 0,
  leader: 1,
});

describe("a decision that is told", () => {
  it("counts one commit per member, and only those to its certificate", () => {
    const commit = (member: number, round: number): CommitMessage => ({
      type: "commit",
      epoch,
      certificate: certificate(round),
      member,
      signature,
    });
    const commits = [commit(2, 1), commit(0, 1), commit(2, 1), commit(3, 0)];
    const told = commitsTo(certificate(1), { type: "decided", epoch, commits, value: null, member: 3 });
    assert.deepEqual(
      told.map(({ member }) => member),
      [0, 2],
    );
  });
});

describe("what the journal kept", () => {
  const inventory: Draft = { type: "inventory", epoch, member: 0, holdings: [] };
  const prepare = (round: number): Draft => ({ type: "prepare", epoch, round, digest, member: 0 });

  it("of nothing is a fresh start", () => {
    const { round, inventory: known, again } = resume([]);
    assert.deepEqual([round, known, again], [0, false, []]);
  });

  it("resumes in the highest round voted in, and signs again only what belongs there", () => {
    const commit: Draft = { type: "commit", epoch, certificate: certificate(2), member: 0 };
    const sync: Draft = { type: "sync", epoch, round: 7, member: 0 };
    const resumed = resume([inventory, prepare(0), prepare(2), commit, sync]);
    assert.equal(resumed.round, 2);
    assert.equal(resumed.inventory, true);
    assert.deepEqual(resumed.again, [inventory, prepare(2), commit]);
    assert.deepEqual([...resumed.signed.prepare], [0, 2]);
    assert.deepEqual([...resumed.signed.commit], [2]);
    assert.equal(resumed.signed.proposal.size, 0);
  });
});
