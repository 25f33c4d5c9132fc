import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { concatHex, type Hex, keccak256, parseEventLogs, stringToHex } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import type { Certificate } from "../../protocol/certificate.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { exceptionTree, missedLeaf } from "../support/contracts/exceptions.ts";
import { createGroup, EMPTY_ROOT, type Group } from "../support/contracts/group.ts";
import { signCommit } from "../support/contracts/signing.ts";

/* Seven keepers: the quorum is five, two may be absent. */
let group: Group;
let epoch = 1;
const submit = async (certificate: Certificate, signers: number, signatures: Hex) =>
  await group.onSettlement("certify", [certificate, signers, signatures]);
const nextEpoch = async (): Promise<number> => {
  epoch++;
  await group.toEpoch(epoch);
  return epoch;
};

before(async () => {
  group = await createGroup({ keepers: 7, providers: 1 });
  await group.toEpoch(epoch);
});
after(() => group.chain.close());

test("exactly a quorum certifies, whoever submits, and the event says all of it", async () => {
  const it = group.certificate(await nextEpoch(), { round: 3, leader: 6, absent: 0b1000001 });
  const [bits, signatures] = await group.signatures(it, [0, 2, 3, 5, 6]);
  const receipt = await group.onSettlement("certify", [it, bits, signatures], testAccount(55));
  const [certified] = parseEventLogs({
    abi: challengeSettlementAbi,
    eventName: "EpochCertified",
    logs: receipt.logs,
  });
  const { term, round, resultsRoot, exceptionsRoot, exceptions, absent, leader } = it;
  assert.deepEqual(certified!.args, {
    ...{ epoch, term, submitter: testAccount(55).address, round, resultsRoot },
    ...{ exceptionsRoot, exceptions, absent, leader, signers: 0b1101101 },
  });
  assert.equal(await group.read.settlement("lastCertified"), epoch);
  assert.equal(await group.read.settlement("lastFinished"), epoch, "nothing was pending");
});

test("too few, too many, unsorted, repeated, foreign and unknown signers are refused", async () => {
  const it = group.certificate(await nextEpoch());
  const sign = async (members: readonly number[]) => (await group.signatures(it, members))[1];
  const bits = 0b11111;
  await rejectsWith(submit(it, 0b1111, await sign([0, 1, 2, 3])), "QuorumWrong", [4n, 5n]);
  await rejectsWith(submit(it, 0b111111, await sign([0, 1, 2, 3, 4, 5])), "QuorumWrong", [6n, 5n]);
  await rejectsWith(submit(it, bits, await sign([0, 1, 2, 3])), "SignaturesLength", [256n, 320n]);
  await rejectsWith(submit(it, bits, await sign([0, 1, 2, 3, 4, 5])), "SignaturesLength");
  await rejectsWith(submit(it, bits, await sign([1, 0, 2, 3, 4])), "SignatureInvalid");
  await rejectsWith(submit(it, bits, await sign([0, 1, 2, 3, 3])), "SignatureInvalid");
  await rejectsWith(submit(it, bits, await sign([0, 1, 2, 3, 5])), "SignatureInvalid");
  await rejectsWith(submit(it, 0b10001111, await sign([0, 1, 2, 3, 4])), "SignersUnknown", [0b10001111, 7n]);
  const foreign = await signCommit(group.place, it, testAccount(55));
  await rejectsWith(submit(it, bits, concatHex([await sign([0, 1, 2, 3]), foreign])), "SignatureInvalid");
  await rejectsWith(submit(it, bits, `0x${"00".repeat(320)}`), "SignatureInvalid");
});

test("votes of another round, content, group or chain do not count", async () => {
  const it = group.certificate(await nextEpoch());
  const [bits, four] = await group.signatures(it, [0, 1, 2, 3]);
  const fifth = async (certificate: Certificate, place = group.place) =>
    submit(it, bits | 16, concatHex([four, await signCommit(place, certificate, group.keepers[4]!.account)]));
  await rejectsWith(fifth({ ...it, round: 1 }), "SignatureInvalid");
  await rejectsWith(fifth({ ...it, resultsRoot: EMPTY_ROOT }), "SignatureInvalid");
  await rejectsWith(fifth({ ...it, absent: 1 }), "SignatureInvalid");
  await rejectsWith(fifth({ ...it, leader: 1 }), "SignatureInvalid");
  await rejectsWith(fifth(it, { ...group.place, chainId: 1 }), "SignatureInvalid");
  await rejectsWith(fifth(it, { ...group.place, settlement: group.orders }), "SignatureInvalid");
  await fifth(it);
});

test("epochs rise, are not in the future and belong to their term", async () => {
  const now = await nextEpoch();
  await group.certify(group.certificate(now));
  await rejectsWith(group.certify(group.certificate(now)), "EpochNotRising", [now, now]);
  await rejectsWith(group.certify(group.certificate(now - 1)), "EpochNotRising");
  await rejectsWith(group.certify(group.certificate(now + 1)), "EpochInFuture", [now + 1, now]);
  const next = await nextEpoch();
  await rejectsWith(group.certify(group.certificate(next, { term: 1 })), "TermWrong", [1, 0]);
});

test("of two certificates of an epoch the first valid one wins", async () => {
  const now = await nextEpoch();
  await group.certify(group.certificate(now, { round: 1 }));
  await rejectsWith(group.certify(group.certificate(now), 2), "EpochNotRising");
});

test("leader, absent members and the empty root are checked", async () => {
  const now = await nextEpoch();
  const refused = async (overrides: Partial<Certificate>, error: string) =>
    await rejectsWith(group.certify(group.certificate(now, overrides)), error);
  await refused({ leader: 7 }, "LeaderUnknown");
  await refused({ absent: 0b111 }, "AbsentInvalid");
  await refused({ absent: 0b10000000 }, "AbsentInvalid");
  await refused({ exceptions: 1 }, "ExceptionsRootInvalid");
  await refused({ exceptionsRoot: keccak256(stringToHex("leaves")) }, "ExceptionsRootInvalid");
  await refused({ exceptionsRoot: `0x${"00".repeat(32)}` }, "ExceptionsRootInvalid");
  await group.certify(group.certificate(now, { absent: 0b11, leader: 6 }));
});

test("a group without a roster certifies nothing", async () => {
  const bare = await createGroup({ keepers: 4, providers: 1, rotate: false });
  await bare.toEpoch(1);
  await rejectsWith(bare.certify(bare.certificate(1)), "NoRoster", [0]);
  await bare.chain.close();
});

test("at most 256 certified epochs wait; one more is taken once one of them is finished", async () => {
  const group = await createGroup({ providers: 1, parameters: { termLength: 1000 } });
  await group.toEpoch(257);
  const tree = exceptionTree([missedLeaf(1)]);
  await group.certify(group.certificate(1, tree.certificate));
  for (let epoch = 2; epoch <= 256; epoch++) await group.certify(group.certificate(epoch));
  assert.equal(await group.read.settlement("pendingCount"), 256n);
  await rejectsWith(group.certify(group.certificate(257)), "PendingEpochsFull", [256n]);
  await group.onSettlement("applyExceptions", [1, ...tree.chunk(0, 1)]);
  // Its own, and sixteen that waited behind it.
  assert.equal(await group.read.settlement("lastFinished"), 17);
  await group.certify(group.certificate(257));
  await group.chain.close();
});
