import { ponder } from "ponder:registry";
import {
  appeal,
  demander,
  directChallenge,
  handOver,
  lostRecord,
  lostShard,
  order,
  provider,
  slashing,
  slotAssignment,
} from "ponder:schema";
import { hexToString } from "viem";
import { addTotals } from "./lib/books.ts";
import { countLost } from "./lib/exceptions.ts";
import { assignmentId, handOverId, lower, recordId, scoped, slotId } from "./lib/ids.ts";
import { record, stampOf } from "./lib/record.ts";

ponder.on("Disputes:LostRecorded", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { epoch, part, draw, deadline, deadlineBlock, isProtected, entries } = event.args;
  const providerId = scoped(groupAddress, event.args.providerId);
  const id = recordId(providerId, epoch, part);
  const stamp = stampOf(event);
  await db.insert(lostRecord).values({
    ...{ id, groupAddress, providerId, epochId: scoped(groupAddress, epoch), epoch, part: BigInt(part) },
    ...{ state: isProtected ? "protected" : "open", isProtected, entryCount: entries.length },
    ...{ draw, deadline, deadlineBlock },
    ...stamp,
  });
  for (const { orderId, slot, stripe, until } of entries) {
    const left = handOverId(orderId, slot, until);
    await db.insert(lostShard).values({
      ...{ id: `${id}-${slotId(orderId, slot)}`, groupAddress, recordId: id, providerId, outcome: "evicted" },
      ...{ orderId, slotId: slotId(orderId, slot), slot, stripe: BigInt(stripe), handOverId: left },
      ...stamp,
    });
    await db.update(handOver, { id: left }).set({ cause: "lost", recordId: id });
  }
  await countLost(db, event, groupAddress, {
    epoch,
    providerId,
    part,
    recordId: id,
    entries: entries.length,
  });
  await db.update(provider, { id: providerId }).set((row) => ({ lostRecordCount: row.lostRecordCount + 1 }));
  await addTotals(db, groupAddress, { lostRecordCount: 1 });
});

ponder.on("Disputes:LostEntryDropped", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { epoch, part, index, reason } = event.args;
  const providerId = scoped(groupAddress, event.args.providerId);
  const id = recordId(providerId, epoch, part);
  await db
    .insert(lostShard)
    .values({
      ...{ id: `${id}-dropped-${index}`, groupAddress, recordId: id, providerId, outcome: "dropped" },
      reason: hexToString(reason, { size: 32 }),
      ...stampOf(event),
    })
    .onConflictDoNothing();
});

ponder.on("Disputes:AppealAccepted", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { epoch, part } = event.args;
  const providerId = scoped(groupAddress, event.args.providerId);
  const id = recordId(providerId, epoch, part);
  const protectedTo = BigInt(event.args.protectedTo);
  await db.insert(appeal).values({ id, groupAddress, providerId, protectedTo, ...stampOf(event) });
  await db.update(lostRecord, { id }).set({ state: "appealed" });
  await db
    .update(provider, { id: providerId })
    .set((row) => ({ appealsWon: row.appealsWon + 1, protectedTo }));
  await addTotals(db, groupAddress, { appealsAccepted: 1 });
});

ponder.on("Disputes:RecordClosed", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { epoch, providerId, part, slashed } = event.args;
  const { block, transactionHash } = stampOf(event);
  const closed = { slashed, closedBlock: block, closedTransactionHash: transactionHash };
  const id = recordId(scoped(groupAddress, providerId), epoch, part);
  await db.update(lostRecord, { id }).set({ state: "closed", ...closed });
});

ponder.on("Disputes:CollateralSlashed", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { providerId, orderId, slot, until, toPayer, toPot, toTreasury, toChallenger } = event.args;
  const id = handOverId(orderId, slot, until);
  await db.insert(slashing).values({
    ...{ id, groupAddress, providerId: scoped(groupAddress, providerId), orderId, handOverId: id },
    ...{ amount: toPayer + toPot + toTreasury + toChallenger, toPayer, toPot, toTreasury, toChallenger },
    payerId: (await db.find(order, { id: orderId }))?.payerId ?? null,
    ...{ toReporter: 0n, burnt: 0n },
    ...stampOf(event),
  });
});

