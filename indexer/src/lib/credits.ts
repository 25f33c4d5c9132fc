import { epoch, exception, order, provider, slot, slotAssignment } from "ponder:schema";
import { and, eq, gt, gte, lt } from "ponder";
import type { Hex } from "viem";
import { assignmentId } from "./ids.ts";
import { type EpochRange, overlap, paidEpochs, slotPay } from "./pay.ts";
import type { Db } from "./record.ts";
import { type SlotRow, slotsOf } from "./slots.ts";

/**
 * Credits those who held an order's slots in the settled epochs. The event tells only their sum: who gets how much
 * follows from the missed and dead epochs, which are final when an epoch is settled, and from who held what.
 */
export async function creditSlots(db: Db, orderId: Hex, range: EpochRange): Promise<void> {
  const terms = await db.find(order, { id: orderId });
  if (terms === null) return;
  const dead = await deadRanges(db, terms.groupAddress, range);
  for (const row of await slotsOf(db, orderId)) {
    for (const { assignment, ...held } of tenures(row)) {
      const settled = overlap(range, held);
      if (settled !== undefined) await creditTenure(db, terms, dead, { row, assignment, settled });
    }
  }
}

type Tenure = EpochRange & { readonly assignment: string };

/** Who may be paid for a slot: it has to be settled past a change of hands before the next, so there are two at most. */
function tenures({ orderId, slot: index, ...row }: SlotRow): Tenure[] {
  const found: Tenure[] = [];
  if (row.formerSince !== null && row.until !== null) {
    const assignment = assignmentId(orderId, index, row.formerSince);
    found.push({ assignment, from: Number(row.formerSince), to: Number(row.until) });
  }
  if (row.providerId !== null) {
    const assignment = assignmentId(orderId, index, row.since);
    found.push({ assignment, from: Number(row.since), to: Number.POSITIVE_INFINITY });
  }
  return found;
}

/** Pay is rounded over the whole time of a holder, so that it does not matter how often somebody settles. */
async function creditTenure(
  db: Db,
  terms: { readonly price: bigint; readonly stripes: bigint },
  dead: readonly EpochRange[],
  paid: { readonly row: SlotRow; readonly assignment: string; readonly settled: EpochRange },
): Promise<void> {
  const tenure = await db.find(slotAssignment, { id: paid.assignment });
  if (tenure === null) return;
  const { providerId, paidEpochs: before } = tenure;
  const missed = await missedRanges(db, providerId, paid.settled);
  const epochs = paidEpochs(paid.settled, [...dead, ...missed]);
  const pay = slotPay(terms, BigInt(before + epochs)) - slotPay(terms, BigInt(before));
  const add = (row: { paidEpochs: number; earned: bigint }) => ({
    paidEpochs: row.paidEpochs + epochs,
    earned: row.earned + pay,
  });
  await db.update(slot, { id: paid.row.id }).set(add);
  await db.update(slotAssignment, { id: paid.assignment }).set(add);
  await db
    .update(provider, { id: providerId })
    .set((row) => ({ earned: row.earned + pay, credit: row.credit + pay }));
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
