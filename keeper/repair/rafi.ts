/**
 * T_i: epochs for which i slots of an order with `parities` parities must have been unavailable to be lost.
 * Where more are unavailable than there are parities, nothing is left to wait for but the least.
 */
export function waitingTime(thresholds: readonly number[], parities: number, unavailable: number): number {
  const spare = Math.max(0, parities - unavailable);
  return thresholds[Math.min(spare, thresholds.length - 1)]!;
}

/**
 * Risk-aware failure identification: from when on each unavailable slot of one order is lost, if nothing
 * changes. With t_(1) ≤ … ≤ t_(j) the times since which the order's j slots are unavailable (−∞ for those
 * without holder), slot c is lost from τ_c = min over i of (max(t_c, t_(i)) + T_i): as soon as at least i
 * slots have each been unavailable for T_i, all of those are. Who comes back earlier costs nothing.
 */
export function lostTimes(
  since: readonly number[],
  thresholds: readonly number[],
  parities: number,
): readonly number[] {
  const sorted = [...since].sort((a, b) => a - b);
  return since.map((own) =>
    sorted.reduce(
      (least, other, index) =>
        Math.min(least, Math.max(own, other) + waitingTime(thresholds, parities, index + 1)),
      Number.POSITIVE_INFINITY,
    ),
  );
}
