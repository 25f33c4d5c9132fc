import { handOver, order, provider, slotAssignment } from "ponder:schema";
import type { Hex } from "viem";
import { addTotals } from "./books.ts";
import { assignmentId, handOverId, slotId } from "./ids.ts";
import { type ChainEvent, type Db, stampOf } from "./record.ts";
import { changeHolding } from "./slots.ts";

export type HandOverRow = typeof handOver.$inferSelect;
export type SlotName = { readonly groupAddress: Hex; readonly orderId: Hex; readonly slot: number };
/** Somebody's time as holder of a slot: epochs [since, until). */
export type Tenure = { readonly providerId: string; readonly since: bigint; readonly until: bigint };

/** Somebody no longer holds a slot: ends its assignment, counts, and keeps the hand-over. */
export async function recordHandOver(
  db: Db,
  event: ChainEvent,
  name: SlotName,
  tenure: Tenure,
  cause: HandOverRow["cause"],
): Promise<HandOverRow> {
  const { orderId } = name;
  const { providerId, since, until } = tenure;
  const id = handOverId(orderId, name.slot, until);
  const row = await db.insert(handOver).values({
    id,
    ...name,
    slotId: slotId(orderId, name.slot),
    cause,
    ...tenure,
    collateral: "disputed",
    ...{ pot: 0n, reserved: 0n, voided: false },
    ...stampOf(event),
  });
  await db
    .update(slotAssignment, { id: assignmentId(orderId, name.slot, since) })
    .set({ until, handOverId: id });
  await db
    .update(provider, { id: providerId })
    .set((before) =>
      cause === "exit" ? { slotsLeft: before.slotsLeft + 1 } : { slotsLost: before.slotsLost + 1 },
    );
  const terms = await db.find(order, { id: orderId });
  // What a closed order's holders held was taken from them when it closed.
  if (terms !== null && terms.state !== "closed") await changeHolding(db, providerId, -1, terms.stripes);
  return row;
}

/** Takes what is held for a bonus out of the books: others tell who got it. */
export async function emptyPots(db: Db, groupAddress: Hex, id: string): Promise<void> {
  const before = await db.find(handOver, { id });
  if (before === null) return;
  await addTotals(db, groupAddress, { pots: -before.pot, reserves: -before.reserved });
  await db.update(handOver, { id }).set({ pot: 0n, reserved: 0n });
}
