import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as dagCbor from "@ipld/dag-cbor";
import { PAYLOAD_BYTES, SEGMENT_BYTES } from "../../../protocol/constants.ts";
import {
  decodeManifestFile,
  encodeManifest,
  extentBytes,
  openManifest,
  packSegmentLengths,
  segmentLengths,
} from "../../../protocol/object/manifest.ts";
import type { Extent, ManifestBody } from "../../../protocol/object/manifestSchema.ts";
import { type OrderOperations, replayNamespace } from "../../../protocol/object/namespace.ts";
import {
  fitsOnlyStripe,
  placeManifest,
  placementOf,
  sharedPayload,
} from "../../../protocol/object/placement.ts";
import { encodePolicy, parsePolicy } from "../../../protocol/object/policy.ts";
import { createRootKey, wrapRootKey } from "../../../protocol/object/rootKey.ts";
import { stripePayloadBytes } from "../../../protocol/object/stripes.ts";
import { testRandom } from "./noise.ts";

const random = testRandom();
const policy = parsePolicy("rs(6,3)");
const rootKey = createRootKey(random);
const roots = [await wrapRootKey(rootKey, { by: "wallet", chainId: 1, secret: random(65) }, random)];
const locks = { roots, rootKey, random };

function extent(offset: number, size: number, objectId = random(16)): Extent {
  const count = Math.max(1, Math.ceil(size / SEGMENT_BYTES));
  const full = Array.from({ length: count }, (_, i) =>
    i < count - 1 ? SEGMENT_BYTES + 17 : size - i * SEGMENT_BYTES + 17,
  );
  return {
    objectId,
    version: 1,
    offset,
    size,
    segments: packSegmentLengths(full),
    key: random(60),
    storedAt: 7,
  };
}

/** Two objects, back to back, in two stripes. */
function twoObjects(): ManifestBody {
  const first = extent(0, SEGMENT_BYTES + 5);
  const second = extent(extentBytes(first), 10);
  return {
    policy: encodePolicy(policy),
    payloadBytes: extentBytes(first) + extentBytes(second),
    digests: random(2 * 9 * 32),
    extents: [first, second],
    ops: [
      { type: "put", sequence: 4, name: "a/b.txt", objectId: first.objectId },
      { type: "rename", sequence: 5, from: "x", to: "y" },
      { type: "delete", sequence: 6, name: "z" },
    ],
  };
}

describe("manifest", () => {
  it("comes back as it was", () => {
    const body = twoObjects();
    const file = decodeManifestFile(encodeManifest(body, locks));
    assert.deepEqual(openManifest(file, rootKey), body);
    assert.deepEqual(file.roots, roots);
    assert.deepEqual(segmentLengths(body.extents[0]!), [SEGMENT_BYTES + 17, 22]);
  });

  it("shows nothing but locked root keys without the root key", () => {
    const bytes = encodeManifest(twoObjects(), locks);
    assert.equal(Buffer.from(bytes).includes("a/b.txt"), false);
    assert.throws(() => openManifest(decodeManifestFile(bytes), createRootKey(random)), {
      code: "ENVELOPE_INVALID",
    });
  });

  it("of a newer version is refused by name", () => {
    const file = { ...decodeManifestFile(encodeManifest(twoObjects(), locks)), v: 2 };
    assert.throws(() => decodeManifestFile(dagCbor.encode(file)), { code: "MANIFEST_VERSION_NEWER" });
  });

  it("is refused when it is something else, truncated or has an unknown field", () => {
    const invalid = { code: "MANIFEST_INVALID" };
    const bytes = encodeManifest(twoObjects(), locks);
    const file = decodeManifestFile(bytes);
    assert.throws(() => decodeManifestFile(bytes.subarray(0, -1)), invalid);
    assert.throws(() => decodeManifestFile(new Uint8Array(0)), invalid);
    assert.throws(() => decodeManifestFile(dagCbor.encode(null)), invalid);
    assert.throws(() => decodeManifestFile(dagCbor.encode({ ...file, type: "other" })), invalid);
    assert.throws(() => decodeManifestFile(dagCbor.encode({ ...file, extra: 1 })), invalid);
    assert.throws(() => decodeManifestFile(dagCbor.encode({ ...file, roots: [] })), invalid);
    assert.throws(
      () => decodeManifestFile(dagCbor.encode({ ...file, roots: [{ ...roots[0], salt: random(31) }] })),
      invalid,
    );
  });

  const broken: Record<string, (body: ManifestBody) => ManifestBody> = {
    "a gap between extents": (body) => ({
      ...body,
      extents: [body.extents[0]!, { ...body.extents[1]!, offset: body.extents[1]!.offset + 1 }],
    }),
    "a payload longer than its extents": (body) => ({ ...body, payloadBytes: body.payloadBytes + 1 }),
    "a digest too few": (body) => ({ ...body, digests: body.digests.subarray(32) }),
    "both digests and a payload digest": (body) => ({ ...body, payloadDigest: random(32) }),
    "a segment index of another size": (body) => ({
      ...body,
      extents: [body.extents[0]!, { ...body.extents[1]!, size: 2 * SEGMENT_BYTES }],
    }),
    "a segment longer than any": (body) => ({
      ...body,
      extents: [
        { ...body.extents[0]!, segments: packSegmentLengths([SEGMENT_BYTES + 18, 22]) },
        { ...body.extents[1]!, offset: body.extents[1]!.offset + 1 },
      ],
      payloadBytes: body.payloadBytes + 1,
    }),
    "an object twice": (body) => ({
      ...body,
      extents: [body.extents[0]!, { ...body.extents[1]!, objectId: body.extents[0]!.objectId }],
    }),
    "a name for an object that it lacks": (body) => ({
      ...body,
      ops: [{ type: "put", sequence: 1, name: "n", objectId: random(16) }],
    }),
    "an empty name": (body) => ({ ...body, ops: [{ type: "delete", sequence: 1, name: "" }] }),
    "a name with NUL": (body) => ({ ...body, ops: [{ type: "delete", sequence: 1, name: "a\0b" }] }),
    "a name that is too long": (body) => ({
      ...body,
      ops: [{ type: "delete", sequence: 1, name: "ü".repeat(513) }],
    }),
    "a negative sequence": (body) => ({ ...body, ops: [{ type: "delete", sequence: -1, name: "n" }] }),
  };
  for (const [what, change] of Object.entries(broken)) {
    it(`is not written with ${what}`, () => {
      assert.throws(() => encodeManifest(change(twoObjects()), locks), { code: "MANIFEST_INVALID" });
    });
  }

  it("is not written for a policy that is none", () => {
    assert.throws(() => encodeManifest({ ...twoObjects(), policy: 9 }, locks), { code: "POLICY_INVALID" });
  });
});

