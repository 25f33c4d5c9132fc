import { createHash } from "node:crypto";
import { PAYLOAD_BYTES, SEGMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import {
  fitsOnlyStripe,
  type Placement,
  placeManifest,
  sharedPayload,
} from "../../protocol/object/placement.ts";
import type { Policy } from "../../protocol/object/policy.ts";
import { concatBytes } from "../../protocol/object/rechunk.ts";
import type { ReedSolomon } from "../../protocol/object/reedSolomon.ts";
import { SEGMENT_OVERHEAD, type SegmentContext, sealSegments } from "../../protocol/object/segments.ts";
import {
  encodeReplicatedStripe,
  encodeStripe,
  stripePayloads,
  stripesFor,
} from "../../protocol/object/stripes.ts";
import type { Source } from "./source.ts";

/** Consecutive stripes; `stripes[i][slot]` is a shard. */
export type StripeWindow = {
  readonly firstStripe: number;
  readonly stripes: readonly (readonly Uint8Array[])[];
};

/** What the manifest has to tell about the data. */
export type ProducedData = {
  /** Plain bytes. */
  readonly size: number;
  /** Stored length of each segment. */
  readonly segments: readonly number[];
  readonly payloadBytes: number;
  /** Digests of all shards, stripe by stripe, or the digest of the payload when the manifest shares the stripe. */
  readonly shards: { readonly digests: Uint8Array } | { readonly payloadDigest: Uint8Array };
};

/** Result of a whole run. */
export type Produced = {
  readonly stripes: number;
  readonly manifest: Uint8Array;
  readonly placement: Placement;
};

/**
 * Turns a source into windows of shards, as often as asked: the same source gives the same shards, so a late
 * replacement of a provider needs no memory of earlier windows.
 */
export type Production = {
  /** @throws MemoError `FILE_CHANGED` when a later run meets other bytes than the first */
  windows(signal?: AbortSignal): AsyncGenerator<StripeWindow>;
  /** Known once a run has come to its end. */
  result(): Produced | undefined;
  /** Plain bytes read by the run that is ahead. */
  bytesRead(): number;
};

type Run = { size: number; payloadBytes: number; segments: number[] };

const changed = () =>
  new MemoError(
    "FILE_CHANGED",
    "The source gave other bytes when it was read again. Nothing was stored; try again.",
    {
      retryable: true,
    },
  );

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

/** Most stripes that a source of `size` bytes can need, manifest included. */
export function mostStripes(
  size: number,
  policy: Policy,
  manifestBytes: (stripes: number, segments: number) => number,
): number {
  const segments = Math.max(1, Math.ceil(size / SEGMENT_BYTES));
  const data = stripesFor(size + segments * SEGMENT_OVERHEAD, policy);
  return data + Math.ceil(manifestBytes(data, segments) / PAYLOAD_BYTES);
}

export function createProduction(options: {
  source: Source;
  context: SegmentContext;
  policy: Policy;
  compress: boolean;
  windowStripes: number;
  reedSolomon: ReedSolomon;
  /** Writes the manifest; called again when it turns out not to fit into the only stripe. */
  sealManifest(data: ProducedData): Uint8Array;
}): Production {
  const { source, policy, reedSolomon } = options;
  const known: Uint8Array[] = [];
  let produced: (Produced & { payloadDigest: Uint8Array }) | undefined;
  let ahead = 0;

  /** Digests of a data stripe; a later run must meet the same ones. */
  function remember(index: number, shards: readonly Uint8Array[]): void {
    const digests = concatBytes(
      policy.kind === "copies" ? shards.map(() => sha256(shards[0]!)) : shards.map(sha256),
    );
    const before = known[index];
    if (before === undefined) known[index] = digests;
    else if (Buffer.compare(before, digests) !== 0) throw changed();
  }

  async function* segmentBytes(run: Run, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    for await (const segment of sealSegments(source.open(signal), options.context, options.compress)) {
      signal?.throwIfAborted();
      run.size += segment.plainBytes;
      run.payloadBytes += segment.bytes.length;
      run.segments.push(segment.bytes.length);
      ahead = Math.max(ahead, run.size);
      yield segment.bytes;
    }
  }

  /** The end of the data: its last stripe, and where the manifest goes. */
  function* finish(run: Run, index: number, payload: Uint8Array): Generator<readonly Uint8Array[]> {
    const payloadDigest = index === 0 ? sha256(payload) : undefined;
    if (payloadDigest && (produced === undefined || produced.placement.kind === "shared")) {
      if (produced && Buffer.compare(produced.payloadDigest, payloadDigest) !== 0) throw changed();
      const manifest = produced?.manifest ?? options.sealManifest({ ...run, shards: { payloadDigest } });
      if (fitsOnlyStripe(run.payloadBytes, manifest.length, policy)) {
        const placement = placeManifest(run.payloadBytes, manifest.length, true, policy);
        produced = { stripes: 1, manifest, placement, payloadDigest };
        yield encodeStripe(sharedPayload(payload, manifest, policy), policy, reedSolomon);
        return;
      }
    }
    const last = encodeStripe(payload, policy, reedSolomon);
    remember(index, last);
    yield last;
    const manifest =
      produced?.manifest ?? options.sealManifest({ ...run, shards: { digests: concatBytes(known) } });
    const placement = placeManifest(run.payloadBytes, manifest.length, false, policy);
    produced = {
      stripes: index + 1 + placement.stripes,
      manifest,
      placement,
      payloadDigest: new Uint8Array(0),
    };
    for (let offset = 0; offset < manifest.length; offset += PAYLOAD_BYTES) {
      yield encodeReplicatedStripe(manifest.subarray(offset, offset + PAYLOAD_BYTES), policy);
    }
  }

  async function* stripes(signal: AbortSignal | undefined): AsyncGenerator<readonly Uint8Array[]> {
    const run: Run = { size: 0, payloadBytes: 0, segments: [] };
    let held: Uint8Array | undefined;
    let index = 0;
    for await (const payload of stripePayloads(segmentBytes(run, signal), policy)) {
      // One stripe is held back, because the only one also takes the manifest.
      if (held) {
        const shards = encodeStripe(held, policy, reedSolomon);
        remember(index++, shards);
        yield shards;
      }
      held = payload;
    }
    yield* finish(run, index, held!);
  }

  return {
    async *windows(signal) {
      let window: (readonly Uint8Array[])[] = [];
      let firstStripe = 0;
      for await (const shards of stripes(signal)) {
        window.push(shards);
        if (window.length < options.windowStripes) continue;
        yield { firstStripe, stripes: window };
        firstStripe += window.length;
        window = [];
      }
      if (window.length > 0) yield { firstStripe, stripes: window };
    },
    result: () => produced,
    bytesRead: () => ahead,
  };
}
