import { decode, encode } from "@ipld/dag-cbor";
import { bytesToHex, hexToBytes } from "viem";
import type { ShardRef } from "../../protocol/challenge/sample.ts";
import type { CommittedShard } from "../../protocol/challenge/transcript.ts";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { POINT_BYTES } from "../../protocol/kzg/pointEncoding.ts";
import type { ProviderStore } from "../store/store.ts";

/** A challenged shard with what this provider knows of it. */
export type HeldShard = CommittedShard & { readonly point: Uint8Array };

/**
 * The shards of a challenge with their commitments. Of a shard that the store knows nothing of both forms
 * are zeros, and its bytes cannot be read either: its (order, slot) is left out of the proof.
 */
export function withCommitments(store: ProviderStore, shards: readonly ShardRef[]): HeldShard[] {
  return shards.map((shard) => {
    const window = windowOf(store, shard);
    const index = shard.stripe - (window?.firstStripe ?? 0);
    return {
      ...shard,
      commitment:
        window?.commitments.subarray(index * COMMITMENT_BYTES, (index + 1) * COMMITMENT_BYTES) ??
        new Uint8Array(COMMITMENT_BYTES),
      point:
        window?.points.subarray(index * POINT_BYTES, (index + 1) * POINT_BYTES) ??
        new Uint8Array(POINT_BYTES),
    };
  });
}

function windowOf(store: ProviderStore, shard: ShardRef) {
  const held = store.orders.get(shard.orderId, shard.slot);
  return held && store.uploads.windowOf(held.uploadId, shard.stripe);
}

/** The shards of a challenge as they are stored beside its answer. */
export function encodeChallenge(shards: readonly ShardRef[]): Uint8Array {
  return encode(shards.map(({ orderId, slot, stripe }) => [hexToBytes(orderId), slot, stripe]));
}

/** Reads what {@link encodeChallenge} wrote. */
export function decodeChallenge(bytes: Uint8Array): ShardRef[] {
  const entries: [Uint8Array, number, number][] = decode(bytes);
  return entries.map(([orderId, slot, stripe]) => ({ orderId: bytesToHex(orderId), slot, stripe }));
}
