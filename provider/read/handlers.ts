import type { Hex } from "viem";
import { COMMITMENT_BYTES, SHARD_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { ReadCapability } from "../../protocol/wire/codecs.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { BulkMethods, ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { HeldSlot } from "../store/orders.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Caller } from "../upload/uploadAccess.ts";
import type { CapabilityCheck } from "./capability.ts";
import type { ShardReader } from "./shardReader.ts";
import type { TokenBuckets } from "./tokenBucket.ts";

export type ReadDeps = {
  store: ProviderStore;
  chain: Pick<ProviderChain, "readReason">;
  capabilities: CapabilityCheck;
  buckets: TokenBuckets;
  /** What holders that rebuild their own shards may read, far less than users: else they could fetch instead of hold. */
  healBuckets: TokenBuckets;
  readShard: ShardReader;
};

/**
 * Serves one shard to whoever has the owner's word, or a reason on chain. Bytes count against the caller and the
 * capability's owner: else other holders could fetch instead of hold.
 * @throws READ_FORBIDDEN, ORDER_UNKNOWN, SLOT_FOREIGN, STRIPE_OUT_OF_RANGE, RATE_LIMITED, SHARD_UNREADABLE, CAPABILITY_…
 */
export function createGetShard(deps: ReadDeps) {
  return async (
    request: RequestOf<BulkMethods, "getShard">,
    caller: Caller,
  ): Promise<ResponseOf<BulkMethods, "getShard">> => {
    const { orderId, slot, stripe, capability } = request;
    const { any, take } = await authorize(deps, orderId, capability, caller);
    const held = deps.store.orders.get(orderId, slot);
    if (held === undefined) {
      throw new MemoError("SLOT_FOREIGN", `This provider holds slot ${any.slot} of the order, not ${slot}.`, {
        details: { orderId, holds: any.slot, slot },
      });
    }
    assertStripe(held, stripe);
    take(SHARD_BYTES);
    return { bytes: await deps.readShard(held.uploadId, stripe) };
  };
}

/**
 * Serves the commitments of any slot of an order.
 * @throws READ_FORBIDDEN, ORDER_UNKNOWN, STRIPE_OUT_OF_RANGE, SLOT_MISMATCH, RATE_LIMITED, CAPABILITY_…
 */
export function createGetCommitments(deps: ReadDeps) {
  return async (
    request: RequestOf<ProviderMethods, "getCommitments">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "getCommitments">> => {
    const { orderId, slot, from, count, capability } = request;
    const { any, take } = await authorize(deps, orderId, capability, caller);
    assertStripe(any, from);
    const all = deps.store.uploads.slotCommitments(any.uploadId, slot);
    if (all === undefined) {
      throw new MemoError("SLOT_MISMATCH", `The order has no slot ${slot}.`, { details: { orderId, slot } });
    }
    const commitments = all.subarray(from * COMMITMENT_BYTES, (from + count) * COMMITMENT_BYTES);
    take(commitments.length);
    return { commitments };
  };
}

/** Any slot of the order that is held here, and how what the caller reads is counted. */
async function authorize(
  deps: ReadDeps,
  orderId: Hex,
  capability: ReadCapability | undefined,
  { peer }: Caller,
): Promise<{ any: HeldSlot; take(bytes: number): void }> {
  const any = deps.store.orders.get(orderId);
  if (any === undefined) {
    throw new MemoError("ORDER_UNKNOWN", `This provider holds nothing of order ${orderId}.`, {
      details: { orderId },
    });
  }
  if (capability !== undefined) {
    const { owner } = any.order;
    await deps.capabilities.assert(capability, { id: orderId, owner });
    return { any, take: (bytes) => deps.buckets.take([`peer ${peer}`, `owner ${owner}`], bytes) };
  }
  const reason = deps.chain.readReason(peer, orderId);
  if (reason === undefined) {
    throw new MemoError(
      "READ_FORBIDDEN",
      "Reading this order needs its owner's capability, a live repair offer, or a slot of it after a missed epoch.",
      { details: { orderId, peer }, retryable: true },
    );
  }
  const buckets = reason === "heal" ? deps.healBuckets : deps.buckets;
  return { any, take: (bytes) => buckets.take([`peer ${peer}`], bytes) };
}

function assertStripe({ order }: HeldSlot, stripe: number): void {
  if (stripe < order.stripes) return;
  throw new MemoError(
    "STRIPE_OUT_OF_RANGE",
    `The order has ${order.stripes} stripes; there is no ${stripe}.`,
    {
      details: { stripe, stripes: order.stripes },
    },
  );
}
