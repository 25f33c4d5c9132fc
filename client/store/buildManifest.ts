import type { RandomBytes } from "../../protocol/object/envelope.ts";
import { encodeManifest, packSegmentLengths } from "../../protocol/object/manifest.ts";
import { encodePolicy, type Policy } from "../../protocol/object/policy.ts";
import { wrapObjectKey } from "../../protocol/object/rootKey.ts";
import type { SegmentContext } from "../../protocol/object/segments.ts";
import type { Root } from "../keyring.ts";
import type { ProducedData } from "./production.ts";

/** Manifest of an order that holds one object under one name. */
export function buildManifest(options: {
  name: string;
  /** Place of the put in the owner's namespace. */
  sequence: number;
  storedAt: number;
  context: SegmentContext;
  policy: Policy;
  root: Root;
  random: RandomBytes;
  data: ProducedData;
}): Uint8Array {
  const { context, data, root, random } = options;
  const { objectId, version } = context;
  return encodeManifest(
    {
      policy: encodePolicy(options.policy),
      payloadBytes: data.payloadBytes,
      digests: "digests" in data.shards ? data.shards.digests : new Uint8Array(0),
      ...("payloadDigest" in data.shards ? { payloadDigest: data.shards.payloadDigest } : {}),
      extents: [
        {
          objectId,
          version,
          offset: 0,
          size: data.size,
          segments: packSegmentLengths(data.segments),
          key: wrapObjectKey(context.key, root.rootKey, objectId, random),
          storedAt: options.storedAt,
        },
      ],
      ops: [{ type: "put", sequence: options.sequence, name: options.name, objectId }],
    },
    { roots: root.roots, rootKey: root.rootKey, random },
  );
}

/** Upper bound of {@link buildManifest}'s length. */
export function mostManifestBytes(options: {
  name: string;
  policy: Policy;
  roots: number;
  stripes: number;
  segments: number;
}): number {
  const fixed = 1024 + 256 * options.roots + 3 * options.name.length;
  return fixed + options.stripes * options.policy.n * 32 + options.segments * 4;
}
