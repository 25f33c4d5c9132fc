import { encodeAbiParameters, type Hex, keccak256 } from "viem";

/** A provider that slots may be offered to, as of the cut-off. */
export type Candidate = {
  readonly id: number;
  readonly domain: Hex;
  readonly ask: bigint;
  /** Stake that no slot holds and no live offer counts on, token wei. */
  readonly free: bigint;
  /** The same when the epoch's set was taken, if it was less: chances must not grow once the seed is known. */
  readonly weight: bigint;
  /** Most that it can lock in one epoch, token wei. */
  readonly most: bigint;
};

/** A slot that somebody has to take over. */
export type WantedSlot = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly price: bigint;
  /** Collateral of the slot, token wei. */
  readonly collateral: bigint;
  /** Offers of the slot that nobody took. */
  readonly expiries: number;
  /** Providers that hold or are offered a slot of the order, those that are about to lose it included. */
  readonly taken: ReadonlySet<number>;
  /** Failure domains of the slots that the order keeps, one entry per slot. */
  readonly domains: readonly Hex[];
};

/** What makes a provider eligible whatever the slot: see {@link isTrustworthy}. */
export type ProviderRecord = {
  readonly repairs: boolean;
  readonly exiting: boolean;
  /** First epoch in which it can take slots again. */
  readonly jailedUntil: number;
  readonly stake: bigint;
  /** Block of its registration. */
  readonly registeredAt: number;
  readonly lastMissed: number | undefined;
  /** Deadline of the last offer that it did not take. */
  readonly lastExpired: number | undefined;
};

/**
 * Whether anything may be offered to a provider in an epoch: it wants repairs, was there before the epoch,
 * does not leave, could accept at once, has the least stake, and has neither missed an epoch nor let an offer pass lately.
 */
export function isTrustworthy(
  record: ProviderRecord,
  of: { epoch: number; setBlock: number; coolOffEpochs: number; minProviderStake: bigint },
): boolean {
  const isLate = (epoch: number | undefined) => epoch !== undefined && epoch > of.epoch - of.coolOffEpochs;
  return (
    record.repairs &&
    !record.exiting &&
    record.jailedUntil <= of.epoch + 1 &&
    record.registeredAt <= of.setBlock &&
    record.stake >= of.minProviderStake &&
    record.lastMissed !== of.epoch &&
    !isLate(record.lastMissed) &&
    !isLate(record.lastExpired)
  );
}

/** Whether a provider can take this slot. */
export function canTake(candidate: Candidate, wanted: WantedSlot): boolean {
  return (
    !wanted.taken.has(candidate.id) &&
    candidate.ask <= wanted.price &&
    candidate.free >= wanted.collateral &&
    candidate.weight >= wanted.collateral &&
    candidate.most >= wanted.collateral
  );
}

/**
 * Whom a slot is offered to: of those that can take it, the ones in whose failure domain the order has the
 * fewest slots; among them the seed draws by stake. Undefined when nobody can.
 */
export function chooseAssignee(
  candidates: readonly Candidate[],
  wanted: WantedSlot,
  seed: Hex,
): Candidate | undefined {
  const held = new Map<Hex, number>();
  for (const domain of wanted.domains) held.set(domain, (held.get(domain) ?? 0) + 1);
  let fewest = Number.POSITIVE_INFINITY;
  let tied: Candidate[] = [];
  for (const candidate of candidates) {
    if (!canTake(candidate, wanted)) continue;
    const inDomain = held.get(candidate.domain) ?? 0;
    if (inDomain < fewest) tied = [];
    if (inDomain <= fewest) tied.push(candidate);
    fewest = Math.min(fewest, inDomain);
  }
  tied.sort((a, b) => a.id - b.id);
  const total = tied.reduce((sum, { weight }) => sum + weight, 0n);
  if (total === 0n) return tied[0];
  let left = tieDraw(seed, wanted) % total;
  return tied.find(({ weight }) => {
    if (left < weight) return true;
    left -= weight;
    return false;
  });
}

/** keccak(seed, order, slot, expiries): other after each offer that nobody took. */
function tieDraw(seed: Hex, { orderId, slot, expiries }: WantedSlot): bigint {
  const encoded = encodeAbiParameters(
    [{ type: "bytes32" }, { type: "bytes32" }, { type: "uint32" }, { type: "uint32" }],
    [seed, orderId, slot, expiries],
  );
  return BigInt(keccak256(encoded));
}
