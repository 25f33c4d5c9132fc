import type { Hex } from "viem";
import { challengePairs, coveredPairs } from "./proof.ts";
import { type ShardRef, shardKey, slotKey } from "./sample.ts";

/**
 * What a provider owes after a certified epoch: shards that no part covered (a silent provider's whole
 * challenge, `cover` undefined) join; shards that it was asked for and covered leave; what it was not asked
 * for stays. Apply certificates in the order in which they are on chain; an uncertified epoch changes nothing.
 * @throws COVER_MALFORMED
 */
export function nextOwed(
  owed: readonly ShardRef[],
  challenge: readonly ShardRef[],
  cover: Uint8Array | undefined,
): ShardRef[] {
  const pairs = challengePairs(challenge);
  const covered = new Set(cover === undefined ? [] : coveredPairs(cover, pairs.length));
  const next = new Map(owed.map((shard) => [shardKey(shard), shard]));
  for (const [index, pair] of pairs.entries()) {
    for (const { orderId, slot, stripe } of pair.shards) {
      const key = shardKey({ orderId, slot, stripe });
      if (covered.has(index)) next.delete(key);
      else if (!next.has(key)) next.set(key, { orderId, slot, stripe });
    }
  }
  return [...next.values()];
}

/** What is still owed when the provider holds `slots`: with eviction, hand-over, void or end it vanishes. */
export function retainOwed(
  owed: readonly ShardRef[],
  slots: Iterable<{ readonly orderId: Hex; readonly slot: number }>,
): ShardRef[] {
  const held = new Set(Array.from(slots, slotKey));
  return owed.filter((shard) => held.has(slotKey(shard)));
}

/** What joining needs of a slot of an epoch's set. */
export type TakenSlot = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly stripes: number;
  /** First epoch of its holder. */
  readonly since: number;
  /** Whether the holder took it over from another one. */
  readonly changed: boolean;
};

/**
 * Adds what new holders first owe: every shard of a slot that they took over, once per slot and holder; it then
 * stays until it is covered, like all that is owed. Call it with the slots of each set, in order of epochs.
 * @param known slots that have joined before; those that join now are added to it
 */
export function joinNewHolders(
  owed: readonly ShardRef[],
  slots: Iterable<TakenSlot>,
  known: Set<string>,
): ShardRef[] {
  const next = new Map(owed.map((shard) => [shardKey(shard), shard]));
  for (const { orderId, slot, stripes, since, changed } of slots) {
    // `since` tells apart two times at which the same provider took the slot.
    const key = `${slotKey({ orderId, slot })}:${since}`;
    if (!changed || known.has(key)) continue;
    known.add(key);
    for (let stripe = 0; stripe < stripes; stripe++) {
      const shard = { orderId, slot, stripe };
      next.set(shardKey(shard), shard);
    }
  }
  return [...next.values()];
}
