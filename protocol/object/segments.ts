import { createCipheriv, createDecipheriv } from "node:crypto";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { SEGMENT_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { type ByteSource, concatBytes, rechunk } from "./rechunk.ts";

/** Bytes that a stored segment has beyond its (compressed) content: one flag byte and the AES-GCM tag. */
export const SEGMENT_OVERHEAD = 17;

/** What binds a segment to its object. */
export type SegmentContext = {
  /** 32-byte object key, never used for another object. */
  readonly key: Uint8Array;
  /** 16 random bytes. */
  readonly objectId: Uint8Array;
  readonly version: number;
};

/** One stored segment. */
export type Segment = {
  /** flag ‖ ciphertext ‖ tag */
  readonly bytes: Uint8Array;
  readonly plainBytes: number;
  readonly last: boolean;
};

const FLAG_PLAIN = 0;
const FLAG_ZSTD = 1;
const TAG_BYTES = 16;
const SAMPLE_BYTES = 65_536;
const LABEL = new TextEncoder().encode("memo/segment/v1");

/** nonce = 11-byte counter ‖ last flag: order, number and end of the segments are authenticated by it. */
function segmentNonce(index: number, last: boolean): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(7, index);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

function associatedData(context: SegmentContext, flag: number): Uint8Array {
  const tail = new Uint8Array(9);
  new DataView(tail.buffer).setBigUint64(0, BigInt(context.version));
  tail[8] = flag;
  return concatBytes([LABEL, context.objectId, tail]);
}

function compressAsync(bytes: Uint8Array): Promise<Uint8Array> {
  const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
  return new Promise((resolve, reject) =>
    zstdCompress(bytes, options, (error, result) => (error ? reject(error) : resolve(result))),
  );
}

function decompressAsync(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    zstdDecompress(bytes, { maxOutputLength: SEGMENT_BYTES }, (error, result) =>
      error ? reject(error) : resolve(result),
    ),
  );
}

/** Compressed bytes if they are fewer, else nothing. A sample spares the work on data that is compressed already. */
async function smaller(plain: Uint8Array): Promise<Uint8Array | undefined> {
  if (plain.length > 2 * SAMPLE_BYTES) {
    const sample = await compressAsync(plain.subarray(0, SAMPLE_BYTES));
    if (sample.length > SAMPLE_BYTES * 0.95) return undefined;
  }
  const compressed = await compressAsync(plain);
  return compressed.length < plain.length ? compressed : undefined;
}

/** Encrypts one segment of at most 1 MiB, compressed when that makes it smaller and `compress` is not false. */
export async function sealSegment(
  plain: Uint8Array,
  index: number,
  last: boolean,
  context: SegmentContext,
  compress = true,
): Promise<Segment> {
  const compressed = compress && plain.length > 0 ? await smaller(plain) : undefined;
  const flag = compressed ? FLAG_ZSTD : FLAG_PLAIN;
  const cipher = createCipheriv("aes-256-gcm", context.key, segmentNonce(index, last));
  cipher.setAAD(associatedData(context, flag));
  const body = cipher.update(compressed ?? plain);
  cipher.final();
  return {
    bytes: concatBytes([Uint8Array.of(flag), body, cipher.getAuthTag()]),
    plainBytes: plain.length,
    last,
  };
}

/**
 * Decrypts one stored segment.
 * @throws MemoError `SEGMENT_TAMPERED` when its bytes, place, end mark, object or version are not the sealed ones
 */
export async function openSegment(
  bytes: Uint8Array,
  index: number,
  last: boolean,
  context: SegmentContext,
): Promise<Uint8Array> {
  const tampered = (cause?: unknown) =>
    new MemoError(
      "SEGMENT_TAMPERED",
      `Segment ${index} is not the one that was stored at this place of the object.`,
      {
        details: { index, last },
        cause,
      },
    );
  const flag = bytes[0];
  if (bytes.length < SEGMENT_OVERHEAD || (flag !== FLAG_PLAIN && flag !== FLAG_ZSTD)) throw tampered();
  const decipher = createDecipheriv("aes-256-gcm", context.key, segmentNonce(index, last));
  decipher.setAAD(associatedData(context, flag));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const body = decipher.update(bytes.subarray(1, bytes.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw tampered(cause);
  }
  const plain = flag === FLAG_ZSTD ? await decompressAsync(body) : new Uint8Array(body);
  if (last ? plain.length > SEGMENT_BYTES : plain.length !== SEGMENT_BYTES) throw tampered();
  return plain;
}

/**
 * Cuts a plain stream into segments and seals them, holding at most two in memory. An empty stream is one empty last
 * segment, so that emptiness is authenticated too.
 */
export async function* sealSegments(
  source: ByteSource,
  context: SegmentContext,
  compress = true,
): AsyncGenerator<Segment> {
  let index = 0;
  let held = new Uint8Array(0) as Uint8Array;
  let any = false;
  for await (const plain of rechunk(source, SEGMENT_BYTES)) {
    if (any) yield await sealSegment(held, index++, false, context, compress);
    held = plain;
    any = true;
  }
  yield await sealSegment(held, index, true, context, compress);
}

/**
 * Decrypts consecutive stored segments.
 * @param segments stored segments in order
 * @param range `total`: segments that the object has; `first` and `count`: which of them the source holds (all)
 * @throws MemoError `SEGMENT_TAMPERED` and, when the source ends early, `SEGMENT_MISSING`
 */
export async function* openSegments(
  segments: ByteSource,
  context: SegmentContext,
  range: { total: number; first?: number; count?: number },
): AsyncGenerator<Uint8Array> {
  let index = range.first ?? 0;
  const end = index + (range.count ?? range.total - index);
  for await (const bytes of segments) {
    yield await openSegment(bytes, index, index === range.total - 1, context);
    index++;
  }
  if (index !== end) {
    throw new MemoError(
      "SEGMENT_MISSING",
      `The object ends before segment ${index}; it should have ${range.total}.`,
    );
  }
}
