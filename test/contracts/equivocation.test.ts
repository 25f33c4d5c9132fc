import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, keccak256, parseEventLogs, stringToHex } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import type { Certificate } from "../../protocol/certificate.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";
import { signCommit } from "../support/contracts/signing.ts";

const DEAD = "0x000000000000000000000000000000000000dEaD";
const reporter = testAccount(55);
const other = { resultsRoot: keccak256(stringToHex("another result")) };

/** Two commits of one member for one round; `change` is what the second says otherwise. */
async function commits(group: Group, change: Partial<Certificate> = other, member = 2) {
  const a = group.certificate(1);
  const b = { ...a, ...change };
  const account = group.keepers[member]!.account;
  const signatures = [
    await signCommit(group.place, a, account),
    await signCommit(group.place, b, account),
  ] as const;
  return { a, b, member, signatures };
}
const report = async (group: Group, { a, b, member, signatures }: Awaited<ReturnType<typeof commits>>) =>
  await group.onSettlement("reportEquivocation", [a, b, member, ...signatures], reporter);
const tokensOf = async (group: Group, address: Hex) => await group.read.token<bigint>("balanceOf", [address]);

test("who signed two results of one round loses its stake: a twentieth to the reporter, the rest burnt", async () => {
  const group = await createGroup({ keepers: 7, providers: 0 });
  // What is on its way out is stake as well.
  await group.onStaking("addStake", [1, 3, 7n]);
  await group.onStaking("addStake", [1, 3, 500n * TOKENS]);
  await group.onStaking("requestUnbonding", [1, 3, 500n * TOKENS]);
  const all = 1500n * TOKENS + 7n;
  const [before, burnt] = [await tokensOf(group, group.staking), await tokensOf(group, DEAD)];
  const receipt = await report(group, await commits(group));
  const reward = all / 20n;
  assert.equal(await tokensOf(group, reporter.address), reward);
  assert.equal((await tokensOf(group, DEAD)) - burnt, all - reward);
  assert.equal(before - (await tokensOf(group, group.staking)), all);
  const [event] = parseEventLogs({
    abi: challengeSettlementAbi,
    eventName: "EquivocationReported",
    logs: receipt.logs,
  });
  assert.deepEqual(event!.args, {
    ...{ keeperId: 3, reporter: reporter.address, epoch: 1, round: 0, slashed: all, reward },
  });
  const keeper = await group.read.staking<{ stake: bigint; unbonding: bigint; seat: number }>("keeper", [3]);
  assert.deepEqual([keeper.stake, keeper.unbonding, keeper.seat], [0n, 0n, 255]);
  await rejectsWith(group.onStaking("withdrawStake", [1, 3]), "NothingUnbonding");
  await group.chain.close();
});

test("any difference in what was signed for one round counts", async () => {
  const changes: Partial<Certificate>[] = [
    { exceptionsRoot: keccak256("0x01"), exceptions: 1 },
    { exceptions: 3 },
    { absent: 1 },
    { leader: 1 },
  ];
  const group = await createGroup({ keepers: 7, providers: 0 });
  for (const [member, change] of changes.entries()) await report(group, await commits(group, change, member));
  assert.equal(await group.read.settlement("masked", [0]), 0b1111);
  await group.chain.close();
});

test("the same result twice is none; nor are results of different rounds, epochs or terms", async () => {
  const group = await createGroup({ keepers: 7, providers: 0 });
  for (const change of [{}, { round: 1, ...other }, { epoch: 2, ...other }, { term: 1, ...other }]) {
    await rejectsWith(report(group, await commits(group, change)), "NoConflict");
  }
  await group.chain.close();
});

test("both signatures are of the named member", async () => {
  const group = await createGroup({ keepers: 7, providers: 0 });
  const right = await commits(group);
  const foreign = await commits(group, other, 3);
  const operator = group.keepers[2]!.account.address;
  const refuse = async (change: object, error: string, args?: readonly unknown[]) =>
    await rejectsWith(report(group, { ...right, ...change }), error, args);
  const [first, second] = right.signatures;
  await refuse({ member: 3 }, "SignatureNotOfMember");
  await refuse({ member: 7 }, "MemberUnknown", [7, 7n]);
  await refuse({ signatures: [first, foreign.signatures[1]] }, "SignatureNotOfMember", [
    group.keepers[3]!.account.address,
    operator,
  ]);
  await refuse({ signatures: [foreign.signatures[0], second] }, "SignatureNotOfMember");
  await refuse({ signatures: [first, first] }, "SignatureNotOfMember");
  await refuse({ signatures: [first, `0x${"00".repeat(64)}`] }, "SignatureNotOfMember");
  await refuse({ signatures: [first, `${second}00`] }, "SignatureNotOfMember");
  await refuse({ signatures: ["0x", second] }, "SignatureNotOfMember");
  await group.chain.close();
});

