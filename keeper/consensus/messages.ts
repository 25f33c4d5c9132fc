import { decode, encode } from "@ipld/dag-cbor";
import { type Address, getAddress, type Hex, keccak256 } from "viem";
import { z } from "zod";
import type { Certificate } from "../../protocol/certificate.ts";
import { MAX_KEEPERS } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Holding } from "../../protocol/results/cover.ts";
import { address, bytes32, bytesCodec, uint32 } from "../../protocol/wire/codecs.ts";
import { CONSENSUS_MESSAGE_BYTES } from "../../protocol/wire/keeper.ts";
import { PROOF_PARTS, proofPartCodec } from "../../protocol/wire/proofMessage.ts";
import type { Lock } from "./effects.ts";

/** Version of the messages; others are refused by name. */
export const CONSENSUS_VERSION = 1;
/** Providers that one epoch's set may have in a message. */
const MAX_PROVIDERS = 65_536;

const member = z
  .int()
  .min(0)
  .max(MAX_KEEPERS - 1);
const signature = bytesCodec(64);

/** Holdings travel as one byte per provider (0 nothing, 1 whole, 2 bitmap) and the bitmaps in order. */
const holdingsCodec = z.codec(
  z.strictObject({
    states: bytesCodec(0, MAX_PROVIDERS),
    covers: z.array(bytesCodec(1, 8_192)).max(MAX_PROVIDERS),
  }),
  z.custom<readonly Holding[]>(Array.isArray),
  {
    decode: ({ states, covers }, payload) => {
      const bitmaps = covers.values();
      const holdings: Holding[] = [];
      for (const state of states) {
        const holding =
          state === 0 ? "nothing" : state === 1 ? "whole" : state === 2 ? bitmaps.next().value : undefined;
        if (holding === undefined) {
          payload.issues.push({
            code: "custom",
            message: "state without bitmap or unknown state",
            input: states,
          });
          return z.NEVER;
        }
        holdings.push(holding);
      }
      if (bitmaps.next().done) return holdings;
      payload.issues.push({ code: "custom", message: "more bitmaps than states name", input: covers });
      return z.NEVER;
    },
    encode: (holdings) => ({
      states: Uint8Array.from(holdings, (held) => (held === "nothing" ? 0 : held === "whole" ? 1 : 2)),
      covers: holdings.filter((held) => typeof held !== "string"),
    }),
  },
);

const inventoryCodec = z.strictObject({
  type: z.literal("inventory"),
  epoch: uint32,
  member,
  holdings: holdingsCodec,
  signature,
});

const heldProofCodec = z.strictObject({
  provider: uint32,
  /** One part that is the whole proof, or parts of the named pairs. */
  pairs: z.union([z.literal("whole"), z.array(uint32).max(PROOF_PARTS)]),
  parts: z.array(proofPartCodec).max(PROOF_PARTS),
});

const valueCodec = z.strictObject({
  inventories: z.array(inventoryCodec).max(MAX_KEEPERS),
  proofs: z.array(heldProofCodec).max(MAX_PROVIDERS),
});

const prepareCodec = z.strictObject({
  type: z.literal("prepare"),
  epoch: uint32,
  round: uint32,
  digest: bytes32,
  member,
  signature,
});

const roundChangeHead = {
  type: z.literal("roundChange"),
  epoch: uint32,
  round: uint32,
  prepared: z.union([z.null(), z.strictObject({ round: uint32, digest: bytes32 })]),
  member,
  signature,
};

/** The signed part of a round change, as proposals carry it. */
const roundChangeHeadCodec = z.strictObject(roundChangeHead);

const roundChangeCodec = z.strictObject({
  ...roundChangeHead,
  /** What was prepared with its quorum of prepares, or null. */
  lock: z.union([
    z.null(),
    z.strictObject({ value: valueCodec, prepares: z.array(prepareCodec).max(MAX_KEEPERS) }),
  ]),
  /** Inventories known to the sender with the proofs that they name, so that the next leader has them. */
  handed: valueCodec,
});

const proposalCodec = z.strictObject({
  type: z.literal("proposal"),
  epoch: uint32,
  round: uint32,
  value: valueCodec,
  roundChanges: z.array(roundChangeHeadCodec).max(MAX_KEEPERS),
  prepares: z.array(prepareCodec).max(MAX_KEEPERS),
  member,
  signature,
});

const certificateCodec = z.strictObject({
  term: uint32,
  epoch: uint32,
  round: uint32,
  resultsRoot: bytes32,
  exceptionsRoot: bytes32,
  exceptions: uint32,
  absent: uint32,
  leader: z.int().min(0).max(255),
}) satisfies z.ZodType<Certificate>;

const commitCodec = z.strictObject({
  type: z.literal("commit"),
  epoch: uint32,
  certificate: certificateCodec,
  member,
  signature,
});

const decidedCodec = z.strictObject({
  type: z.literal("decided"),
  epoch: uint32,
  commits: z.array(commitCodec).max(MAX_KEEPERS),
  value: z.union([z.null(), valueCodec]),
  member,
});

const syncCodec = z.strictObject({
  type: z.literal("sync"),
  epoch: uint32,
  round: uint32,
  member,
  signature,
});

const messageCodec = z.discriminatedUnion("type", [
  inventoryCodec,
  proposalCodec,
  prepareCodec,
  commitCodec,
  roundChangeCodec,
  decidedCodec,
  syncCodec,
]);

const envelopeCodec = z.strictObject({
  v: z.literal(CONSENSUS_VERSION),
  chainId: z.int().min(1),
  group: address,
  message: messageCodec,
});

const lockCodec = z.strictObject({
  round: uint32,
  digest: bytes32,
  value: valueCodec,
  prepares: z.array(prepareCodec).max(MAX_KEEPERS),
});

export type InventoryMessage = z.output<typeof inventoryCodec>;
export type HeldProof = z.output<typeof heldProofCodec>;
/** What a proposal proposes: inventories ascending by member, and the proofs that their cover needs. */
export type Value = z.output<typeof valueCodec>;
export type ProposalMessage = z.output<typeof proposalCodec>;
export type PrepareMessage = z.output<typeof prepareCodec>;
export type CommitMessage = z.output<typeof commitCodec>;
export type RoundChangeHead = z.output<typeof roundChangeHeadCodec>;
export type RoundChangeMessage = z.output<typeof roundChangeCodec>;
export type DecidedMessage = z.output<typeof decidedCodec>;
export type SyncMessage = z.output<typeof syncCodec>;
export type ConsensusMessage = z.output<typeof messageCodec>;
/** Messages that a keeper signs as votes: one per (epoch, round, type) and never two that differ. */
export type Vote =
  | InventoryMessage
  | ProposalMessage
  | PrepareMessage
  | CommitMessage
  | RoundChangeMessage
  | SyncMessage;
type Unsigned<Message> = Message extends { signature: Uint8Array } ? Omit<Message, "signature"> : never;
/** A vote before it is signed. */
export type Draft = Unsigned<Vote>;

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
  return encode(messageCodec.encode({ ...draft, signature: new Uint8Array(64) } as ConsensusMessage));
}

/** Reads what `encodeDraft` wrote. */
export function decodeDraft(bytes: Uint8Array): Draft {
  const parsed = messageCodec.safeDecode(decodeCbor(bytes) as z.input<typeof messageCodec>);
  if (!parsed.success) throw malformed(parsed.error);
  const { signature: _unsigned, ...draft } = parsed.data as Vote;
  return draft as Draft;
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
