import { z } from "zod";
import { EXCEPTION_KIND } from "../certificate.ts";
import { MAX_LOST_ENTRIES } from "../constants.ts";
import { bytes32, bytesCodec, capabilityCodec, shortText, slotIndex, uint32 } from "./codecs.ts";
import { COVER_BYTES, PROOF_PARTS, proofMessageCodec, proofPartCodec } from "./proofMessage.ts";
import { defineProtocol } from "./protocol.ts";
import { OPENINGS_PER_PAGE, providerProtocol } from "./provider.ts";

/** Most bytes of one consensus message; a proposal carries a quorum of inventories and proofs. */
export const CONSENSUS_MESSAGE_BYTES = 1_000_000;
/** Most results or proofs in one page. */
export const RESULTS_PER_PAGE = 1_024;
export const PROOFS_PER_PAGE = 256;
/** Most exceptions in one page; a lost one takes up to 4 KiB. */
export const EXCEPTIONS_PER_PAGE = 128;

const empty = z.strictObject({});

/** A leaf under `resultsRoot`, with what its hashes are made of. */
export const resultLeafCodec = z.strictObject({
  provider: uint32,
  /** 1 passed, 2 missed. */
  verdict: z.union([z.literal(1), z.literal(2)]),
  /** Bitmap over the (order, slot) pairs of the challenge by first appearance. */
  cover: bytesCodec(0, COVER_BYTES),
  parts: z.array(proofPartCodec).max(PROOF_PARTS),
});

export type ResultLeafMessage = z.output<typeof resultLeafCodec>;

/** A leaf under `exceptionsRoot` by what it stands for; `leafOfMessage` makes the leaf of it. */
export const exceptionCodec = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal(EXCEPTION_KIND.missed), provider: uint32 }),
  z.strictObject({
    kind: z.literal(EXCEPTION_KIND.lost),
    provider: uint32,
    part: uint32,
    entries: z
      .array(z.strictObject({ orderId: bytes32, slot: slotIndex, stripe: uint32 }))
      .min(1)
      .max(MAX_LOST_ENTRIES),
  }),
  z.strictObject({
    kind: z.literal(EXCEPTION_KIND.offer),
    provider: uint32,
    orderId: bytes32,
    slot: slotIndex,
    deadline: uint32,
  }),
]);

export type ExceptionMessage = z.output<typeof exceptionCodec>;

/** What keepers do for each other, and for those who check them. */
export const keeperProtocol = defineProtocol({
  name: "/memo/keeper",
  version: "1.0.0",
  maxFrameBytes: 1_048_576,
  methods: {
    /** Any consensus message; it carries its own signature. */
    deliver: {
      request: z.strictObject({ message: bytesCodec(1, CONSENSUS_MESSAGE_BYTES) }),
      response: empty,
    },
    /** A provider's answer, straight from the provider: gossip may have no path to this keeper. */
    submitProof: {
      request: z.strictObject({ proof: proofMessageCodec }),
      response: empty,
    },
    getResults: {
      request: z.strictObject({
        epoch: uint32,
        from: uint32,
        count: z.int().min(1).max(RESULTS_PER_PAGE),
      }),
      response: z.strictObject({ leaves: z.array(resultLeafCodec).max(RESULTS_PER_PAGE), total: uint32 }),
    },
    getProofs: {
      request: z.strictObject({ epoch: uint32, providers: z.array(uint32).min(1).max(PROOFS_PER_PAGE) }),
      response: z.strictObject({ proofs: z.array(proofMessageCodec).max(PROOFS_PER_PAGE) }),
    },
    /**
     * The exceptions of an epoch in leaf order, in whole those under `exceptionsRoot` of its certificate: the
     * caller checks that with `checkExceptions`. Fewer than asked for when they are long.
     */
    getExceptions: {
      request: z.strictObject({
        epoch: uint32,
        from: uint32,
        count: z.int().min(1).max(EXCEPTIONS_PER_PAGE),
      }),
      response: z.strictObject({ leaves: z.array(exceptionCodec).max(EXCEPTIONS_PER_PAGE), total: uint32 }),
    },
    /** A reader could not read a shard of an order; the keeper looks for itself. */
    reportShard: {
      request: z.strictObject({
        orderId: bytes32,
        slot: slotIndex,
        stripe: uint32,
        /** Code of the reader's error. */
        reason: shortText,
        capability: capabilityCodec,
      }),
      response: empty,
    },
    /**
     * Openings of a provider's challenge as this keeper had them from the provider: a provider must not be
     * able to split the keepers by serving some of them only.
     */
    getOpenings: {
      request: z.strictObject({
        epoch: uint32,
        provider: uint32,
        from: uint32,
        count: z.int().min(1).max(OPENINGS_PER_PAGE),
      }),
      response: providerProtocol.methods.getOpenings.response,
    },
    status: {
      request: empty,
      response: z.strictObject({
        keeperId: uint32,
        epoch: uint32,
        /** Last final block that was processed. */
        head: z.int().min(0),
        /** Round of the running instance, −1 when none runs. */
        round: z.int().min(-1),
        lastCertified: z.int().min(-1),
        version: shortText,
      }),
    },
  },
});

export type KeeperMethods = (typeof keeperProtocol)["methods"];