test("a keeper is slashed once, whatever else it signed twice", async () => {
  const group = await createGroup({ keepers: 7, providers: 0, parameters: { termLength: 4 } });
  const evidence = await commits(group);
  const account = group.keepers[2]!.account;
  const evidenceOf = async (change: Partial<Certificate>) => {
    const [a, b] = [group.certificate(1, change), group.certificate(1, { ...change, ...other })];
    const signatures = [
      await signCommit(group.place, a, account),
      await signCommit(group.place, b, account),
    ] as const;
    return { a, b, member: 2, signatures };
  };
  await group.toEpoch(3);
  await group.onSettlement("rotate", []);
  await report(group, evidence);
  const swapped = {
    ...evidence,
    a: evidence.b,
    b: evidence.a,
    signatures: [...evidence.signatures].reverse(),
  };
  const again = [
    evidence,
    swapped as unknown as typeof evidence,
    await commits(group, { resultsRoot: keccak256("0x03") }),
    await evidenceOf({ round: 1 }),
    // On the next roster.
    await evidenceOf({ term: 1, epoch: 4 }),
  ];
  for (const it of again) await rejectsWith(report(group, it), "KeeperAlreadySlashed", [3]);
  // What somebody stakes for it since is not another keeper's to burn.
  await group.onStaking("addStake", [1, 3, 10n * TOKENS]);
  for (const it of again) await rejectsWith(report(group, it), "KeeperAlreadySlashed", [3]);
  await group.chain.close();
});

test("a masked member's signature counts no more; the quorum stays what it was", async () => {
  const group = await createGroup({ keepers: 7, providers: 0 });
  await group.toEpoch(1);
  await report(group, await commits(group));
  const certify = async (epoch: number, members: readonly number[]) => {
    const it = group.certificate(epoch);
    return await group.onSettlement("certify", [it, ...(await group.signatures(it, members))]);
  };
  await rejectsWith(certify(1, [0, 1, 2, 3, 4]), "MembersMasked", [0b11111, 0b100]);
  await rejectsWith(certify(1, [0, 1, 3, 4]), "QuorumWrong", [4n, 5n]);
  await certify(1, [0, 1, 3, 4, 5]);
  assert.equal(await group.read.settlement("masked", [0]), 0b100);
  assert.equal(await group.read.settlement("rosterSize", [0]), 7n);
  await group.chain.close();
});

test("it is masked in every roster that can still certify, and not seated in the next", async () => {
  const group = await createGroup({ keepers: 7, providers: 0, parameters: { termLength: 4 } });
  await group.toEpoch(3);
  await group.onSettlement("rotate", []);
  // Epoch 3 is certified late, in term 1, whose last epoch makes the roster of term 2.
  await group.toEpoch(7);
  await group.onSettlement("rotate", []);
  const evidence = await commits(group);
  await report(group, evidence);
  for (const term of [0, 1, 2]) assert.equal(await group.read.settlement("masked", [term]), 0b100);
  for (const epoch of [3, 7]) {
    const it = group.certificate(epoch);
    const signed = await group.signatures(it, [2, 3, 4, 5, 6]);
    await rejectsWith(group.onSettlement("certify", [it, ...signed]), "MembersMasked");
  }
  await group.toEpoch(11);
  await group.onSettlement("rotate", []);
  assert.deepEqual(await group.read.settlement("rosterKeepers", [3]), [1, 2, 4, 5, 6, 7]);
  assert.equal(await group.read.settlement("masked", [3]), 0);
  await group.chain.close();
});

test("a keeper that is not on a roster any more is slashed and masked nowhere", async () => {
  const group = await createGroup({ keepers: 7, providers: 0, parameters: { termLength: 4 } });
  await group.onStaking("requestUnbonding", [1, 3, 1000n * TOKENS]);
  await group.chain.helpers.mine();
  await group.toEpoch(3);
  await group.onSettlement("rotate", []);
  await group.toEpoch(4);
  const it = group.certificate(4);
  const [, signatures] = await group.signatures(it, [0, 1, 3, 4, 5]);
  await group.onSettlement("certify", [it, 0b11111, signatures]);
  const receipt = await report(group, await commits(group));
  const [event] = parseEventLogs({
    abi: challengeSettlementAbi,
    eventName: "EquivocationReported",
    logs: receipt.logs,
  });
  assert.equal(event!.args.slashed, 1000n * TOKENS);
  assert.equal(await group.read.settlement("masked", [1]), 0);
  const member = await group.read.settlement<{ keeperId: number; operator: Hex }>("memberAt", [1, 2]);
  assert.deepEqual(member, { keeperId: 4, operator: group.keepers[3]!.account.address });
  await group.chain.close();
});
