import { concatBytes, type Hex, keccak256 } from "viem";
import { MemoError } from "../errors.ts";
import { compressPoint, POINT_BYTES } from "../kzg/pointEncoding.ts";
import { MAX_POINTS_PER_SUM } from "../kzg/points.ts";
import { type Multiproof, multiproof, type Place, verifyMultiproof } from "../merkle/multiproof.ts";
import type { OrderTree } from "../merkle/slotRoot.ts";
import type { ShardRef } from "./sample.ts";

/** A shard with its commitment as a 96-byte point, as verification needs it. */
export type OpenedShard = ShardRef & { readonly point: Uint8Array };

/** The commitments of (a slice of) a challenge, and proof that they are those of the orders. */
export type Openings = {
  /** 96 bytes per shard, in challenge order. */
  readonly points: Uint8Array;
  /** One multiproof per order, by first appearance. */
  readonly orders: readonly { readonly orderId: Hex; readonly multiproof: Multiproof }[];
};

/** What the chain says of an order. */
export type OrderShape = { readonly shardRoot: Hex; readonly slots: number; readonly stripes: number };

/**
 * Openings of a slice of a challenge: at most 4,096 shards.
 * @throws OPENINGS_TOO_MANY
 */
export function buildOpenings(of: {
  shards: readonly ShardRef[];
  pointOf: (shard: ShardRef) => Uint8Array;
  treeOf: (orderId: Hex) => OrderTree;
}): Openings {
  assertCount(of.shards.length);
  const orders = [...Map.groupBy(of.shards, ({ orderId }) => orderId)].map(([orderId, shards]) => ({
    orderId,
    multiproof: multiproof(of.treeOf(orderId), shards),
  }));
  return { points: concatBytes(of.shards.map(of.pointOf)), orders };
}

/** keccak over the points of a whole challenge: what goes with the gossiped proof. */
export function openingsDigest(points: Uint8Array): Hex {
  return keccak256(points);
}

/**
 * The shards of a slice of a challenge with their points, each proven to be the order's. Leaves are over the
 * compressed form, so each point is compressed first; whether it is on the curve shows when it is summed.
 * @throws OPENINGS_INVALID, OPENINGS_TOO_MANY
 */
export function verifyOpenings(of: {
  shards: readonly ShardRef[];
  openings: Openings;
  orderOf: (orderId: Hex) => OrderShape;
}): OpenedShard[] {
  const { shards, openings } = of;
  assertCount(shards.length);
  if (openings.points.length !== shards.length * POINT_BYTES) {
    throw invalid(`${shards.length} shards have ${shards.length * POINT_BYTES} bytes of points`, {
      bytes: openings.points.length,
    });
  }
  const opened = shards.map(({ orderId, slot, stripe }, index) => {
    const point = openings.points.slice(index * POINT_BYTES, (index + 1) * POINT_BYTES);
    return { orderId, slot, stripe, point, commitment: compressed(point) };
  });
  const orders = [...Map.groupBy(opened, ({ orderId }) => orderId)];
  if (orders.length !== openings.orders.length) throw invalid("there is one multiproof per order", {});
  for (const [index, [orderId, entries]] of orders.entries()) {
    const given = openings.orders[index]!;
    if (given.orderId.toLowerCase() !== orderId.toLowerCase()) {
      throw invalid("orders stand in the order of the challenge", { orderId });
    }
    const { shardRoot, slots, stripes } = of.orderOf(orderId);
    const places = entries.toSorted(byPlace);
    if (!verifyMultiproof({ root: shardRoot, slots, stripes, shards: places, proof: given.multiproof })) {
      throw invalid("the commitments are not those under the order's root", { orderId });
    }
  }
  return opened.map(({ orderId, slot, stripe, point }) => ({ orderId, slot, stripe, point }));
}

function byPlace(a: Place, b: Place): number {
  return a.slot - b.slot || a.stripe - b.stripe;
}

function compressed(point: Uint8Array): Uint8Array {
  try {
    return compressPoint(point);
  } catch (cause) {
    throw invalid("a point is not encoded as 96 bytes x ‖ y", {}, cause);
  }
}

function assertCount(count: number): void {
  if (count <= MAX_POINTS_PER_SUM) return;
  throw new MemoError(
    "OPENINGS_TOO_MANY",
    `Openings hold at most ${MAX_POINTS_PER_SUM} shards, not ${count}: ask for them in slices.`,
    { details: { count } },
  );
}

function invalid(reason: string, details: Record<string, unknown>, cause?: unknown): MemoError {
  return new MemoError("OPENINGS_INVALID", `The openings do not fit the challenge: ${reason}.`, {
    details,
    cause,
  });
}
