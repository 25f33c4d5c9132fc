import type { Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { gatherShards } from "../../protocol/object/gather.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { withRetries } from "../../protocol/runtime/retry.ts";
import type { ReadCapability } from "../../protocol/wire/codecs.ts";
import type { GroupView, OpenedOrder } from "../chain/groupView.ts";
import type { ProviderLink } from "../providerLink.ts";
import { createHolders, type ShardSource } from "./holders.ts";
import type { UnreadableShard } from "./reporter.ts";

export type ShardGatheringDeps = {
  readonly view: Pick<GroupView, "orderState" | "slots">;
  readonly link: Pick<ProviderLink, "call" | "bulk">;
  readonly clock: Clock;
  /** Endpoint of a provider by id. */
  endpointOf(provider: number): Promise<string>;
  capabilityFor(orderId: Hex): Promise<ReadCapability>;
  readonly hedgeMs: number;
  /** Told about shards that their holder did not give, or gave wrongly. */
  report?(shard: UnreadableShard): void;
};

/** Decides whether bytes are the shard of (slot, stripe). */
export type ShardCheck = (slot: number, stripe: number, bytes: Uint8Array) => boolean | Promise<boolean>;

/** Gets shards of one order from whoever holds its slots now, and if need be from those who held them. */
export type ShardGathering = {
  /** Everybody worth asking: holders before those who have lost their slot, who failed least before the others. */
  bestFirst(): Promise<ShardSource[]>;
  /** Remembers that a provider failed: it is asked last. */
  blame(provider: number): void;
  /** Shards of the wanted slots, or of any `k`. @throws TOO_FEW_SHARDS */
  gather(
    stripe: number,
    wanted: readonly number[],
    k: number,
    check: ShardCheck,
    signal: AbortSignal,
  ): Promise<Map<number, Uint8Array>>;
};

const SHARD_TIMEOUT_MS = 20_000;

/** Whether an error speaks against the holder: not what the reader's own side or the chain's node did. */
const isHoldersFault = (code: string) => !/^(CAPABILITY_|CHAIN_|RPC_BUSY$|RPC_INVALID_REQUEST$)/.test(code);

export function createShardGathering(deps: ShardGatheringDeps, opened: OpenedOrder): ShardGathering {
  const { id } = opened;
  const holders = createHolders({ view: deps.view, clock: deps.clock, opened });
  /** Failures of each provider so far. */
  const faults = new Map<number, number>();
  const faultsOf = ({ provider }: ShardSource) => (provider === undefined ? 0 : (faults.get(provider) ?? 0));
  function blame(provider: number): void {
    faults.set(provider, (faults.get(provider) ?? 0) + 1);
  }

  async function bestFirst(): Promise<ShardSource[]> {
    const rank = (source: ShardSource) => Number(source.former) * 2 + Number(source.provider === undefined);
    return [...(await holders.sources())].sort(
      (a, b) => rank(a) - rank(b) || faultsOf(a) - faultsOf(b) || a.slot - b.slot,
    );
  }

  async function fetchShard(
    { slot, provider }: ShardSource,
    stripe: number,
    check: ShardCheck,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    if (provider === undefined) {
      throw new MemoError("SLOT_VACANT", `Nobody holds slot ${slot} of order ${id} now.`, {
        details: { orderId: id, slot },
      });
    }
    const [endpoint, capability] = await Promise.all([deps.endpointOf(provider), deps.capabilityFor(id)]);
    const request = { orderId: id, slot, stripe, capability };
    const options = { signal, timeoutMs: SHARD_TIMEOUT_MS };
    const { bytes } = await withRetries(
      () => deps.link.bulk(endpoint, "getShard", request, options),
      deps.clock,
      signal,
    );
    if (await check(slot, stripe, bytes)) return bytes;
    throw new MemoError(
      "SHARD_WRONG",
      `Provider ${provider} gave other bytes for slot ${slot}, stripe ${stripe}.`,
      {
        details: { provider, slot, stripe },
      },
    );
  }

  /** After a holder failed: whoever holds the slot by now; a holder that still should have had the shard is reported. */
  async function instead(
    failed: ShardSource,
    stripe: number,
    error: unknown,
  ): Promise<ShardSource | undefined> {
    const { slot } = failed;
    const provider = await holders.after(failed);
    if (provider === failed.provider) {
      if (error instanceof MemoError && isHoldersFault(error.code)) {
        deps.report?.({ orderId: id, slot, stripe, reason: error.code });
      }
      return undefined;
    }
    return provider === undefined ? undefined : { slot, provider, former: false };
  }

  const gather: ShardGathering["gather"] = async (stripe, wanted, k, check, signal) => {
    const sources = await bestFirst();
    const isWanted = ({ slot, former }: ShardSource) => !former && wanted.includes(slot);
    return gatherShards({
      sources: sources.toSorted((a, b) => Number(isWanted(b)) - Number(isWanted(a))),
      wanted,
      k,
      fetch: (source, either) => fetchShard(source, stripe, check, either),
      hedgeMs: deps.hedgeMs,
      clock: deps.clock,
      signal,
      onFailure(source, error) {
        if (source.provider === undefined) return undefined;
        blame(source.provider);
        return source.former ? undefined : instead(source, stripe, error);
      },
    });
  };

  return { bestFirst, blame, gather };
}
