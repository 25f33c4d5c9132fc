import { type Hex, isAddressEqual } from "viem";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { shardRoot, slotRoot } from "../../protocol/merkle/slotRoot.ts";
import { decodePolicy } from "../../protocol/object/policy.ts";
import { LAYOUT, type Order } from "../../protocol/order.ts";
import type { ProviderChain } from "../chain.ts";
import type { Upload, Window } from "../store/uploads.ts";

/**
 * Checks that an order is of this group, names this provider for the reserved slot, and has the terms that
 * were reserved.
 * @throws ORDER_FOREIGN, PROVIDER_REPEATED, SLOT_FOREIGN, ORDER_DIFFERS, EPOCHS_INVALID, MANIFEST_INVALID,
 * LAYOUT_INVALID
 */
export function assertOrder(chain: ProviderChain, upload: Upload, order: Order): void {
  if (!isAddressEqual(order.group, chain.group)) {
    throw new MemoError(
      "ORDER_FOREIGN",
      `The order is for group ${order.group}; this one is ${chain.group}.`,
      {
        details: { group: order.group, expected: chain.group },
      },
    );
  }
  const { n, kind } = decodePolicy(order.policy);
  if (new Set(order.providers).size !== n || order.providers.length !== n) {
    throw new MemoError(
      "PROVIDER_REPEATED",
      `The policy needs ${n} different providers; the order names ${order.providers.join(", ")}.`,
      { details: { providers: order.providers, slots: n } },
    );
  }
  if (order.providers[upload.slot] !== chain.self()?.id) {
    throw new MemoError(
      "SLOT_FOREIGN",
      `Slot ${upload.slot} of the order is provider ${order.providers[upload.slot]}'s, not this one's.`,
      { details: { slot: upload.slot, provider: order.providers[upload.slot] } },
    );
  }
  assertReserved(upload, order);
  if (order.minEpochs > order.endEpoch - order.startEpoch) {
    throw new MemoError("EPOCHS_INVALID", `minEpochs ${order.minEpochs} is more than the order has.`, {
      details: { minEpochs: order.minEpochs },
    });
  }
  if (order.layout !== LAYOUT.packed31 && !(order.layout === LAYOUT.blob && kind === "copies")) {
    throw new MemoError("LAYOUT_INVALID", `Layout ${order.layout} does not go with the order's policy.`, {
      details: { layout: order.layout, policy: order.policy },
    });
  }
  const { firstStripe, stripes } = order.manifest;
  if (firstStripe + stripes > order.stripes) {
    throw new MemoError("MANIFEST_INVALID", "The order's manifest lies outside its stripes.", {
      details: { firstStripe, stripes, of: order.stripes },
    });
  }
}

const RESERVED_TERMS = ["policy", "startEpoch", "endEpoch", "price"] as const;

function assertReserved(upload: Upload, order: Order): void {
  const differs: string[] = RESERVED_TERMS.filter((field) => order[field] !== upload[field]);
  if (!isAddressEqual(order.owner, upload.owner)) differs.push("owner");
  if (!isAddressEqual(order.payer, upload.payer)) differs.push("payer");
  if (order.openBy !== BigInt(upload.openBy)) differs.push("openBy");
  // Users learn the number of stripes only at the end, so what is reserved is the most.
  if (order.stripes < 1 || order.stripes > upload.stripes) differs.push("stripes");
  if (differs.length === 0) return;
  throw new MemoError(
    "ORDER_DIFFERS",
    `The order differs from what was reserved in: ${differs.join(", ")}.`,
    {
      details: { fields: differs },
    },
  );
}

/**
 * Checks that the windows cover exactly the order's stripes and have been opened to the user.
 * @returns the slot's commitments in stripe order
 * @throws WINDOW_NOT_COMMITTED, WINDOW_NOT_PROVEN, WINDOW_BEYOND_ORDER
 */
export function committedSlot(upload: Upload, windows: readonly Window[], stripes: number): Uint8Array {
  const commitments = new Uint8Array(stripes * COMMITMENT_BYTES);
  let next = 0;
  for (const { firstStripe, count, proven, commitments: part } of windows) {
    if (firstStripe !== next) break;
    if (firstStripe + count > stripes) {
      throw new MemoError(
        "WINDOW_BEYOND_ORDER",
        `The window from stripe ${next} goes beyond the order's end.`,
        {
          details: { uploadId: upload.id, firstStripe, count, stripes },
        },
      );
    }
    if (!proven) {
      throw new MemoError("WINDOW_NOT_PROVEN", `Ask to open the window from stripe ${next} first.`, {
        details: { uploadId: upload.id, firstStripe, count },
      });
    }
    commitments.set(part, next * COMMITMENT_BYTES);
    next += count;
  }
  if (next === stripes) return commitments;
  throw new MemoError("WINDOW_NOT_COMMITTED", `Stripes from ${next} on are not committed to yet.`, {
    details: { uploadId: upload.id, firstStripe: next },
  });
}

/**
 * Checks the commitments of all slots: all there, the own ones as committed, and the root of them all that
 * of the order. Curve and subgroup are the caller's to check.
 * @throws COMMITMENTS_MISSING, COMMITMENTS_WRONG, SHARD_ROOT_WRONG
 */
export function assertCommitments(
  slots: readonly (Uint8Array | undefined)[],
  own: { slot: number; commitments: Uint8Array },
  expectedRoot: Hex,
): asserts slots is readonly Uint8Array[] {
  for (const [slot, commitments] of slots.entries()) {
    const gap = commitments === undefined ? 0 : firstGap(commitments);
    if (gap === undefined) continue;
    throw new MemoError(
      "COMMITMENTS_MISSING",
      `The commitment of slot ${slot}, stripe ${gap} is not here yet.`,
      {
        details: { slot, stripe: gap },
      },
    );
  }
  if (Buffer.compare(slots[own.slot]!, own.commitments) !== 0) {
    throw new MemoError(
      "COMMITMENTS_WRONG",
      `The commitments given for slot ${own.slot} are not those that this provider made.`,
      { details: { slot: own.slot } },
    );
  }
  const root = shardRoot(slots.map((commitments) => slotRoot(commitments!)));
  if (root === expectedRoot.toLowerCase()) return;
  throw new MemoError("SHARD_ROOT_WRONG", "The order's shardRoot is not the root of its commitments.", {
    details: { expected: root, given: expectedRoot },
  });
}

/** Stripe of the first commitment that is all zeros, which no point is encoded as. */
function firstGap(commitments: Uint8Array): number | undefined {
  for (let at = 0; at < commitments.length; at += COMMITMENT_BYTES) {
    if (commitments[at] === 0) return at / COMMITMENT_BYTES;
  }
  return undefined;
}
