import { repairOffer, slot } from "ponder:schema";
import { type ChainEvent, type Db, stampOf } from "./record.ts";
import type { SlotRow } from "./slots.ts";

/** Ends the offer of a slot that may still be accepted, if there is one. */
export async function closeOffer(
  db: Db,
  event: ChainEvent,
  row: Pick<SlotRow, "id" | "offerId">,
  state: "accepted" | "expired" | "void",
): Promise<string | null> {
  const { id, offerId } = row;
  if (offerId === null) return null;
  const { block, transactionHash } = stampOf(event);
  const closed = { state, closedBlock: block, closedTransactionHash: transactionHash };
  await db.update(repairOffer, { id: offerId }).set(closed);
  await db.update(slot, { id }).set({ offerId: null });
  return offerId;
}
