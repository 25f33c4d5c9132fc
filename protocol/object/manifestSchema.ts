import { z } from "zod";
import { MAX_SLOTS, SEGMENT_BYTES } from "../constants.ts";
import { anyBytes, bytes } from "./bytesSchema.ts";
import { wrappedRootSchema } from "./rootKey.ts";
import { SEGMENT_OVERHEAD } from "./segments.ts";

/** Version of the manifest format; newer ones are refused by name. */
export const MANIFEST_VERSION = 1;
/** Most bytes of a manifest: it is read whole. */
export const MAX_MANIFEST_BYTES = 256 * 1_048_576;
/** Most bytes (UTF-8) of a name. */
export const MAX_NAME_BYTES = 1024;
const MAX_ITEMS = 65_536;

const count = z.int().min(0);

/** Names are any text without NUL, at most 1,024 bytes; `/` makes folders, as users see them. */
export const nameSchema = z
  .string()
  .min(1)
  .refine((name) => !name.includes("\0") && name.isWellFormed(), "has a character that no name may have")
  .refine(
    (name) => new TextEncoder().encode(name).length <= MAX_NAME_BYTES,
    `is longer than ${MAX_NAME_BYTES} bytes`,
  );

/** One object: where its segments lie in the payload of the order, and its key. */
export const extentSchema = z.strictObject({
  objectId: bytes(16),
  version: count,
  /** First byte in the payload of the order. */
  offset: count,
  /** Plain bytes. */
  size: count,
  /** Stored length of each segment, uint32 big-endian. */
  segments: anyBytes.refine((value) => value.length > 0 && value.length % 4 === 0, "is no segment index"),
  /** The object's key, wrapped by the root key. */
  key: bytes(60),
  /** Unix seconds (chain time) at which it was stored. */
  storedAt: count,
});

/** A change of the owner's namespace. `sequence` rises over all orders of an owner. */
export const operationSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("put"), sequence: count, name: nameSchema, objectId: bytes(16) }),
  z.strictObject({ type: z.literal("delete"), sequence: count, name: nameSchema }),
  z.strictObject({ type: z.literal("rename"), sequence: count, from: nameSchema, to: nameSchema }),
]);

/** What a manifest says once it is unlocked. */
export const manifestBodySchema = z.strictObject({
  /** As in `Order.policy`. */
  policy: count,
  /** Bytes of all extents, back to back from the first stripe on. */
  payloadBytes: count,
  /** sha2-256 of each shard (its CID's digest), stripe by stripe, slot by slot; empty when the manifest shares the stripe. */
  digests: anyBytes,
  /** sha2-256 of the payload; only when the manifest shares the stripe, whose shards it cannot list. */
  payloadDigest: bytes(32).optional(),
  extents: z.array(extentSchema).max(MAX_ITEMS),
  ops: z.array(operationSchema).max(MAX_ITEMS),
});

/** What lies in the network: locked root keys in the clear, everything else sealed. */
export const manifestFileSchema = z.strictObject({
  v: z.literal(MANIFEST_VERSION),
  type: z.literal("memo/manifest"),
  roots: z.array(wrappedRootSchema).min(1).max(8),
  sealed: anyBytes,
});

export type Extent = z.infer<typeof extentSchema>;
export type Operation = z.infer<typeof operationSchema>;
export type ManifestBody = z.infer<typeof manifestBodySchema>;
export type ManifestFile = z.infer<typeof manifestFileSchema>;

/** Longest stored segment. */
export const MAX_STORED_SEGMENT = SEGMENT_BYTES + SEGMENT_OVERHEAD;
/** Digest bytes of one stripe at most. */
export const MAX_STRIPE_DIGESTS = MAX_SLOTS * 32;
