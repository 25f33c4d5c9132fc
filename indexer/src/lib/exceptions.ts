import { epoch, exception } from "ponder:schema";
import type { Hex } from "viem";
import { addTotals } from "./books.ts";
import { scoped, slotId } from "./ids.ts";
import { type ChainEvent, type Db, stampOf } from "./record.ts";

type Applied = { readonly epoch: number; readonly providerId: string };

/** A lost leaf was applied: its record has so many entries. */
export async function countLost(
  db: Db,
  event: ChainEvent,
  groupAddress: Hex,
  leaf: Applied & { readonly part: number; readonly recordId: string; readonly entries: number },
): Promise<void> {
  const provider = leaf.providerId.slice(groupAddress.length + 1);
  const row = { kind: "lost", id: `lost-${provider}-${leaf.part}`, recordId: leaf.recordId };
  await insertApplied(db, event, groupAddress, leaf, row);
  const id = scoped(groupAddress, leaf.epoch);
  await db.update(epoch, { id }).set((before) => ({ evicted: before.evicted + leaf.entries }));
}

/** An offer leaf was applied. */
export async function countOffered(
  db: Db,
  event: ChainEvent,
  groupAddress: Hex,
  leaf: Applied & { readonly orderId: Hex; readonly slot: number; readonly offerId: string },
): Promise<void> {
  const row = { kind: "offer", id: `offer-${slotId(leaf.orderId, leaf.slot)}`, offerId: leaf.offerId };
  await insertApplied(db, event, groupAddress, leaf, row);
  const id = scoped(groupAddress, leaf.epoch);
  await db.update(epoch, { id }).set((before) => ({ offered: before.offered + 1 }));
}

async function insertApplied(
  db: Db,
  event: ChainEvent,
  groupAddress: Hex,
  leaf: Applied,
  row: { readonly kind: string; readonly id: string; readonly recordId?: string; readonly offerId?: string },
): Promise<void> {
  const epochId = scoped(groupAddress, leaf.epoch);
  await db
    .insert(exception)
    .values({
      ...{ ...row, id: `${epochId}-${row.id}` },
      ...{ groupAddress, epochId, epoch: leaf.epoch, outcome: "applied", providerId: leaf.providerId },
      ...stampOf(event),
    })
    .onConflictDoNothing();
  await addTotals(db, groupAddress, { exceptionsApplied: 1 });
}
