import * as dagCbor from "@ipld/dag-cbor";
import type { z } from "zod";
import { SEGMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { deriveKey, openEnvelope, type RandomBytes, sealEnvelope } from "./envelope.ts";
import {
  type Extent,
  MANIFEST_VERSION,
  MAX_MANIFEST_BYTES,
  MAX_STORED_SEGMENT,
  type ManifestBody,
  type ManifestFile,
  manifestBodySchema,
  manifestFileSchema,
} from "./manifestSchema.ts";
import { decodePolicy } from "./policy.ts";
import type { WrappedRoot } from "./rootKey.ts";
import { SEGMENT_OVERHEAD } from "./segments.ts";
import { stripesFor } from "./stripes.ts";

const LABEL = "manifest";

function invalid(reason: string, cause?: unknown): MemoError<"MANIFEST_INVALID"> {
  return new MemoError("MANIFEST_INVALID", `The manifest is not valid: ${reason}.`, { cause });
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw invalid(`${issue.path.join(".") || "it"}: ${issue.message}`, result.error);
}

function decode(bytes: Uint8Array): unknown {
  try {
    return dagCbor.decode(bytes);
  } catch (cause) {
    throw invalid("it is not dag-cbor", cause);
  }
}

/** Stored lengths of an extent's segments. */
export function segmentLengths(extent: Extent): number[] {
  const view = new DataView(extent.segments.buffer, extent.segments.byteOffset, extent.segments.byteLength);
  return Array.from({ length: extent.segments.length / 4 }, (_, index) => view.getUint32(index * 4));
}

/** The segment index of {@link Extent}, from stored lengths. */
export function packSegmentLengths(lengths: readonly number[]): Uint8Array {
  const packed = new Uint8Array(lengths.length * 4);
  const view = new DataView(packed.buffer);
  for (const [index, length] of lengths.entries()) view.setUint32(index * 4, length);
  return packed;
}

/** Stored bytes of an extent. */
export function extentBytes(extent: Extent): number {
  return segmentLengths(extent).reduce((sum, length) => sum + length, 0);
}

/** Rules that go beyond types: extents lie back to back, indexes fit sizes, operations name objects of this order. */
function assertConsistent(body: ManifestBody): void {
  const policy = decodePolicy(body.policy);
  let offset = 0;
  for (const extent of body.extents) {
    if (extent.offset !== offset) throw invalid("its extents do not lie back to back");
    const lengths = segmentLengths(extent);
    if (lengths.length !== Math.max(1, Math.ceil(extent.size / SEGMENT_BYTES))) {
      throw invalid("a segment index does not fit the size of its object");
    }
    if (lengths.some((length) => length < SEGMENT_OVERHEAD || length > MAX_STORED_SEGMENT)) {
      throw invalid("a segment has an impossible length");
    }
    offset += extentBytes(extent);
  }
  if (offset !== body.payloadBytes) throw invalid("its extents do not fill its payload");
  const stripes = stripesFor(body.payloadBytes, policy);
  const shared = body.payloadDigest !== undefined;
  if (shared ? body.digests.length !== 0 || stripes > 1 : body.digests.length !== stripes * policy.n * 32) {
    throw invalid("its digests do not fit its stripes");
  }
  const objects = new Set(body.extents.map((extent) => Buffer.from(extent.objectId).toString("hex")));
  if (objects.size !== body.extents.length) throw invalid("it lists an object twice");
  for (const operation of body.ops) {
    if (operation.type === "put" && !objects.has(Buffer.from(operation.objectId).toString("hex"))) {
      throw invalid("it names an object that it does not hold");
    }
  }
}

function sealingKey(rootKey: Uint8Array): Uint8Array {
  return deriveKey(rootKey, "memo/manifest/v1");
}

/**
 * Writes a manifest: locked root keys in the header, the body sealed by the root key, so that names, sizes and keys
 * are the owner's alone.
 * @throws MemoError `MANIFEST_INVALID`, `MANIFEST_TOO_LARGE`
 */
export function encodeManifest(
  body: ManifestBody,
  options: { roots: readonly WrappedRoot[]; rootKey: Uint8Array; random: RandomBytes },
): Uint8Array {
  const checked = parse(manifestBodySchema, body);
  assertConsistent(checked);
  const sealed = sealEnvelope(dagCbor.encode(withoutUndefined(checked)), {
    key: sealingKey(options.rootKey),
    label: LABEL,
    random: options.random,
  });
  const file: ManifestFile = {
    v: MANIFEST_VERSION,
    type: "memo/manifest",
    roots: [...options.roots],
    sealed,
  };
  const bytes = dagCbor.encode(parse(manifestFileSchema, file));
  assertSize(bytes.length);
  return bytes;
}

/** dag-cbor has no `undefined`. */
function withoutUndefined(body: ManifestBody): ManifestBody {
  const { payloadDigest, ...rest } = body;
  return payloadDigest === undefined ? rest : { ...rest, payloadDigest };
}

function assertSize(length: number): void {
  if (length <= MAX_MANIFEST_BYTES) return;
  throw new MemoError(
    "MANIFEST_TOO_LARGE",
    `A manifest has at most ${MAX_MANIFEST_BYTES} bytes; this one has ${length}.`,
    {
      details: { length },
    },
  );
}

/**
 * Reads the outer part of a manifest.
 * @throws MemoError `MANIFEST_INVALID`, `MANIFEST_TOO_LARGE`, `MANIFEST_VERSION_NEWER`
 */
export function decodeManifestFile(bytes: Uint8Array): ManifestFile {
  assertSize(bytes.length);
  const value = decode(bytes);
  const version = typeof value === "object" && value !== null && "v" in value ? value.v : undefined;
  if (typeof version === "number" && version > MANIFEST_VERSION) {
    throw new MemoError(
      "MANIFEST_VERSION_NEWER",
      `The manifest has version ${version}; this program reads up to ${MANIFEST_VERSION}. Install a newer memo.`,
      { details: { version } },
    );
  }
  return parse(manifestFileSchema, value);
}

/**
 * Unlocks the body of a manifest.
 * @throws MemoError `ENVELOPE_INVALID` for another root key or changed bytes, `MANIFEST_INVALID`
 */
export function openManifest(file: ManifestFile, rootKey: Uint8Array): ManifestBody {
  const plain = openEnvelope(file.sealed, { key: sealingKey(rootKey), label: LABEL });
  const body = parse(manifestBodySchema, decode(plain));
  assertConsistent(body);
  return body;
}
