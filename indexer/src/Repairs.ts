import { ponder } from "ponder:registry";
import {
  handOver,
  order,
  provider,
  repair,
  repairOffer,
  slashing,
  slot,
  slotAssignment,
} from "ponder:schema";
import { addTotals, changePayer, journal } from "./lib/books.ts";
import { countOffered } from "./lib/exceptions.ts";
import { emptyPots, recordHandOver } from "./lib/handOvers.ts";
import { assignmentId, handOverId, offerId, payerAddress, scoped, slotId } from "./lib/ids.ts";
import { closeOffer } from "./lib/offers.ts";
import { record, stampOf } from "./lib/record.ts";
import { changeHolding, changeRedundancy } from "./lib/slots.ts";

ponder.on("Repairs:SlotEvicted", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, providerId, slot: index, since, until } = event.args;
  const name = { groupAddress, orderId, slot: index };
  const holder = scoped(groupAddress, providerId);
  const tenure = { providerId: holder, since: BigInt(since), until: BigInt(until) };
  // Who evicted it says so later in the same transaction: LostRecorded or ChallengeUnanswered.
  await recordHandOver(db, event, name, tenure, "lost");
  await db.update(slot, { id: slotId(orderId, index) }).set({
    ...{
      state: "vacant",
      providerId: null,
      formerId: holder,
      formerSince: BigInt(since),
      until: BigInt(until),
    },
    expiries: 0,
  });
  await changeRedundancy(db, groupAddress, orderId, { held: -1, vacant: 1 });
  await addTotals(db, groupAddress, { evictions: 1 });
});

ponder.on("Repairs:RepairOffered", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, slot: index, epoch, deadline } = event.args;
  const providerId = scoped(groupAddress, event.args.providerId);
  const [id, slotRow] = [offerId(orderId, index, epoch), slotId(orderId, index)];
  await db.insert(repairOffer).values({
    ...{ id, groupAddress, orderId, slotId: slotRow, slot: index, providerId },
    ...{ epochId: scoped(groupAddress, epoch), epoch, deadline: BigInt(deadline), state: "open" },
    ...stampOf(event),
  });
  await db.update(slot, { id: slotRow }).set({ offerId: id });
  await db.update(provider, { id: providerId }).set((row) => ({ offersReceived: row.offersReceived + 1 }));
  await countOffered(db, event, groupAddress, { epoch, providerId, orderId, slot: index, offerId: id });
  await addTotals(db, groupAddress, { offersMade: 1 });
});

ponder.on("Repairs:RepairOfferExpired", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, slot: index, expiries } = event.args;
  const row = await db.update(slot, { id: slotId(orderId, index) }).set({ expiries });
  await closeOffer(db, event, row, "expired");
  const id = scoped(groupAddress, event.args.providerId);
  await db.update(provider, { id }).set((before) => ({ offersExpired: before.offersExpired + 1 }));
  await addTotals(db, groupAddress, { offersExpired: 1 });
});

