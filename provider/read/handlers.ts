import type { Hex } from "viem";
import { COMMITMENT_BYTES, SHARD_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { ReadCapability } from "../../protocol/wire/codecs.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { BulkMethods, ProviderMethods } from "../../protocol/wire/provider.ts";
import type { SignedOrder } from "../store/orders.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Caller } from "../upload/uploadAccess.ts";
import type { CapabilityCheck } from "./capability.ts";
import type { ShardReader } from "./shardReader.ts";
import type { TokenBuckets } from "./tokenBucket.ts";

export type ReadDeps = {
  store: ProviderStore;
  capabilities: CapabilityCheck;
  buckets: TokenBuckets;
  readShard: ShardReader;
};

/**
 * Serves one shard to whoever has the owner's word. Bytes count against the caller and the capability's
 * owner: else other holders could fetch instead of hold.
 * @throws ORDER_UNKNOWN, SLOT_FOREIGN, STRIPE_OUT_OF_RANGE, RATE_LIMITED, SHARD_UNREADABLE, CAPABILITY_…
 */
export function createGetShard(deps: ReadDeps) {
  return async (
    request: RequestOf<BulkMethods, "getShard">,
    caller: Caller,
  ): Promise<ResponseOf<BulkMethods, "getShard">> => {
    const { orderId, slot, stripe, capability } = request;
    const signed = await authorize(deps, orderId, capability);
    if (slot !== signed.slot) {
      throw new MemoError(
        "SLOT_FOREIGN",
        `This provider holds slot ${signed.slot} of the order, not ${slot}.`,
        {
          details: { orderId, holds: signed.slot, slot },
        },
      );
    }
    assertStripe(signed, stripe);
    deps.buckets.take([`peer ${caller.peer}`, `owner ${signed.order.owner}`], SHARD_BYTES);
    return { bytes: await deps.readShard(signed.uploadId, stripe) };
  };
}

/**
 * Serves the commitments of any slot of an order.
 * @throws ORDER_UNKNOWN, STRIPE_OUT_OF_RANGE, SLOT_MISMATCH, RATE_LIMITED, CAPABILITY_…
 */
export function createGetCommitments(deps: ReadDeps) {
  return async (
    request: RequestOf<ProviderMethods, "getCommitments">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "getCommitments">> => {
    const { orderId, slot, from, count, capability } = request;
    const signed = await authorize(deps, orderId, capability);
    assertStripe(signed, from);
    const all = deps.store.uploads.slotCommitments(signed.uploadId, slot);
    if (all === undefined) {
      throw new MemoError("SLOT_MISMATCH", `The order has no slot ${slot}.`, { details: { orderId, slot } });
    }
    const commitments = all.subarray(from * COMMITMENT_BYTES, (from + count) * COMMITMENT_BYTES);
    deps.buckets.take([`peer ${caller.peer}`, `owner ${signed.order.owner}`], commitments.length);
    return { commitments };
  };
}

async function authorize(deps: ReadDeps, orderId: Hex, capability: ReadCapability): Promise<SignedOrder> {
  const signed = deps.store.orders.get(orderId);
  if (signed === undefined) {
    throw new MemoError("ORDER_UNKNOWN", `This provider holds nothing of order ${orderId}.`, {
      details: { orderId },
    });
  }
  await deps.capabilities.assert(capability, { id: orderId, owner: signed.order.owner });
  return signed;
}

function assertStripe({ order }: SignedOrder, stripe: number): void {
  if (stripe < order.stripes) return;
  throw new MemoError(
    "STRIPE_OUT_OF_RANGE",
    `The order has ${order.stripes} stripes; there is no ${stripe}.`,
    {
      details: { stripe, stripes: order.stripes },
    },
  );
}
