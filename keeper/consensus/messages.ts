import type { Hex } from "viem";
import { z } from "zod";
import type { Certificate } from "../../protocol/certificate.ts";
import { MAX_KEEPERS } from "../../protocol/constants.ts";
import type { Holding } from "../../protocol/results/cover.ts";
import { address, bytes32, bytesCodec, uint32 } from "../../protocol/wire/codecs.ts";
import { PROOF_PARTS, proofPartCodec } from "../../protocol/wire/proofMessage.ts";

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
export const holdingsCodec = z.codec(
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

export const valueCodec = z.strictObject({
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

export const messageCodec = z.discriminatedUnion("type", [
  inventoryCodec,
  proposalCodec,
  prepareCodec,
  commitCodec,
  roundChangeCodec,
  decidedCodec,
  syncCodec,
]);

export const envelopeCodec = z.strictObject({
  v: z.literal(CONSENSUS_VERSION),
  chainId: z.int().min(1),
  group: address,
  message: messageCodec,
});

export const lockCodec = z.strictObject({
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

/** The value that this keeper has seen prepared by a quorum, with their prepares. */
export type Lock = {
  readonly round: number;
  readonly digest: Hex;
  readonly value: Value;
  readonly prepares: readonly PrepareMessage[];
};