ponder.on("Repairs:RepairAccepted", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, slot: index, since, until, vacancyPay } = event.args;
  const name = { groupAddress, orderId, slot: index };
  const providerId = scoped(groupAddress, event.args.providerId);
  const slotRow = slotId(orderId, index);
  const before = await db.find(slot, { id: slotRow });
  if (before === null) return;
  const [leaving, leavingSince] = [before.providerId, before.since];
  if (leaving !== null) {
    // A clean exit has no event of its own: the slot goes from hand to hand.
    const tenure = { providerId: leaving, since: leavingSince, until: BigInt(until) };
    await recordHandOver(db, event, name, tenure, "exit");
    const former = { formerId: leaving, formerSince: leavingSince, until: BigInt(until) };
    await db.update(slot, { id: slotRow }).set(former);
  }
  const id = handOverId(orderId, index, until);
  const acceptedOffer = await closeOffer(db, event, before, "accepted");
  await db.update(slot, { id: slotRow }).set({
    ...{ state: "held", providerId, since: BigInt(since), expiries: 0 },
  });
  const zero = { paidEpochs: 0, earned: 0n };
  const assignment = { providerId, since: BigInt(since), until: null, handOverId: null, ...zero };
  await db
    .insert(slotAssignment)
    .values({
      ...{ id: assignmentId(orderId, index, since), ...name, slotId: slotRow, ...assignment },
      ...stampOf(event),
    })
    // An assignment that ended before it began leaves its epoch to the next.
    .onConflictDoUpdate({ ...assignment, ...stampOf(event) });
  if (leaving === null) await changeRedundancy(db, groupAddress, orderId, { held: 1, vacant: -1 });
  await db.insert(repair).values({
    ...{ id, ...name, slotId: slotRow, providerId, offerId: acceptedOffer, since: BigInt(since) },
    ...{ bonusState: "pending", bonus: 0n, refunded: 0n },
    ...stampOf(event),
  });
  await db.update(handOver, { id }).set({ reserved: vacancyPay });
  await db.update(provider, { id: providerId }).set((row) => ({ slotsRepaired: row.slotsRepaired + 1 }));
  const terms = await db.update(order, { id: orderId }).set((row) => ({
    escrow: row.escrow - vacancyPay,
    reserved: row.reserved + vacancyPay,
  }));
  await changeHolding(db, providerId, 1, terms.stripes);
  await changePayer(db, groupAddress, payerAddress(terms.payerId), { escrow: -vacancyPay });
  await addTotals(db, groupAddress, { repairsAccepted: 1, escrow: -vacancyPay, reserves: vacancyPay });
  const line = { kind: "bonusReserved", amount: vacancyPay, orderId, payerId: terms.payerId } as const;
  await journal(db, event, groupAddress, line);
});

ponder.on("Repairs:SlotVoided", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, slot: index } = event.args;
  const row = await db.update(slot, { id: slotId(orderId, index) }).set({ state: "void" });
  await closeOffer(db, event, row, "void");
  if (row.until !== null) {
    await db.update(handOver, { id: handOverId(orderId, index, row.until) }).set({ voided: true });
  }
  await changeRedundancy(db, groupAddress, orderId, { vacant: -1, void: 1 });
  await addTotals(db, groupAddress, { slotsGivenUp: 1 });
});

ponder.on("Repairs:VacancyClosed", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, slot: index, until, pot, slashed } = event.args;
  const id = handOverId(orderId, index, until);
  const collateral = slashed ? "slashed" : "released";
  const { cause, providerId } = await db.update(handOver, { id }).set({ collateral, pot });
  await addTotals(db, groupAddress, { pots: pot });
  await journal(db, event, groupAddress, { kind: "potFilled", amount: pot, orderId });
  // Who leaves cleanly pays the bonus; all other slashing is told by Disputes.
  if (cause !== "exit" || pot === 0n) return;
  await db.insert(slashing).values({
    ...{ id, groupAddress, providerId, orderId, handOverId: id },
    ...{ amount: pot, toPot: pot, toPayer: 0n, toTreasury: 0n, toChallenger: 0n, toReporter: 0n, burnt: 0n },
    ...stampOf(event),
  });
});

// StorageOrders tells who was credited.
ponder.on("Repairs:BonusPaid", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, slot: index, until, amount, refunded } = event.args;
  const id = handOverId(orderId, index, until);
  await emptyPots(db, groupAddress, id);
  await db.update(repair, { id }).set({ bonusState: "paid", bonus: amount, refunded });
});

ponder.on("Repairs:BonusForfeited", async ({ event, context: { db } }) => {
  const groupAddress = await record(db, event, "Repairs");
  const { orderId, slot: index, until, refunded } = event.args;
  const id = handOverId(orderId, index, until);
  await emptyPots(db, groupAddress, id);
  // Nobody may have repaired it.
  if ((await db.find(repair, { id })) === null) return;
  await db.update(repair, { id }).set({ bonusState: "forfeited", refunded });
});
