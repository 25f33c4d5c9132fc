import type { Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { gatherShards } from "../../protocol/object/gather.ts";
import type { Policy } from "../../protocol/object/policy.ts";
import type { ReedSolomon } from "../../protocol/object/reedSolomon.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import { withRetries } from "../../protocol/runtime/retry.ts";
import type { Source, Sources } from "./sources.ts";

/** A source that takes longer gets a rival. */
const HEDGE_MS = 1_500;

export type RebuildDeps = {
  /** Reads one shard of another provider. */
  getShard(
    endpoint: string,
    shard: { orderId: Hex; slot: number; stripe: number },
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  commit(shard: Uint8Array): Promise<Uint8Array>;
  reedSolomon: ReedSolomon;
  clock: Clock;
  logger: Logger;
};

/** Rebuilds the shards of one slot from others'. */
export type Rebuilder = {
  /**
   * The shard of a stripe, which fits its commitment.
   * @throws TOO_FEW_SHARDS (retryable), NOT_A_CODEWORD: the shards that its user committed to are none of one
   * stripe, and nobody can rebuild them; the signal's reason
   */
  rebuild(stripe: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Bytes of shards that came over the network so far. */
  bytesRead(): number;
};

/**
 * Creates the rebuilder of a slot. Any k shards are taken as they come, and only what is rebuilt from them is checked
 * against its commitment: one commitment instead of k. If it does not fit, the sources' own commitments tell who lied;
 * they are not asked again.
 */
export function createRebuilder(
  deps: RebuildDeps,
  of: {
    orderId: Hex;
    slot: number;
    policy: Policy;
    /** As the chain has them now. */
    sources(): Sources;
    commitmentOf(slot: number, stripe: number): Uint8Array;
  },
): Rebuilder {
  const { orderId, slot, policy } = of;
  const liars = new Set<number>();
  /** Failures of a provider so far: who failed is asked last. */
  const faults = new Map<number, number>();
  let bytesRead = 0;

  const fits = async (at: number, stripe: number, shard: Uint8Array) => {
    try {
      return Buffer.compare(await deps.commit(shard), of.commitmentOf(at, stripe)) === 0;
    } catch (error) {
      // No polynomial, so nothing that was ever committed to.
      if (error instanceof MemoError && error.code === "SHARD_ELEMENT_NOT_CANONICAL") return false;
      throw error;
    }
  };

  const fetch = async (source: Source, stripe: number, signal: AbortSignal) => {
    const shard = { orderId, slot: source.slot, stripe };
    const bytes = await withRetries(() => deps.getShard(source.endpoint, shard, signal), deps.clock, signal);
    bytesRead += bytes.length;
    return bytes;
  };

  const accuse = ({ provider, slot: at }: Source, stripe: number) => {
    liars.add(provider);
    deps.logger.warn(
      { orderId, slot: at, stripe, provider },
      "a provider gave a shard that is not the right one",
    );
  };

  const fail = ({ provider }: Source) => faults.set(provider, (faults.get(provider) ?? 0) + 1);

  /** The slot's own shard from who has it; undefined when that is of no use. */
  const copy = async (source: Source | undefined, stripe: number, signal: AbortSignal) => {
    if (source === undefined || liars.has(source.provider)) return undefined;
    try {
      const bytes = await fetch(source, stripe, signal);
      if (await fits(slot, stripe, bytes)) return bytes;
      accuse(source, stripe);
    } catch (error) {
      signal.throwIfAborted();
      fail(source);
      deps.logger.debug({ error, orderId, stripe, provider: source.provider }, "a shard could not be copied");
    }
    return undefined;
  };

  /** Who is asked for a stripe, the best first; equals take turns so that they share the load. */
  const bestFirst = (stripe: number) => {
    const { holders, formers } = of.sources();
    const start = holders.length === 0 ? 0 : stripe % holders.length;
    const turned = [...holders.slice(start), ...holders.slice(0, start), ...formers];
    return turned
      .filter(({ provider }) => !liars.has(provider))
      .toSorted((a, b) => (faults.get(a.provider) ?? 0) - (faults.get(b.provider) ?? 0));
  };

  const gather = async (stripe: number, signal: AbortSignal) => {
    const sources = new Map(bestFirst(stripe).map((source) => [source.slot, source]));
    const slots = [...sources.keys()];
    if (slots.length < policy.k) throw tooFew(stripe, slots.length);
    const shards = await gatherShards({
      sources: [...sources.values()],
      wanted: slots.slice(0, policy.k),
      k: policy.k,
      fetch: (source, either) => fetch(source, stripe, either),
      hedgeMs: HEDGE_MS,
      clock: deps.clock,
      signal,
      onFailure(source) {
        fail(source);
        return undefined;
      },
    });
    return { sources, shards };
  };

  const tooFew = (stripe: number, left: number) =>
    new MemoError("TOO_FEW_SHARDS", `${policy.k} shards rebuild a stripe; only ${left} can be asked for.`, {
      details: { orderId, slot, stripe, needed: policy.k, left },
      retryable: true,
    });

  /** Finds out whose shards are wrong. @throws NOT_A_CODEWORD when none is */
  const findLiars = async (
    stripe: number,
    { sources, shards }: { sources: ReadonlyMap<number, Source>; shards: ReadonlyMap<number, Uint8Array> },
  ) => {
    let found = false;
    for (const [at, shard] of shards) {
      if (await fits(at, stripe, shard)) continue;
      accuse(sources.get(at)!, stripe);
      found = true;
    }
    if (found) return;
    throw new MemoError(
      "NOT_A_CODEWORD",
      `Stripe ${stripe} of order ${orderId} cannot be rebuilt: its shards were never those of one stripe.`,
      { details: { orderId, slot, stripe } },
    );
  };

  const fromOthers = async (stripe: number, signal: AbortSignal): Promise<Uint8Array> => {
    for (;;) {
      const gathered = await gather(stripe, signal);
      const places = Array.from({ length: policy.n }, (_, at) => gathered.shards.get(at));
      const rebuilt = deps.reedSolomon.reconstruct(places, policy)[slot]!;
      if (await fits(slot, stripe, rebuilt)) return rebuilt;
      await findLiars(stripe, gathered);
      signal.throwIfAborted();
    }
  };

  return {
    bytesRead: () => bytesRead,
    async rebuild(stripe, signal) {
      const copied = await copy(of.sources().holder, stripe, signal);
      if (copied !== undefined) return copied;
      try {
        return await fromOthers(stripe, signal);
      } catch (error) {
        signal.throwIfAborted();
        const tooFew = error instanceof MemoError && error.code === "TOO_FEW_SHARDS";
        const last = tooFew ? await copy(of.sources().former, stripe, signal) : undefined;
        if (last !== undefined) return last;
        throw error;
      }
    },
  };
}
