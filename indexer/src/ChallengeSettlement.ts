import { ponder } from "ponder:registry";
import { epoch, equivocation, exception, group, keeper, provider, roster, rosterMember } from "ponder:schema";
import { type Hex, hexToString } from "viem";
import { quorumOf } from "../../protocol/certificate.ts";
import { addTotals } from "./lib/books.ts";
import { lower, scoped } from "./lib/ids.ts";
import { type Db, eventId, record, stampOf } from "./lib/record.ts";

/** Gap epochs that get a row of their own; a group that slept for a year must not write a million. */
const GAP_ROWS = 256;
const EXCEPTION_KINDS: Readonly<Record<number, string>> = { 1: "missed", 2: "lost", 3: "offer" };

ponder.on("ChallengeSettlement:RosterRotated", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  const { term, keeperIds, operators } = event.args;
  const id = scoped(groupAddress, term);
  const before = await db.find(group, { id: groupAddress });
  await db.insert(roster).values({
    id,
    groupAddress,
    term,
    previousId: before?.rosterId ?? null,
    memberCount: operators.length,
    quorum: quorumOf(operators.length),
    ...stampOf(event),
  });
  for (const [rosterIndex, operator] of operators.entries()) {
    await db.insert(rosterMember).values({
      id: scoped(id as Hex, rosterIndex),
      rosterId: id,
      keeperId: scoped(groupAddress, keeperIds[rosterIndex]!),
      rosterIndex,
      operator: lower(operator),
    });
  }
  await db.update(group, { id: groupAddress }).set({ rosterId: id });
});

// Staking tells of the money.
ponder.on("ChallengeSettlement:EquivocationReported", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  const { epoch, round, reporter, slashed, reward } = event.args;
  const keeperId = scoped(groupAddress, event.args.keeperId);
  await db.insert(equivocation).values({
    ...{ id: eventId(keeperId, event), groupAddress, keeperId, epochId: scoped(groupAddress, epoch) },
    ...{ epoch: BigInt(epoch), round: BigInt(round), reporter: lower(reporter), slashed, reward },
    ...stampOf(event),
  });
});

ponder.on("ChallengeSettlement:EpochCertified", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  const { args } = event;
  const inForce = await rosterInForce(db, groupAddress, args.term);
  const certificate = {
    state: "certified" as const,
    certifiedBy: args.epoch,
    term: args.term,
    rosterId: inForce?.id ?? null,
    round: BigInt(args.round),
    resultsRoot: args.resultsRoot,
    exceptionsRoot: args.exceptionsRoot,
    exceptionCount: BigInt(args.exceptions),
    exceptionsApplied: 0n,
    ...{ missed: 0, evicted: 0, offered: 0 },
    leader: args.leader,
    signers: bitsOf(args.signers),
    absent: bitsOf(args.absent),
    submitter: lower(args.submitter),
    certifyGas: Number(event.transactionReceipt.gasUsed),
  };
  await db.insert(epoch).values({
    id: scoped(groupAddress, args.epoch),
    groupAddress,
    epoch: args.epoch,
    startsAt: await startOf(db, groupAddress, args.epoch),
    ...certificate,
    ...stampOf(event),
  });
  if (inForce !== null) await countService(db, inForce, certificate);
  await db.update(group, { id: groupAddress }).set({ lastCertifiedEpoch: args.epoch });
  await addTotals(db, groupAddress, { epochsCertified: 1 });
});

ponder.on("ChallengeSettlement:ProviderMissed", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  const { providerId, fromEpoch } = event.args;
  const epochId = scoped(groupAddress, event.args.epoch);
  await db
    .insert(exception)
    .values({
      id: `${epochId}-missed-${providerId}`,
      groupAddress,
      epochId,
      epoch: event.args.epoch,
      kind: "missed",
      outcome: "applied",
      providerId: scoped(groupAddress, providerId),
      fromEpoch,
      ...stampOf(event),
    })
    .onConflictDoNothing();
  await db.update(epoch, { id: epochId }).set((row) => ({ missed: row.missed + 1 }));
  const id = scoped(groupAddress, providerId);
  await db.update(provider, { id }).set((row) => ({ missedEpochs: row.missedEpochs + 1 }));
  await addTotals(db, groupAddress, { exceptionsApplied: 1 });
});

