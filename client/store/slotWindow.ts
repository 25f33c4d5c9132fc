import { bytesToHex, type Hex } from "viem";
import { verifyWindow } from "../../protocol/challenge/window.ts";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { FieldPool } from "../../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import type { Points } from "../../protocol/kzg/points.ts";
import type { RandomBytes } from "../../protocol/object/envelope.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { withRetries } from "../../protocol/runtime/retry.ts";
import type { GroupView } from "../chain/groupView.ts";
import type { CallOptions, ProviderLink } from "../providerLink.ts";

/** What checks providers' commitments. */
export type Verification = {
  readonly kzg: Kzg;
  readonly points: Points;
  readonly fieldPool: FieldPool;
};

export type SlotWindowDeps = Verification & {
  readonly link: ProviderLink;
  readonly view: Pick<GroupView, "chainId" | "group">;
  readonly random: RandomBytes;
  readonly clock: Clock;
};

/** One slot's shards of a window, for one provider. */
export type SlotWindow = {
  readonly uploadId: Hex;
  readonly provider: { readonly id: number; readonly endpoint: string };
  readonly slot: number;
  readonly firstStripe: number;
  readonly shards: readonly Uint8Array[];
  /** Called for each shard that the provider has. */
  onShard?(bytes: number): void;
};

const SHARDS_IN_FLIGHT = 8;
/** A provider commits at tens of milliseconds per shard, and may serve many users. */
const COMMIT_TIMEOUT_MS = 180_000;

async function sendShards(deps: SlotWindowDeps, window: SlotWindow, signal: AbortSignal): Promise<void> {
  const { uploadId, slot, firstStripe, provider, shards } = window;
  let next = 0;
  const sender = async () => {
    for (let index = next++; index < shards.length; index = next++) {
      const bytes = shards[index]!;
      const request = { uploadId, slot, stripe: firstStripe + index, bytes };
      await withRetries(
        () => deps.link.bulk(provider.endpoint, "putShard", request, { signal }),
        deps.clock,
        signal,
      );
      window.onShard?.(bytes.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(SHARDS_IN_FLIGHT, shards.length) }, sender));
}

/**
 * Sends a window of one slot and has the provider commit to it. The nonce is drawn after the commitments have arrived,
 * so the provider cannot have chosen them to fit; the opening is checked against the bytes that are still in memory.
 * @returns the commitments, 48 bytes per stripe
 * @throws what the provider answers, `COMMITMENTS_LENGTH`, `WINDOW_COMMITMENTS_WRONG`, `COMMITMENT_…`
 */
export async function uploadSlotWindow(
  deps: SlotWindowDeps,
  window: SlotWindow,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { uploadId, slot, firstStripe, provider } = window;
  const place = { uploadId, slot, firstStripe, count: window.shards.length };
  const options: CallOptions = { signal, timeoutMs: COMMIT_TIMEOUT_MS };
  await sendShards(deps, window, signal);
  const { commitments } = await withRetries(
    () => deps.link.call(provider.endpoint, "commitWindow", place, options),
    deps.clock,
    signal,
  );
  if (commitments.length !== place.count * COMMITMENT_BYTES) {
    throw new MemoError(
      "COMMITMENTS_LENGTH",
      `The provider gave ${commitments.length / COMMITMENT_BYTES} commitments for ${place.count} shards.`,
    );
  }
  const nonce = bytesToHex(deps.random(32));
  const { y, proof } = await withRetries(
    () => deps.link.call(provider.endpoint, "openWindow", { ...place, nonce }, options),
    deps.clock,
    signal,
  );
  await verifyWindow({
    context: {
      chainId: deps.view.chainId,
      group: deps.view.group.settlement,
      nonce,
      provider: provider.id,
      slot,
      firstStripe,
    },
    commitments,
    shards: window.shards,
    y,
    proof,
    kzg: deps.kzg,
    points: deps.points,
    fieldPool: deps.fieldPool,
    signal,
  });
  return commitments;
}
