import { PAYLOAD_BYTES, SHARD_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { decodePacked31, encodePacked31 } from "../shard/packed31.ts";
import type { Policy } from "./policy.ts";
import { type ByteSource, rechunk } from "./rechunk.ts";
import type { ReedSolomon } from "./reedSolomon.ts";

/** Payload bytes that one stripe carries: `k` shards of 126,976 bytes. */
export function stripePayloadBytes(policy: Policy): number {
  return policy.k * PAYLOAD_BYTES;
}

/** Stripes that `bytes` of payload fill. */
export function stripesFor(bytes: number, policy: Policy): number {
  return Math.ceil(bytes / stripePayloadBytes(policy));
}

/** Cuts a payload stream into stripes' payloads; only the last may be shorter. */
export function stripePayloads(source: ByteSource, policy: Policy): AsyncGenerator<Uint8Array> {
  return rechunk(source, stripePayloadBytes(policy));
}

/**
 * Turns at most `k` × 126,976 bytes into `n` shards (layout `packed31`), zero-padded. The shards are views of one
 * buffer.
 */
export function encodeStripe(payload: Uint8Array, policy: Policy, reedSolomon: ReedSolomon): Uint8Array[] {
  if (payload.length > stripePayloadBytes(policy)) {
    throw new MemoError(
      "STRIPE_INVALID",
      `A stripe carries ${stripePayloadBytes(policy)} bytes, not ${payload.length}.`,
    );
  }
  const stripe = new Uint8Array(policy.n * SHARD_BYTES);
  const shards = Array.from({ length: policy.n }, (_, slot) =>
    stripe.subarray(slot * SHARD_BYTES, (slot + 1) * SHARD_BYTES),
  );
  for (let slot = 0; slot < policy.k; slot++) {
    encodePacked31(payload.subarray(slot * PAYLOAD_BYTES, (slot + 1) * PAYLOAD_BYTES), shards[slot]);
  }
  reedSolomon.encode(stripe, policy);
  return shards;
}

/**
 * A stripe in which every slot holds the same shard, so that any one of them is enough to read it. It is a codeword
 * like any other: equal data shards have equal parity.
 */
export function encodeReplicatedStripe(payload: Uint8Array, policy: Policy): Uint8Array[] {
  const shard = encodePacked31(payload);
  return Array.from({ length: policy.n }, () => shard);
}

/** Payload of a stripe from its `k` data shards, padding included. */
export function decodeStripe(dataShards: readonly Uint8Array[]): Uint8Array {
  const payload = new Uint8Array(dataShards.length * PAYLOAD_BYTES);
  for (const [slot, shard] of dataShards.entries()) payload.set(decodePacked31(shard), slot * PAYLOAD_BYTES);
  return payload;
}
