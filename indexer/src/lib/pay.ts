const PRICE_SHIFT = 32n;
const PROVIDER_PARTS = 100n;
const KEEPER_PARTS = 4n;

/** Price and size of an order, as far as its cost depends on them. */
export type PricedOrder = { readonly price: bigint; readonly stripes: bigint; readonly slotCount: number };

/** What the holder of one slot has earned after `epochs` paid epochs, token wei. */
export function slotPay({ price, stripes }: Omit<PricedOrder, "slotCount">, epochs: bigint): bigint {
  return (price * stripes * epochs) >> PRICE_SHIFT;
}

/** What opening an order of so many epochs moves to escrow: 100 parts for providers, 4 keepers, 1 treasury. */
export function orderCost(order: PricedOrder, epochs: bigint): bigint {
  const whole = BigInt(order.slotCount) * order.price * order.stripes * epochs;
  const unit = PROVIDER_PARTS << PRICE_SHIFT;
  return BigInt(order.slotCount) * slotPay(order, epochs) + (whole * KEEPER_PARTS) / unit + whole / unit;
}

/** Epochs [from, to). */
export type EpochRange = { readonly from: number; readonly to: number };

/** What two ranges have in common; undefined if nothing. */
export function overlap(a: EpochRange, b: EpochRange): EpochRange | undefined {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return from < to ? { from, to } : undefined;
}

/** Epochs of `range` that lie in none of `unpaid`, whose ranges may overlap. */
export function paidEpochs(range: EpochRange, unpaid: readonly EpochRange[]): number {
  const sorted = unpaid.flatMap((other) => overlap(other, range) ?? []).sort((a, b) => a.from - b.from);
  let covered = 0;
  let reached = range.from;
  for (const { from, to } of sorted) {
    covered += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return Math.max(0, range.to - range.from - covered);
}
