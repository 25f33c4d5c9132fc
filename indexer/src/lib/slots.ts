import { epoch, exception, order, provider, slot } from "ponder:schema";
import { and, eq, gt, gte, lt } from "ponder";
import type { Hex } from "viem";
import { slotId } from "./ids.ts";
import { type EpochRange, paidEpochs, slotPay } from "./pay.ts";
import type { Db } from "./record.ts";

/** Adds to, or takes from, what the holders of an order's slots hold. */
export async function changeHoldings(
  db: Db,
  orderId: Hex,
  change: { readonly slots: number; readonly shards: bigint },
): Promise<void> {
  for (const { providerId } of await slotsOf(db, orderId)) {
    await db.update(provider, { id: providerId }).set((row) => ({
      slotCount: row.slotCount + change.slots,
      shards: row.shards + change.shards,
    }));
  }
}

/**
 * Credits the holders of an order's slots for the settled epochs. The event tells only their sum: who gets
 * how much follows from the missed and dead epochs, which are final when an epoch is settled.
 */
export async function creditSlots(db: Db, orderId: Hex, range: EpochRange): Promise<void> {
  const terms = await db.find(order, { id: orderId });
  if (terms === null) return;
  const dead = await deadRanges(db, terms.groupAddress, range);
  for (const { id, providerId, paidEpochs: before } of await slotsOf(db, orderId)) {
    const missed = await missedRanges(db, providerId, range);
    const after = before + paidEpochs(range, [...dead, ...missed]);
    const pay = slotPay(terms, BigInt(after)) - slotPay(terms, BigInt(before));
    await db.update(slot, { id }).set((row) => ({ paidEpochs: after, earned: row.earned + pay }));
    await db
      .update(provider, { id: providerId })
      .set((row) => ({ earned: row.earned + pay, credit: row.credit + pay }));
  }
}

async function slotsOf(db: Db, orderId: Hex): Promise<(typeof slot.$inferSelect)[]> {
  const count = (await db.find(order, { id: orderId }))?.slotCount ?? 0;
  const rows: (typeof slot.$inferSelect)[] = [];
  for (let index = 0; index < count; index++) {
    const row = await db.find(slot, { id: slotId(orderId, index) });
    if (row !== null) rows.push(row);
  }
  return rows;
}

/** Epochs of gaps that are never paid: the last `dead` before a certified one. */
async function deadRanges(db: Db, groupAddress: Hex, range: EpochRange): Promise<EpochRange[]> {
  const rows = await db.sql
    .select({ epoch: epoch.epoch, dead: epoch.dead })
    .from(epoch)
    .where(and(eq(epoch.groupAddress, groupAddress), gt(epoch.dead, 0), gt(epoch.epoch, range.from)));
  return rows.map((row) => ({ from: row.epoch - (row.dead ?? 0), to: row.epoch }));
}

/** Epochs that the provider missed, with the gap epochs before them that count the same. */
async function missedRanges(db: Db, providerId: string, range: EpochRange): Promise<EpochRange[]> {
  const rows = await db.sql
    .select({ epoch: exception.epoch, fromEpoch: exception.fromEpoch })
    .from(exception)
    .where(
      and(
        eq(exception.providerId, providerId),
        eq(exception.outcome, "applied"),
        eq(exception.kind, "missed"),
        gte(exception.epoch, range.from),
        lt(exception.fromEpoch, range.to),
      ),
    );
  return rows.map((row) => ({ from: row.fromEpoch ?? row.epoch, to: row.epoch + 1 }));
}
