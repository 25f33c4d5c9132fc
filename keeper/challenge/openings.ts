import type { Hex } from "viem";
import type { OrderInfo } from "../../protocol/chain/groupTypes.ts";
import { type OpenedShard, type Openings, verifyOpenings } from "../../protocol/challenge/openings.ts";
import { type ShardRef, shardKey } from "../../protocol/challenge/sample.ts";
import { MemoError } from "../../protocol/errors.ts";
import { POINT_BYTES } from "../../protocol/kzg/pointEncoding.ts";
import { MAX_POINTS_PER_SUM } from "../../protocol/kzg/points.ts";

/** Points kept in memory: at 96 bytes and their keys about 80 MB. */
const POINTS_KEPT = 250_000;

/** Asks somebody for a page of a provider's openings. */
export type PullOpenings = (request: {
  epoch: number;
  provider: number;
  from: number;
  count: number;
  signal: AbortSignal;
}) => Promise<Openings>;

/** Commitments of orders as points, each proven once against its order. */
export type OpeningsCache = {
  /**
   * The shards with their points; what is not held is pulled from the sources in turn.
   * @throws OPENINGS_UNAVAILABLE when no source has openings that verify
   */
  open(request: {
    epoch: number;
    provider: number;
    shards: readonly ShardRef[];
    orders: ReadonlyMap<Hex, OrderInfo>;
    signal: AbortSignal;
  }): Promise<OpenedShard[]>;
  /** A point that is held. */
  pointOf(shard: ShardRef): Uint8Array | undefined;
  /** Points held. */
  size(): number;
};

/** Creates an empty cache over sources of openings, e.g. the provider and then other keepers. */
export function createOpeningsCache(options: {
  sources: readonly PullOpenings[];
  onPulled?: (bytes: number) => void;
}): OpeningsCache {
  const points = new Map<string, Uint8Array>();

  const keep = (shards: readonly OpenedShard[]) => {
    for (const shard of shards) {
      if (points.size >= POINTS_KEPT) points.delete(points.keys().next().value!);
      points.set(shardKey(shard), shard.point);
    }
  };

  const held = (shards: readonly ShardRef[]): OpenedShard[] | undefined => {
    const opened: OpenedShard[] = [];
    for (const shard of shards) {
      const point = points.get(shardKey(shard));
      if (point === undefined) return undefined;
      opened.push({ ...shard, point });
    }
    return opened;
  };

  return {
    pointOf: (shard) => points.get(shardKey(shard)),
    size: () => points.size,
    async open({ epoch, provider, shards, orders, signal }) {
      const known = held(shards);
      if (known !== undefined) return known;
      const reasons: unknown[] = [];
      for (const pull of options.sources) {
        try {
          const opened: OpenedShard[] = [];
          for (let from = 0; from < shards.length; from += MAX_POINTS_PER_SUM) {
            const page = shards.slice(from, from + MAX_POINTS_PER_SUM);
            const openings = await pull({ epoch, provider, from, count: page.length, signal });
            opened.push(
              ...verifyOpenings({ shards: page, openings, orderOf: (id) => shapeOf(orders.get(id), id) }),
            );
            options.onPulled?.(page.length * POINT_BYTES);
          }
          keep(opened);
          return opened;
        } catch (error) {
          signal.throwIfAborted();
          reasons.push(error instanceof MemoError ? error.code : String(error));
        }
      }
      throw new MemoError(
        "OPENINGS_UNAVAILABLE",
        `The commitments that provider ${provider}'s proof of epoch ${epoch} rests on could not be had from anybody.`,
        { details: { provider, epoch, reasons }, retryable: true },
      );
    },
  };
}

function shapeOf(order: OrderInfo | undefined, id: Hex) {
  if (order === undefined) {
    throw new MemoError("ORDER_UNKNOWN", `Order ${id} is not on chain.`, { details: { orderId: id } });
  }
  const { shardRoot, providers, stripes } = order.order;
  return { shardRoot, slots: providers.length, stripes };
}
