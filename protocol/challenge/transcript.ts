import {
  type Address,
  bytesToBigInt,
  bytesToHex,
  concatBytes,
  encodeAbiParameters,
  type Hex,
  hexToBytes,
  keccak256,
  stringToBytes,
} from "viem";
import { COMMITMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { keccak } from "../merkle/keccak.ts";
import { type Commitments, splitCommitments } from "../merkle/slotRoot.ts";
import type { ShardRef } from "./sample.ts";

const CHALLENGE_DOMAIN = keccak256(stringToBytes("memo/challenge/v1"));
const UPLOAD_DOMAIN = keccak256(stringToBytes("memo/upload/v1"));

/** What a challenge is bound to. `group` = address of its `ChallengeSettlement`. */
export type ChallengeContext = {
  readonly chainId: number;
  readonly group: Address;
  readonly epoch: number;
  readonly seed: Hex;
  readonly provider: number;
};

/** A shard with the 48-byte commitment that its order fixes. */
export type CommittedShard = ShardRef & { readonly commitment: Uint8Array };

/** What a transcript fixes: one 128-bit weight per shard, and the point at which the weighted sum is opened. */
export type Transcript = {
  readonly digest: Hex;
  readonly weights: readonly bigint[];
  readonly point: bigint;
};

/**
 * Transcript of a challenge over `shards` in challenge order; of one part: over its shards only.
 * @throws COMMITMENT_LENGTH
 */
export function challengeTranscript(
  context: ChallengeContext,
  shards: readonly CommittedShard[],
): Transcript {
  const head = encodeAbiParameters(
    [
      { type: "bytes32" },
      { type: "uint256" },
      { type: "address" },
      { type: "uint32" },
      { type: "bytes32" },
      { type: "uint32" },
      { type: "uint32" },
    ],
    [
      CHALLENGE_DOMAIN,
      BigInt(context.chainId),
      context.group,
      context.epoch,
      context.seed,
      context.provider,
      shards.length,
    ],
  );
  const entry = 40 + COMMITMENT_BYTES;
  const body = new Uint8Array(shards.length * entry);
  const view = new DataView(body.buffer);
  shards.forEach(({ orderId, slot, stripe, commitment }, index) => {
    assertCommitmentLength(commitment);
    body.set(hexToBytes(orderId), index * entry);
    view.setUint32(index * entry + 32, slot);
    view.setUint32(index * entry + 36, stripe);
    body.set(commitment, index * entry + 40);
  });
  return derive(keccak(concatBytes([hexToBytes(head), body])), shards.length);
}

/** What an upload window is bound to. The user draws `nonce` after the commitments have arrived. */
export type WindowContext = {
  readonly chainId: number;
  readonly group: Address;
  readonly nonce: Hex;
  readonly provider: number;
  readonly slot: number;
  readonly firstStripe: number;
};

/**
 * Transcript of an upload window: the commitments of consecutive stripes from `firstStripe` on.
 * @throws COMMITMENT_LENGTH
 */
export function windowTranscript(context: WindowContext, commitments: Commitments): Transcript {
  const each = splitCommitments(commitments);
  const head = encodeAbiParameters(
    [
      { type: "bytes32" },
      { type: "uint256" },
      { type: "address" },
      { type: "bytes32" },
      { type: "uint32" },
      { type: "uint32" },
      { type: "uint32" },
      { type: "uint32" },
    ],
    [
      UPLOAD_DOMAIN,
      BigInt(context.chainId),
      context.group,
      context.nonce,
      context.provider,
      context.slot,
      context.firstStripe,
      each.length,
    ],
  );
  return derive(keccak(concatBytes([hexToBytes(head), ...each])), each.length);
}

/** keccak(T ‖ "r" ‖ i): high half → weight 2i, low half → weight 2i+1; point = keccak(T ‖ "z") >> 8. */
function derive(digest: Uint8Array, count: number): Transcript {
  const input = new Uint8Array(37);
  input.set(digest);
  input[32] = 0x72;
  const view = new DataView(input.buffer);
  const weights: bigint[] = [];
  for (let pair = 0; 2 * pair < count; pair++) {
    view.setUint32(33, pair);
    const halves = keccak(input);
    weights.push(bytesToBigInt(halves.subarray(0, 16)));
    if (2 * pair + 1 < count) weights.push(bytesToBigInt(halves.subarray(16)));
  }
  input[32] = 0x7a;
  const point = bytesToBigInt(keccak(input.subarray(0, 33))) >> 8n;
  return { digest: bytesToHex(digest), weights, point };
}

function assertCommitmentLength(commitment: Uint8Array): void {
  if (commitment.length === COMMITMENT_BYTES) return;
  throw new MemoError(
    "COMMITMENT_LENGTH",
    `A commitment has ${COMMITMENT_BYTES} bytes; ${commitment.length} bytes are none.`,
  );
}
