import { bytesToBigInt, type Hex, hexToBytes } from "viem";
import { keccak } from "../merkle/keccak.ts";

/** A shard by its place: slot of an order, stripe. */
export type ShardRef = { readonly orderId: Hex; readonly slot: number; readonly stripe: number };

/** A slot that a provider holds in an epoch's set. */
export type HeldSlot = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly stripes: number;
  /** Sequence number of the event that opened the order. */
  readonly sequence: number;
};

/** `orderId:slot:stripe`, for sets and maps. */
export function shardKey({ orderId, slot, stripe }: ShardRef): string {
  return `${orderId}:${slot}:${stripe}`;
}

/** `orderId:slot`, for sets and maps. */
export function slotKey({ orderId, slot }: { readonly orderId: Hex; readonly slot: number }): string {
  return `${orderId}:${slot}`;
}

/**
 * The shards that a provider is asked for in an epoch, in the order of the transcript.
 *
 * Its N shards are numbered by (sequence, slot, stripe). Draw j is keccak(seed, provider, j) mod N, repeats
 * skipped, until min(samples, N); then come the owed shards by number that were not drawn. What is owed of
 * slots that are not in `slots` (evicted, ended) is left out.
 */
export function sampleShards(of: {
  seed: Hex;
  provider: number;
  slots: readonly HeldSlot[];
  samples: number;
  owed: readonly ShardRef[];
}): ShardRef[] {
  const slots = [...of.slots].sort((a, b) => a.sequence - b.sequence || a.slot - b.slot);
  const firsts: number[] = [];
  const firstOf = new Map<string, { first: number; stripes: number }>();
  let total = 0;
  for (const slot of slots) {
    firsts.push(total);
    firstOf.set(slotKey(slot), { first: total, stripes: slot.stripes });
    total += slot.stripes;
  }

  const drawn = new Set<number>();
  const wanted = Math.min(of.samples, total);
  const draw = drawer(of.seed, of.provider, total);
  for (let j = 0; drawn.size < wanted; j++) drawn.add(draw(j));

  const owed = new Set<number>();
  for (const shard of of.owed) {
    const place = firstOf.get(slotKey(shard));
    if (place === undefined || shard.stripe >= place.stripes) continue;
    const number = place.first + shard.stripe;
    if (!drawn.has(number)) owed.add(number);
  }

  const numbers = [...drawn, ...[...owed].sort((a, b) => a - b)];
  return numbers.map((number) => {
    const index = lastAtMost(firsts, number);
    const { orderId, slot } = slots[index]!;
    return { orderId, slot, stripe: number - firsts[index]! };
  });
}

/** keccak(abi.encode(seed, provider, j)) mod `total`; the encoding is fixed, so its buffer is reused. */
function drawer(seed: Hex, provider: number, total: number): (j: number) => number {
  const input = new Uint8Array(96);
  input.set(hexToBytes(seed));
  const view = new DataView(input.buffer);
  view.setUint32(60, provider);
  return (j) => {
    view.setUint32(92, j);
    return Number(bytesToBigInt(keccak(input)) % BigInt(total));
  };
}

/** Index of the last element ≤ value in an ascending list that starts with 0. Equal ones: slots without stripes. */
function lastAtMost(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}
