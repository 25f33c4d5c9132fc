import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createEquivocationWatch, type Equivocation } from "../../../keeper/consensus/equivocation.ts";
import { openJournal } from "../../../keeper/consensus/journal.ts";
import { encodeMessage } from "../../../keeper/consensus/messageEncoding.ts";
import type { CommitMessage, ConsensusMessage } from "../../../keeper/consensus/messages.ts";
import { createEpochEntries } from "../../../keeper/epochEntries.ts";
import { createEpochInbox } from "../../../keeper/epochInbox.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";
import { commit, EPOCH, valueBy } from "./fixtures.ts";

const value = valueBy([0, 1, 2]);
/** The commit of a member, and one of the same round to something else. */
const one = (member: number, round = 0) => commit(member, round, value);
const other = (member: number, round = 0): CommitMessage => {
  const { certificate, ...rest } = one(member, round);
  return { ...rest, certificate: { ...certificate, absent: 0b0001 } };
};

function watching() {
  const noticed: Equivocation[] = [];
  return { noticed, watch: createEquivocationWatch((equivocation) => noticed.push(equivocation)) };
}

describe("two commits of one member", () => {
  it("are equivocation when they are of one round and differ", () => {
    const { watch, noticed } = watching();
    watch.see(one(2));
    watch.see(one(2));
    watch.see(other(3));
    watch.see(other(2, 1));
    assert.deepEqual(noticed, []);
    watch.see(other(2));
    assert.deepEqual(noticed, [{ first: one(2), second: other(2) }]);
  });

  it("are told once, whatever else the member signs", () => {
    const { watch, noticed } = watching();
    for (const each of [one(2), other(2), one(2), other(2)]) watch.see(each);
    assert.equal(noticed.length, 1);
  });

  it("are forgotten with their epoch", () => {
    const { watch, noticed } = watching();
    watch.see(one(2));
    watch.prune(EPOCH);
    watch.see(one(2));
    watch.prune(EPOCH + 1);
    watch.see(other(2));
    assert.deepEqual(noticed, []);
  });
});

describe("the journal of equivocations", () => {
  const owner = { operator: `0x${"aa".repeat(20)}`, chainId: 31_337, group: `0x${"bb".repeat(20)}` } as const;

  it("survives a restart, and outlives the epoch, until it is dropped", (t) => {
    const directory = mkdtempSync(join(tmpdir(), "memo-equivocation-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const path = join(directory, "journal.sqlite");
    const first = openJournal(path, owner);
    const kept = { first: one(2), second: other(2) };
    first.keepEquivocation(kept);
    first.keepEquivocation({ first: other(2), second: one(2) });
    first.prune(EPOCH + 1);
    first.close();
    const second = openJournal(path, owner);
    assert.deepEqual(second.equivocations(), [kept]);
    second.dropEquivocation(kept);
    assert.deepEqual(second.equivocations(), []);
    second.close();
  });
});

describe("commits that come in", () => {
  const domain = { chainId: 31_337, group: `0x${"cc".repeat(20)}` } as const;

  function inboxAt(lastCertified: number, authentic = true) {
    const { noticed, watch } = watching();
    const state = {
      head: { number: 1, hash: "0x", timestamp: EPOCH * 60 },
      parameters: { genesis: 0, epochLength: 60, termLength: 100 },
      rosters: new Map([[0, { term: 0, keeperIds: [1, 2, 3, 4], operators: ["0x1", "0x2", "0x3", "0x4"] }]]),
      lastCertified,
    } as unknown as GroupState;
    const inbox = createEpochInbox({
      ...{ domain, watch, state: () => state },
      entries: createEpochEntries(() => state),
      signerOf: () => ({
        digest: () => "0x",
        sign: async () => new Uint8Array(64),
        isAuthentic: async () => authentic,
      }),
    });
    const receive = async (message: ConsensusMessage) => inbox.receive(encodeMessage(domain, message));
    return { noticed, receive };
  }
  const decided = (...commits: CommitMessage[]): ConsensusMessage => ({
    ...{ type: "decided", epoch: EPOCH, commits, value: null, member: 0 },
  });

  it("are compared although the epoch is certified, and in whatever message they stand", async () => {
    const { noticed, receive } = inboxAt(EPOCH);
    await receive(one(2));
    await receive(decided(one(1), other(2)));
    assert.equal(noticed.length, 1);
  });

  it("are compared for sixteen epochs, and no longer", async () => {
    for (const [behind, expected] of [
      [16, 1],
      [17, 0],
    ] as const) {
      const { noticed, receive } = inboxAt(EPOCH + behind);
      await receive(one(2));
      await receive(other(2));
      assert.equal(noticed.length, expected);
    }
  });

  it("are no evidence when they are not signed by the member, or of another term", async () => {
    const forged = inboxAt(EPOCH, false);
    await forged.receive(one(2));
    await forged.receive(other(2));
    assert.deepEqual(forged.noticed, []);
    const ofTerm = (message: CommitMessage): CommitMessage => ({
      ...message,
      certificate: { ...message.certificate, term: 1 },
    });
    const { noticed, receive } = inboxAt(EPOCH);
    await receive(ofTerm(one(2)));
    await receive(ofTerm(other(2)));
    assert.deepEqual(noticed, []);
  });
});
