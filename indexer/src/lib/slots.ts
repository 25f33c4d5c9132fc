import { order, provider, slot } from "ponder:schema";
import type { Hex } from "viem";
import { addTotals } from "./books.ts";
import { slotId } from "./ids.ts";
import type { Db } from "./record.ts";

export type SlotRow = typeof slot.$inferSelect;

/** The slots of an order, in order. */
export async function slotsOf(db: Db, orderId: Hex): Promise<SlotRow[]> {
  const count = (await db.find(order, { id: orderId }))?.slotCount ?? 0;
  const rows: SlotRow[] = [];
  for (let index = 0; index < count; index++) {
    const row = await db.find(slot, { id: slotId(orderId, index) });
    if (row !== null) rows.push(row);
  }
  return rows;
}

/** Adds slots of so many shards each to what a provider holds, or takes them away. */
export async function changeHolding(db: Db, id: string, slots: 1 | -1, stripes: bigint): Promise<void> {
  await db.update(provider, { id }).set((row) => ({
    slotCount: row.slotCount + slots,
    shards: row.shards + BigInt(slots) * stripes,
  }));
}

/** How many slots of an order more (or fewer) have a holder, wait for one, or are given up. */
export type Redundancy = { readonly held?: number; readonly vacant?: number; readonly void?: number };

/** Adds a change of redundancy to an order and, while it is open, to the totals of its group. */
export async function changeRedundancy(
  db: Db,
  groupAddress: Hex,
  orderId: Hex,
  change: Redundancy,
): Promise<void> {
  const [held, vacant, given] = [change.held ?? 0, change.vacant ?? 0, change.void ?? 0];
  const changed = await db.update(order, { id: orderId }).set((row) => ({
    slotsHeld: row.slotsHeld + held,
    slotsVacant: row.slotsVacant + vacant,
    slotsVoid: row.slotsVoid + given,
    spareParities: row.spareParities + held,
  }));
  if (changed.state === "closed") return;
  await addTotals(db, groupAddress, { slotsHeld: held, slotsVacant: vacant, slotsVoid: given });
}