describe("placement of the manifest", () => {
  const location = (firstStripe: number, stripes: number, length: number) => ({
    firstStripe,
    stripes,
    length: BigInt(length),
    digest: `0x${"00".repeat(32)}` as const,
  });

  it("is the end of the only stripe when it fits there", () => {
    const whole = stripePayloadBytes(policy);
    assert.equal(fitsOnlyStripe(whole - 500, 500, policy), true);
    assert.equal(fitsOnlyStripe(whole - 500, 501, policy), false);
    assert.deepEqual(placeManifest(18, 500, true, policy), {
      kind: "shared",
      offset: whole - 500,
      stripes: 1,
    });
    assert.deepEqual(placementOf(location(0, 1, 500), 1, policy), {
      kind: "shared",
      offset: whole - 500,
      stripes: 1,
    });
    const payload = sharedPayload(Uint8Array.of(1, 2), Uint8Array.of(8, 9), policy);
    assert.deepEqual([...payload.subarray(0, 3), ...payload.subarray(-3)], [1, 2, 0, 0, 8, 9]);
  });

  it("is whole stripes of one repeated shard after the data otherwise", () => {
    const data = stripePayloadBytes(policy) + 1;
    const expected = { kind: "replicated", firstStripe: 2, stripes: 2 };
    assert.deepEqual(placeManifest(data, PAYLOAD_BYTES + 1, false, policy), expected);
    assert.deepEqual(placementOf(location(2, 2, PAYLOAD_BYTES + 1), 4, policy), expected);
  });

  it("is refused where an order cannot have it", () => {
    const refused = { code: "MANIFEST_LOCATION_INVALID" };
    assert.throws(() => placementOf(location(0, 1, 0), 1, policy), refused);
    assert.throws(() => placementOf(location(0, 2, 500), 1, policy), refused);
    assert.throws(() => placementOf(location(0, 1, 6 * PAYLOAD_BYTES + 1), 1, policy), refused);
    assert.throws(() => placementOf(location(2, 1, PAYLOAD_BYTES + 1), 3, policy), refused);
    assert.throws(() => placementOf(location(2, 1, 9), 4, policy), refused);
  });
});

describe("namespace", () => {
  const id = (n: number) => new Uint8Array(16).fill(n);
  const order = (orderSequence: number, ops: OrderOperations["ops"]): OrderOperations => ({
    orderId: `0x${orderSequence.toString(16).padStart(64, "0")}`,
    orderSequence,
    ops,
  });
  const view = (orders: OrderOperations[]) =>
    [...replayNamespace(orders).values()].map((object) => `${object.name}=${object.objectId[0]}`).sort();

  it("is the play of all puts, deletes and renames by sequence", () => {
    const orders = [
      order(2, [{ type: "put", sequence: 30, name: "a", objectId: id(2) }]),
      order(1, [
        { type: "put", sequence: 10, name: "a", objectId: id(1) },
        { type: "put", sequence: 11, name: "b", objectId: id(3) },
      ]),
      order(3, [
        { type: "delete", sequence: 40, name: "b" },
        { type: "rename", sequence: 41, from: "a", to: "c" },
        { type: "rename", sequence: 42, from: "gone", to: "d" },
      ]),
    ];
    assert.deepEqual(view(orders), ["c=2"]);
    assert.deepEqual(view(orders.toReversed()), ["c=2"]);
  });

  it("keeps the place of an operation that a later order repeats", () => {
    const orders = [
      order(1, [{ type: "put", sequence: 10, name: "a", objectId: id(1) }]),
      order(2, [{ type: "delete", sequence: 20, name: "a" }]),
      order(3, [{ type: "put", sequence: 10, name: "a", objectId: id(1) }]),
    ];
    assert.deepEqual(view(orders), []);
  });

  it("lets the chain decide between equal sequences", () => {
    const put = (n: number) => [{ type: "put", sequence: 5, name: "a", objectId: id(n) } as const];
    assert.deepEqual(view([order(8, put(8)), order(7, put(7))]), ["a=8"]);
  });
});
