import { z } from "zod";
import { COMMITMENT_BYTES, SHARD_BYTES, WINDOW_STRIPES } from "../constants.ts";
import { POINT_BYTES } from "../kzg/pointEncoding.ts";
import {
  address,
  bytes32,
  bytesCodec,
  capabilityCodec,
  compactSignature,
  orderCodec,
  payerSignature,
  seconds,
  shortText,
  slotIndex,
  uint32,
  uint64,
  uint128,
} from "./codecs.ts";
import { proofMessageCodec } from "./proofMessage.ts";
import { defineProtocol } from "./protocol.ts";

/** Most commitments in one `putCommitments` or `getCommitments` page. */
export const COMMITMENTS_PER_PAGE = 8_192;
/** Most commitment points in one `getOpenings` page. */
export const OPENINGS_PER_PAGE = 4_096;

const empty = z.strictObject({});
const commitments = bytesCodec(COMMITMENT_BYTES, COMMITMENTS_PER_PAGE * COMMITMENT_BYTES).refine(
  (bytes) => bytes.length % COMMITMENT_BYTES === 0,
  `expected whole commitments of ${COMMITMENT_BYTES} bytes`,
);
/** Absent: the calling peer reads by right of a repair offer that its provider has. */
const readRight = capabilityCodec.optional();
const upload = { uploadId: bytes32, slot: slotIndex };
const window = { ...upload, firstStripe: uint32, count: z.int().min(1).max(WINDOW_STRIPES) };

/** What a provider does for users and keepers. */
export const providerProtocol = defineProtocol({
  name: "/memo/provider",
  version: "1.0.0",
  maxFrameBytes: 1_048_576,
  methods: {
    quote: {
      request: empty,
      response: z.strictObject({
        providerId: uint32,
        ask: uint128,
        freeBytes: z.int().min(0),
        domain: bytes32,
      }),
    },
    /** Keeps room for one slot until the order opens; the same (uploadId, slot) again changes nothing. */
    reserve: {
      request: z.strictObject({
        ...upload,
        owner: address,
        payer: address,
        stripes: uint32.min(1),
        policy: uint32,
        startEpoch: uint32,
        endEpoch: uint32,
        openBy: uint64,
        price: uint128,
      }),
      response: z.strictObject({ acceptedUntil: seconds }),
    },
    commitWindow: {
      request: z.strictObject(window),
      response: z.strictObject({ commitments }),
    },
    openWindow: {
      request: z.strictObject({ ...window, nonce: bytes32 }),
      response: z.strictObject({ y: bytesCodec(32), proof: bytesCodec(COMMITMENT_BYTES) }),
    },
    /** A page of the commitments of any slot of the upload's order, in stripe order. */
    putCommitments: {
      request: z.strictObject({ ...upload, firstStripe: uint32, commitments }),
      response: empty,
    },
    signOrder: {
      request: z.strictObject({ uploadId: bytes32, order: orderCodec }),
      response: z.strictObject({ signature: compactSignature }),
    },
    /** A signature for an order over the content of an order that the provider holds a slot of: nothing is uploaded. */
    signRenewal: {
      request: z.strictObject({
        former: bytes32,
        order: orderCodec,
        /** Of the payer or an agent of it; absent where the payer has set terms on chain. */
        consent: z.strictObject({ signer: address, signature: payerSignature }).optional(),
      }),
      response: z.strictObject({ signature: compactSignature }),
    },
    getCommitments: {
      request: z.strictObject({
        orderId: bytes32,
        slot: slotIndex,
        from: uint32,
        count: z.int().min(1).max(COMMITMENTS_PER_PAGE),
        capability: readRight,
      }),
      response: z.strictObject({ commitments }),
    },
    /** What verifies this provider's proof of an epoch, for keepers: points in order of the challenge. */
    getOpenings: {
      request: z.strictObject({
        epoch: uint32,
        from: uint32,
        count: z.int().min(1).max(OPENINGS_PER_PAGE),
      }),
      response: z.strictObject({
        points: bytesCodec(0, OPENINGS_PER_PAGE * POINT_BYTES).refine(
          (bytes) => bytes.length % POINT_BYTES === 0,
          `expected whole points of ${POINT_BYTES} bytes`,
        ),
        orders: z
          .array(
            z.strictObject({
              orderId: bytes32,
              multiproof: z.array(bytes32).max(16_384),
            }),
          )
          .max(OPENINGS_PER_PAGE),
        /** Points of the whole challenge. */
        total: uint32,
      }),
    },
    /** The answer that this provider gave in an epoch, for keepers that lost it. */
    getProof: {
      request: z.strictObject({ epoch: uint32 }),
      response: z.strictObject({ proof: proofMessageCodec }),
    },
    status: {
      request: empty,
      response: z.strictObject({
        providerId: uint32,
        epoch: uint32,
        /** Last final block that was processed. */
        head: z.int().min(0),
        orders: uint32,
        shards: z.int().min(0),
        version: shortText,
      }),
    },
  },
});

/** Whole shards, on a stream of their own so that they do not hold up small messages. */
export const bulkProtocol = defineProtocol({
  name: "/memo/bulk",
  version: "1.0.0",
  maxFrameBytes: 262_144,
  methods: {
    /** The same shard again changes nothing; durable once `commitWindow` has answered. */
    putShard: {
      request: z.strictObject({ ...upload, stripe: uint32, bytes: bytesCodec(SHARD_BYTES) }),
      response: empty,
    },
    getShard: {
      request: z.strictObject({
        orderId: bytes32,
        slot: slotIndex,
        stripe: uint32,
        capability: readRight,
      }),
      response: z.strictObject({ bytes: bytesCodec(SHARD_BYTES) }),
    },
  },
});

export type ProviderMethods = (typeof providerProtocol)["methods"];
export type BulkMethods = (typeof bulkProtocol)["methods"];