ponder.on("ChallengeSettlement:ExceptionSkipped", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  const { index, kind, reason } = event.args;
  const epochId = scoped(groupAddress, event.args.epoch);
  await db
    .insert(exception)
    .values({
      id: `${epochId}-skipped-${index}`,
      groupAddress,
      epochId,
      epoch: event.args.epoch,
      kind: EXCEPTION_KINDS[kind] ?? String(kind),
      outcome: "skipped",
      reason: hexToString(reason, { size: 32 }),
      providerId: scoped(groupAddress, event.args.provider),
      ...stampOf(event),
    })
    .onConflictDoNothing();
  await addTotals(db, groupAddress, { exceptionsSkipped: 1 });
});

ponder.on("ChallengeSettlement:ExceptionsApplied", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  const exceptionsApplied = BigInt(event.args.to);
  await db.update(epoch, { id: scoped(groupAddress, event.args.epoch) }).set({ exceptionsApplied });
});

ponder.on("ChallengeSettlement:EpochFinished", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  const { lapsed, gap, dead } = event.args;
  const number = event.args.epoch;
  const stamp = stampOf(event);
  await db.update(epoch, { id: scoped(groupAddress, number) }).set({
    state: lapsed ? "lapsed" : "finished",
    gap,
    dead,
    finishedBlock: stamp.block,
    finishedTransactionHash: stamp.transactionHash,
  });
  const termLength = await parameter(db, groupAddress, "termLength");
  for (let skipped = number - gap; skipped < Math.min(number, number - gap + GAP_ROWS); skipped++) {
    const term = Math.floor(skipped / Number(termLength));
    await db.insert(epoch).values({
      id: scoped(groupAddress, skipped),
      groupAddress,
      epoch: skipped,
      startsAt: await startOf(db, groupAddress, skipped),
      state: skipped < number - dead ? "gap" : "dead",
      certifiedBy: number,
      term,
      rosterId: (await rosterInForce(db, groupAddress, term))?.id ?? null,
      exceptionsApplied: 0n,
      ...{ missed: 0, evicted: 0, offered: 0 },
      ...stamp,
    });
  }
  await db.update(group, { id: groupAddress }).set({ lastFinishedEpoch: number });
  await addTotals(db, groupAddress, { epochsGap: gap, ...(lapsed ? { epochsLapsed: 1 } : {}) });
});

ponder.on("ChallengeSettlement:KeeperMasked", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "ChallengeSettlement");
  await db.update(keeper, { id: scoped(groupAddress, event.args.keeperId) }).set({ masked: true });
});

/** The last roster written for a term or an earlier one. */
async function rosterInForce(db: Db, groupAddress: Hex, term: number) {
  let id = (await db.find(group, { id: groupAddress }))?.rosterId ?? null;
  while (id !== null) {
    const candidate: typeof roster.$inferSelect | null = await db.find(roster, { id });
    if (candidate === null || candidate.term <= term) return candidate;
    id = candidate.previousId;
  }
  return null;
}

/** Counts for each member of the roster what the certificate says of it. */
async function countService(
  db: Db,
  inForce: typeof roster.$inferSelect,
  certificate: { signers: number[]; absent: number[]; leader: number; submitter: Hex },
): Promise<void> {
  for (let index = 0; index < inForce.memberCount; index++) {
    const member = await db.find(rosterMember, { id: scoped(inForce.id as Hex, index) });
    if (member === null) continue;
    const count = (condition: boolean): number => (condition ? 1 : 0);
    await db.update(keeper, { id: member.keeperId }).set((row) => ({
      signed: row.signed + count(certificate.signers.includes(index)),
      absent: row.absent + count(certificate.absent.includes(index)),
      led: row.led + count(certificate.leader === index),
      submitted: row.submitted + count(certificate.submitter === member.operator),
    }));
  }
}

/** Indexes of the bits that are set, ascending. */
function bitsOf(bitmap: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (bitmap >>> bit) & 1);
}

/** First second of an epoch. */
async function startOf(db: Db, groupAddress: Hex, number: number): Promise<bigint> {
  const genesis = await parameter(db, groupAddress, "genesis");
  return genesis + BigInt(number) * (await parameter(db, groupAddress, "epochLength"));
}

async function parameter(db: Db, groupAddress: Hex, name: string): Promise<bigint> {
  return BigInt((await db.find(group, { id: groupAddress }))?.parameters[name] ?? 0);
}
