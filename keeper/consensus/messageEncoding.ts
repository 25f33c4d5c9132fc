import { decode, encode } from "@ipld/dag-cbor";
import { type Address, getAddress, type Hex, keccak256 } from "viem";
import type { z } from "zod";
import { MemoError } from "../../protocol/errors.ts";
import type { Holding } from "../../protocol/results/cover.ts";
import { CONSENSUS_MESSAGE_BYTES } from "../../protocol/wire/keeper.ts";
import {
  CONSENSUS_VERSION,
  type ConsensusMessage,
  type Draft,
  envelopeCodec,
  holdingsCodec,
  type Lock,
  lockCodec,
  messageCodec,
  type Value,
  type Vote,
  valueCodec,
} from "./messages.ts";

/** Group that messages belong to. */
export type ConsensusDomain = { readonly chainId: number; readonly group: Address };

/**
 * Message as it travels.
 * @throws MESSAGE_TOO_LARGE
 */
export function encodeMessage(domain: ConsensusDomain, message: ConsensusMessage): Uint8Array {
  const bytes = encode(envelopeCodec.encode({ v: CONSENSUS_VERSION, ...domain, message }));
  assertSize(bytes);
  return bytes;
}

/**
 * @throws MESSAGE_TOO_LARGE, MESSAGE_MALFORMED, UNSUPPORTED_VERSION, MESSAGE_FOREIGN (another group or chain)
 */
export function decodeMessage(domain: ConsensusDomain, bytes: Uint8Array): ConsensusMessage {
  assertSize(bytes);
  const raw = decodeCbor(bytes);
  const version = (raw as { v?: unknown } | null)?.v;
  if (version !== CONSENSUS_VERSION) {
    throw new MemoError(
      "UNSUPPORTED_VERSION",
      `A consensus message has version ${String(version)}; this keeper speaks ${CONSENSUS_VERSION}. Upgrade the older one.`,
      { details: { version: String(version) } },
    );
  }
  const parsed = envelopeCodec.safeDecode(raw as z.input<typeof envelopeCodec>);
  if (!parsed.success) throw malformed(parsed.error);
  const { chainId, group, message } = parsed.data;
  if (chainId !== domain.chainId || getAddress(group) !== getAddress(domain.group)) {
    throw new MemoError("MESSAGE_FOREIGN", "A consensus message of another group or chain was refused.", {
      details: { chainId, group },
    });
  }
  return message;
}

/** Bytes under which the journal keeps a draft. */
export function encodeDraft(draft: Draft): Uint8Array {
  return encodeSigned({ ...draft, signature: new Uint8Array(64) } as ConsensusMessage);
}

/** Reads what `encodeDraft` wrote. */
export function decodeDraft(bytes: Uint8Array): Draft {
  const { signature: _unsigned, ...draft } = decodeSigned(bytes) as Vote;
  return draft as Draft;
}

/** Bytes under which the journal keeps a message of another member. */
export function encodeSigned(message: ConsensusMessage): Uint8Array {
  return encode(messageCodec.encode(message));
}

/** Reads what `encodeSigned` wrote. */
export function decodeSigned(bytes: Uint8Array): ConsensusMessage {
  const parsed = messageCodec.safeDecode(decodeCbor(bytes) as z.input<typeof messageCodec>);
  if (!parsed.success) throw malformed(parsed.error);
  return parsed.data;
}

/** Bytes of an inventory's holdings, as hashed. */
export function encodeHoldings(holdings: readonly Holding[]): Uint8Array {
  return encode(holdingsCodec.encode(holdings));
}

/** Bytes of a value, as hashed. */
export function encodeValue(value: Value): Uint8Array {
  return encode(valueCodec.encode(value));
}

/** Bytes under which the journal keeps a lock. */
export function encodeLock(lock: Lock): Uint8Array {
  return encode(lockCodec.encode({ ...lock, prepares: [...lock.prepares] }));
}

/** Reads what `encodeLock` wrote. */
export function decodeLock(bytes: Uint8Array): Lock {
  const parsed = lockCodec.safeDecode(decodeCbor(bytes) as z.input<typeof lockCodec>);
  if (!parsed.success) throw malformed(parsed.error);
  return parsed.data;
}

const digests = new WeakMap<Value, Hex>();

/** keccak of a value's canonical bytes: what prepares name. */
export function valueDigest(value: Value): Hex {
  let digest = digests.get(value);
  if (digest === undefined) {
    digest = keccak256(encodeValue(value));
    digests.set(value, digest);
  }
  return digest;
}

function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (cause) {
    throw new MemoError("MESSAGE_MALFORMED", "A consensus message is no dag-cbor.", { cause });
  }
}

function assertSize(bytes: Uint8Array): void {
  if (bytes.length <= CONSENSUS_MESSAGE_BYTES) return;
  throw new MemoError(
    "MESSAGE_TOO_LARGE",
    `A consensus message has ${bytes.length} bytes; ${CONSENSUS_MESSAGE_BYTES} are allowed.`,
    { details: { bytes: bytes.length, allowed: CONSENSUS_MESSAGE_BYTES } },
  );
}

function malformed(cause: z.ZodError): MemoError {
  return new MemoError(
    "MESSAGE_MALFORMED",
    `A consensus message is malformed: ${cause.issues[0]?.message ?? "?"}.`,
    {
      cause,
    },
  );
}
