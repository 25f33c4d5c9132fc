import { createHash } from "node:crypto";
import { bytesToHex, hexToBytes } from "viem";
import { COMMITMENT_BYTES, PAYLOAD_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { shardRoot, slotRoot } from "../../protocol/merkle/slotRoot.ts";
import { placementOf } from "../../protocol/object/placement.ts";
import { decodePolicy, type Policy } from "../../protocol/object/policy.ts";
import { concatBytes } from "../../protocol/object/rechunk.ts";
import type { ReedSolomon } from "../../protocol/object/reedSolomon.ts";
import { decodeStripe } from "../../protocol/object/stripes.ts";
import { decodePacked31 } from "../../protocol/shard/packed31.ts";
import { COMMITMENTS_PER_PAGE } from "../../protocol/wire/provider.ts";
import type { OpenedOrder } from "../chain/groupView.ts";
import { createShardGathering, type ShardCheck, type ShardGatheringDeps } from "./shardGathering.ts";

export type OrderReaderDeps = ShardGatheringDeps & {
  readonly reedSolomon: ReedSolomon;
  /** Commits to a shard: the judge where no digest can be listed. Loaded only when it is needed. */
  commit(shard: Uint8Array): Promise<Uint8Array>;
};

/** Reads the stripes of one order. */
export type OrderReader = {
  readonly policy: Policy;
  /** The manifest, checked against the digest on chain. */
  manifest(signal: AbortSignal): Promise<Uint8Array>;
  /**
   * Payload of a stripe, of which at least bytes [from, to) are right. Only the data shards under that range are
   * fetched while nothing fails.
   */
  stripe(
    stripe: number,
    range: { from: number; to: number },
    check: ShardCheck,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** The payload of the order's only stripe, right if `accept` says so; else rebuilt from shards that fit their commitments. */
  onlyStripe(accept: (payload: Uint8Array) => boolean, signal: AbortSignal): Promise<Uint8Array>;
};

/** Checks shards by the digests that a manifest lists. */
export function digestCheck(digests: Uint8Array, slots: number): ShardCheck {
  return (slot, stripe, bytes) => {
    const at = (stripe * slots + slot) * 32;
    return createHash("sha256")
      .update(bytes)
      .digest()
      .equals(digests.subarray(at, at + 32));
  };
}

const trusting: ShardCheck = () => true;

export function createOrderReader(deps: OrderReaderDeps, opened: OpenedOrder): OrderReader {
  const { id, order } = opened;
  const policy = decodePolicy(order.policy);
  const placement = placementOf(order.manifest, order.stripes, policy);
  const slots = Array.from({ length: policy.n }, (_, slot) => slot);
  const shards = createShardGathering(deps, opened);
  let commitments: Promise<Uint8Array[]> | undefined;

  /** Any one shard that passes. */
  async function anyShard(stripe: number, check: ShardCheck, signal: AbortSignal): Promise<Uint8Array> {
    const [best] = await shards.bestFirst();
    const got = await shards.gather(stripe, [best!.slot], 1, check, signal);
    return [...got.values()][0]!;
  }

  function payloadOf(got: ReadonlyMap<number, Uint8Array>): Uint8Array {
    const stripe = slots.map((slot) => got.get(slot));
    return decodeStripe(deps.reedSolomon.reconstruct(stripe, policy).slice(0, policy.k));
  }

  async function slotCommitments(endpoint: string, slot: number, signal: AbortSignal): Promise<Uint8Array> {
    const capability = await deps.capabilityFor(id);
    const pages: Uint8Array[] = [];
    for (let from = 0; from < order.stripes; from += COMMITMENTS_PER_PAGE) {
      const count = Math.min(COMMITMENTS_PER_PAGE, order.stripes - from);
      const request = { orderId: id, slot, from, count, capability };
      pages.push((await deps.link.call(endpoint, "getCommitments", request, { signal })).commitments);
    }
    return concatBytes(pages);
  }

  /** Commitments of all slots from the first holder whose answer has the order's root. */
  async function fetchCommitments(signal: AbortSignal): Promise<Uint8Array[]> {
    const sources = await shards.bestFirst();
    const asked = new Set(sources.map((source) => source.provider).filter((one) => one !== undefined));
    for (const provider of asked) {
      try {
        const endpoint = await deps.endpointOf(provider);
        const all = await Promise.all(slots.map((slot) => slotCommitments(endpoint, slot, signal)));
        if (shardRoot(all.map((bytes) => slotRoot(bytes))) === order.shardRoot.toLowerCase()) return all;
        shards.blame(provider);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof MemoError)) throw error;
        shards.blame(provider);
      }
    }
    throw new MemoError(
      "COMMITMENTS_UNAVAILABLE",
      "No holder of the order gives its commitments. Try again later.",
      {
        details: { orderId: id },
        retryable: true,
      },
    );
  }

  /** Checks a shard by computing its commitment: slow, but it needs nothing but the order. */
  async function committedCheck(signal: AbortSignal): Promise<ShardCheck> {
    commitments ??= fetchCommitments(signal).catch((error: unknown) => {
      commitments = undefined;
      throw error;
    });
    const known = await commitments;
    return async (slot, stripe, bytes) => {
      const at = stripe * COMMITMENT_BYTES;
      const commitment = await deps.commit(bytes).catch(() => new Uint8Array(0));
      return Buffer.compare(commitment, known[slot]!.subarray(at, at + COMMITMENT_BYTES)) === 0;
    };
  }

  const digestFits = (bytes: Uint8Array) =>
    Buffer.compare(createHash("sha256").update(bytes).digest(), hexToBytes(order.manifest.digest)) === 0;

  async function replicatedManifest(check: ShardCheck, signal: AbortSignal): Promise<Uint8Array> {
    const { length, firstStripe, stripes } = order.manifest;
    const pages = Array.from({ length: stripes }, async (_, index) =>
      decodePacked31(await anyShard(firstStripe + index, check, signal)),
    );
    return concatBytes(await Promise.all(pages)).subarray(0, Number(length));
  }

  async function sharedManifest(check: ShardCheck, signal: AbortSignal): Promise<Uint8Array> {
    const end = policy.k * PAYLOAD_BYTES;
    const from = end - Number(order.manifest.length);
    return (await stripePayload(0, { from, to: end }, check, signal)).slice(from, end);
  }

  async function stripePayload(
    stripe: number,
    range: { from: number; to: number },
    check: ShardCheck,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const first = Math.floor(range.from / PAYLOAD_BYTES);
    const wanted = slots
      .slice(first, Math.max(first + 1, Math.ceil(range.to / PAYLOAD_BYTES)))
      .filter((slot) => slot < policy.k);
    const got = await shards.gather(stripe, wanted, policy.k, check, signal);
    if (!wanted.every((slot) => got.has(slot))) return payloadOf(got);
    const payload = new Uint8Array(policy.k * PAYLOAD_BYTES);
    for (const slot of wanted) payload.set(decodePacked31(got.get(slot)!), slot * PAYLOAD_BYTES);
    return payload;
  }

  return {
    policy,
    stripe: stripePayload,

    async manifest(signal) {
      const read = placement.kind === "shared" ? sharedManifest : replicatedManifest;
      const quick = await read(trusting, signal).catch((error: unknown) => {
        // A shard that is not even canonical is one more reason to judge each by its commitment.
        if (error instanceof MemoError && error.code !== "TOO_FEW_SHARDS") return new Uint8Array(0);
        throw error;
      });
      if (digestFits(quick)) return quick;
      const careful = await read(await committedCheck(signal), signal);
      if (digestFits(careful)) return careful;
      throw new MemoError(
        "MANIFEST_WRONG",
        `The manifest of order ${id} is not the one that the order names.`,
        {
          details: {
            orderId: id,
            digest: order.manifest.digest,
            found: bytesToHex(createHash("sha256").update(careful).digest()),
          },
        },
      );
    },

    async onlyStripe(accept, signal) {
      const whole = { from: 0, to: policy.k * PAYLOAD_BYTES };
      const quick = await stripePayload(0, whole, trusting, signal);
      if (accept(quick)) return quick;
      const careful = await stripePayload(0, whole, await committedCheck(signal), signal);
      if (accept(careful)) return careful;
      throw new MemoError("PAYLOAD_WRONG", `The data of order ${id} is not what its manifest says.`, {
        details: { orderId: id },
      });
    },
  };
}
