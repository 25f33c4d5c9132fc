import { decode, encode } from "@ipld/dag-cbor";
import type { Address } from "viem";
import { z } from "zod";
import { proofDigest } from "../challenge/proof.ts";
import { COMMITMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { bytes32, bytesCodec, compactSignature, uint32 } from "./codecs.ts";

/** Parts a proof can have: one, or one per (order, slot) of the challenge. */
export const PROOF_PARTS = 256;

/** Most bytes of a cover bitmap: one bit per (order, slot) of a challenge. */
export const COVER_BYTES = 1_024;

/** Value and opening of the weighted sum of a part's shards. */
export const proofPartCodec = z.strictObject({ y: bytesCodec(32), proof: bytesCodec(COMMITMENT_BYTES) });

/** A provider's answer to the challenge of an epoch, as it is gossiped. */
export const proofMessageCodec = z.strictObject({
  v: z.literal(1),
  epoch: uint32,
  provider: uint32,
  /** Bitmap over the (order, slot) pairs of the challenge by first appearance. */
  cover: bytesCodec(0, COVER_BYTES),
  parts: z.array(proofPartCodec).max(PROOF_PARTS),
  /** Digest of the openings that verify it. */
  openings: bytes32,
  /** EIP-712 `Proof` by the provider's operator. */
  signature: compactSignature,
});

export type ProofPart = z.output<typeof proofPartCodec>;
export type ProofMessage = z.output<typeof proofMessageCodec>;

export const PROOF_TYPES = {
  Proof: [
    { name: "group", type: "address" },
    { name: "epoch", type: "uint32" },
    { name: "provider", type: "uint32" },
    { name: "parts", type: "bytes32" },
    { name: "openings", type: "bytes32" },
  ],
} as const;

/** What the operator signs under `settlementDomain`; `parts` covers the bitmap and every part in its order. */
export function proofStruct(group: Address, message: Omit<ProofMessage, "signature" | "v">) {
  const { epoch, provider, openings } = message;
  return { group, epoch, provider, parts: proofDigest(message), openings };
}

/** Bytes as gossiped; below 300 for a proof of one part. */
export function encodeProofMessage(message: ProofMessage): Uint8Array {
  return encode(proofMessageCodec.encode(message));
}

/** @throws PROOF_MESSAGE_MALFORMED */
export function decodeProofMessage(bytes: Uint8Array): ProofMessage {
  try {
    return proofMessageCodec.decode(decode(bytes));
  } catch (cause) {
    throw new MemoError("PROOF_MESSAGE_MALFORMED", "This is no proof message of version 1.", { cause });
  }
}
