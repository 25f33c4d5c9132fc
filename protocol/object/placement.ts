import { PAYLOAD_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import type { ManifestLocation } from "../order.ts";
import type { Policy } from "./policy.ts";
import { stripePayloadBytes, stripesFor } from "./stripes.ts";

/** Where a manifest lies. */
export type Placement =
  /** In the only stripe of the order, at its very end. */
  | { readonly kind: "shared"; readonly offset: number; readonly stripes: 1 }
  /** In stripes of its own after the data, each of which repeats one shard in all slots. */
  | { readonly kind: "replicated"; readonly firstStripe: number; readonly stripes: number };

/** Whether a manifest of this length goes into the only stripe, after `payloadBytes` of data. */
export function fitsOnlyStripe(payloadBytes: number, manifestBytes: number, policy: Policy): boolean {
  return payloadBytes + manifestBytes <= stripePayloadBytes(policy);
}

/** Stripes of an order: data, and the manifest where it does not share the only one. */
export function placeManifest(
  payloadBytes: number,
  manifestBytes: number,
  shared: boolean,
  policy: Policy,
): Placement {
  if (shared) {
    return { kind: "shared", offset: stripePayloadBytes(policy) - manifestBytes, stripes: 1 };
  }
  return {
    kind: "replicated",
    firstStripe: stripesFor(payloadBytes, policy),
    stripes: Math.ceil(manifestBytes / PAYLOAD_BYTES),
  };
}

/** The payload of the only stripe: data at its start, the manifest at its end. */
export function sharedPayload(data: Uint8Array, manifest: Uint8Array, policy: Policy): Uint8Array {
  const payload = new Uint8Array(stripePayloadBytes(policy));
  payload.set(data);
  payload.set(manifest, payload.length - manifest.length);
  return payload;
}

/**
 * Reads the placement back from an order. An order of one stripe shares it: a manifest that does not fit beside its
 * data makes the order longer.
 * @throws MemoError `MANIFEST_LOCATION_INVALID` when the order points outside itself
 */
export function placementOf(location: ManifestLocation, stripes: number, policy: Policy): Placement {
  const length = Number(location.length);
  const refuse = () =>
    new MemoError(
      "MANIFEST_LOCATION_INVALID",
      "The order points to a manifest that cannot be where it says.",
      {
        details: { ...location, orderStripes: stripes },
      },
    );
  if (length === 0) throw refuse();
  if (location.firstStripe === 0 && stripes === 1) {
    if (location.stripes !== 1 || length > stripePayloadBytes(policy)) throw refuse();
    return placeManifest(0, length, true, policy);
  }
  const needed = Math.ceil(length / PAYLOAD_BYTES);
  if (location.stripes !== needed || location.firstStripe + needed !== stripes) throw refuse();
  return { kind: "replicated", firstStripe: location.firstStripe, stripes: needed };
}