// What it leads to is told by Staking (collateral released) and Repairs (vacancy closed).
ponder.on("Disputes:CollateralSpared", async ({ event, context: { db } }) => {
  await record(db, event, "Disputes");
});

ponder.on("Disputes:ChallengeOpened", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { orderId, slot, stripe, ...ticket } = event.args.ticket;
  const providerId = scoped(groupAddress, ticket.providerId);
  await db.insert(directChallenge).values({
    id: scoped(groupAddress, ticket.id),
    ...{ groupAddress, orderId, slotId: slotId(orderId, slot), slot, stripe: BigInt(stripe) },
    ...{ challengeId: ticket.id, providerId },
    assignmentId: assignmentId(orderId, slot, ticket.since),
    ...{ challenger: lower(ticket.challenger), ownerLane: ticket.ownerLane },
    ...{ asBlob: ticket.asBlob, state: "open" },
    ...{
      bond: ticket.bond,
      deadline: ticket.deadline,
      deadlineBlock: ticket.deadlineBlock,
      draw: ticket.draw,
    },
    ...stampOf(event),
  });
  await db.update(provider, { id: providerId }).set((row) => ({ challenged: row.challenged + 1 }));
  await addTotals(db, groupAddress, { challengesOpened: 1, bonds: ticket.bond });
});

ponder.on("Disputes:ChallengeAnswered", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { by, reimbursed } = event.args;
  const { block, transactionHash } = stampOf(event);
  const closed = await db.update(directChallenge, { id: scoped(groupAddress, event.args.id) }).set((row) => ({
    ...{ state: "answered", answeredBy: lower(by), reimbursed, burnt: row.bond - reimbursed },
    ...{ closedBlock: block, closedTransactionHash: transactionHash },
  }));
  await addTotals(db, groupAddress, {
    ...{ challengesAnswered: 1, bonds: -closed.bond },
    ...{ bondsReimbursed: reimbursed, bondsBurnt: closed.bond - reimbursed },
  });
});

ponder.on("Disputes:ChallengeUnanswered", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { reward, evicted } = event.args;
  const { block, transactionHash } = stampOf(event);
  const id = scoped(groupAddress, event.args.id);
  const closed = await db.update(directChallenge, { id }).set({
    ...{ state: "unanswered", reward, evicted },
    ...{ closedBlock: block, closedTransactionHash: transactionHash },
  });
  // It ended the challenged provider's time as holder, or something else did so before.
  const tenure = await db.find(slotAssignment, { id: closed.assignmentId });
  const left = tenure?.handOverId ?? null;
  if (left !== null) {
    if (evicted) await db.update(handOver, { id: left }).set({ cause: "challenge", challengeId: id });
    const taken = await db.find(slashing, { id: left });
    // The collateral may have been settled by others.
    if (taken?.transactionHash === transactionHash) {
      await db.update(slashing, { id: left }).set({ challengeId: id });
    }
  }
  await db
    .update(provider, { id: closed.providerId })
    .set((row) => ({ challengesUnanswered: row.challengesUnanswered + 1 }));
  const bonds = { bonds: -closed.bond, bondsReturned: closed.bond };
  await addTotals(db, groupAddress, { challengesUnanswered: 1, ...bonds });
});

// Told beside the end of the challenge, which counts the bond as returned.
ponder.on("Disputes:BondForfeited", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const { id, amount } = event.args;
  await db
    .update(directChallenge, { id: scoped(groupAddress, id) })
    .set((row) => ({ burnt: (row.burnt ?? 0n) + amount }));
  await addTotals(db, groupAddress, { bondsReturned: -amount, bondsBurnt: amount });
});

ponder.on("Disputes:DemanderApproved", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Disputes");
  const owner = lower(event.args.owner);
  const named = lower(event.args.demander);
  const change = { approved: event.args.approved, ...stampOf(event) };
  await db
    .insert(demander)
    .values({ id: `${groupAddress}-${owner}-${named}`, groupAddress, owner, demander: named, ...change })
    .onConflictDoUpdate(change);
});
