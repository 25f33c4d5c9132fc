import { createHash } from "node:crypto";
import { SEGMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { segmentLengths } from "../../protocol/object/manifest.ts";
import type { Extent, ManifestBody } from "../../protocol/object/manifestSchema.ts";
import { unwrapObjectKey } from "../../protocol/object/rootKey.ts";
import { openSegments } from "../../protocol/object/segments.ts";
import { stripePayloadBytes } from "../../protocol/object/stripes.ts";
import { digestCheck, type OrderReader } from "./orderReader.ts";

/** Plain bytes wanted: from `offset`, `length` of them (all that follow when absent). */
export type ByteRange = { readonly offset: number; readonly length?: number };

/** Stripes that are fetched ahead of the reader. */
const STRIPES_AHEAD = 3;

/** @throws MemoError `RANGE_INVALID` when the range does not lie in the object */
export function resolveRange(size: number, range: ByteRange | undefined): { from: number; to: number } {
  const from = range?.offset ?? 0;
  const to = from + (range?.length ?? size - from);
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  if (whole && from >= 0 && from <= to && to <= size) return { from, to };
  throw new MemoError("RANGE_INVALID", `The range does not lie in the object's ${size} bytes.`, {
    details: { size, offset: range?.offset, length: range?.length },
  });
}

/** Payload bytes [from, to) of an order, stripe by stripe, fetched a few stripes ahead. */
async function* payloadBytes(
  reader: OrderReader,
  body: ManifestBody,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const size = stripePayloadBytes(reader.policy);
  const check = digestCheck(body.digests, reader.policy.n);
  const cut = (stripe: number) => ({
    from: Math.max(0, from - stripe * size),
    to: Math.min(size, to - stripe * size),
  });
  const { payloadDigest } = body;
  const fits = (payload: Uint8Array) =>
    createHash("sha256").update(payload.subarray(0, body.payloadBytes)).digest().equals(payloadDigest!);
  const fetch = (stripe: number) =>
    payloadDigest ? reader.onlyStripe(fits, signal) : reader.stripe(stripe, cut(stripe), check, signal);

  const end = Math.ceil(to / size);
  const ahead: Promise<Uint8Array>[] = [];
  let next = Math.floor(from / size);
  for (let stripe = next; stripe < end; stripe++) {
    while (next < end && ahead.length <= STRIPES_AHEAD) {
      const fetching = fetch(next++);
      // The failure is thrown where its turn comes; until then it is not unhandled.
      fetching.catch(() => undefined);
      ahead.push(fetching);
    }
    const { from: start, to: stop } = cut(stripe);
    yield (await ahead.shift()!).subarray(start, stop);
  }
}

/** Cuts a byte stream into pieces of the given lengths. */
async function* splitByLengths(
  source: AsyncIterable<Uint8Array>,
  lengths: readonly number[],
): AsyncGenerator<Uint8Array> {
  let index = 0;
  let piece = new Uint8Array(lengths[0] ?? 0);
  let filled = 0;
  for await (const chunk of source) {
    let taken = 0;
    while (taken < chunk.length && index < lengths.length) {
      const count = Math.min(piece.length - filled, chunk.length - taken);
      piece.set(chunk.subarray(taken, taken + count), filled);
      taken += count;
      filled += count;
      if (filled < piece.length) continue;
      yield piece;
      index++;
      piece = new Uint8Array(lengths[index] ?? 0);
      filled = 0;
    }
  }
}

/**
 * Plain bytes of an object or of a part of it. Only the stripes under the segments of the range are fetched; every
 * shard is checked before use and every segment is authenticated before it is given out.
 */
export async function* objectBytes(
  reader: OrderReader,
  body: ManifestBody,
  extent: Extent,
  rootKey: Uint8Array,
  range: { from: number; to: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const lengths = segmentLengths(extent);
  const first = Math.min(Math.floor(range.from / SEGMENT_BYTES), lengths.length - 1);
  const end = Math.max(first + 1, Math.ceil(range.to / SEGMENT_BYTES));
  const sum = (upTo: number) => lengths.slice(0, upTo).reduce((total, length) => total + length, 0);
  const stored = payloadBytes(reader, body, extent.offset + sum(first), extent.offset + sum(end), signal);
  const context = {
    key: unwrapObjectKey(extent.key, rootKey, extent.objectId),
    objectId: extent.objectId,
    version: extent.version,
  };
  const segments = splitByLengths(stored, lengths.slice(first, end));
  let position = first * SEGMENT_BYTES;
  for await (const plain of openSegments(segments, context, {
    total: lengths.length,
    first,
    count: end - first,
  })) {
    const part = plain.subarray(Math.max(0, range.from - position), Math.max(0, range.to - position));
    position += plain.length;
    if (part.length > 0) yield part;
  }
}
