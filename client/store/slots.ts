import PQueue from "p-queue";
import type { Address, Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { encodePolicy, type Policy } from "../../protocol/object/policy.ts";
import { concatBytes } from "../../protocol/object/rechunk.ts";
import { withRetries } from "../../protocol/runtime/retry.ts";
import type { ListedProvider } from "../chain/members.ts";
import type { ProviderPool } from "./chooseProviders.ts";
import type { Production, StripeWindow } from "./production.ts";
import type { OnStoreProgress } from "./progress.ts";
import { type SlotWindowDeps, uploadSlotWindow } from "./slotWindow.ts";

/** Terms that every provider of an upload reserves for. */
export type UploadTerms = {
  readonly uploadId: Hex;
  readonly owner: Address;
  readonly payer: Address;
  /** Most stripes that the order will have. */
  readonly stripes: number;
  readonly policy: Policy;
  readonly startEpoch: number;
  readonly endEpoch: number;
  readonly openBy: bigint;
  readonly price: bigint;
};

/** The slots of an upload and who holds them. */
export type Slots = {
  /** Finds a provider for every slot. @throws NOT_ENOUGH_PROVIDERS */
  reserve(): Promise<void>;
  /** Sends a window to all slots and verifies all commitments; providers that fail are replaced. */
  upload(window: StripeWindow): Promise<void>;
  /** Refuses the provider of a slot and brings another one to the same state. */
  replace(slot: number, cause: unknown): Promise<void>;
  /** Provider of each slot. */
  providers(): ListedProvider[];
  /** Verified commitments of each slot, 48 bytes per stripe. */
  commitments(): Uint8Array[];
};

type SlotState = { provider: ListedProvider | undefined; commitments: Uint8Array[]; stripes: number };

const QUOTE_TIMEOUT_MS = 10_000;

/** Errors that are the source's or the caller's, not a provider's. */
function isOwnFault(error: unknown, signal: AbortSignal): boolean {
  if (signal.aborted) return true;
  if (!(error instanceof MemoError)) return true;
  return /^(FILE_|SOURCE_|NOT_ENOUGH_PROVIDERS$|FIELD_POOL_CLOSED$)/.test(error.code);
}

export function createSlots(
  deps: SlotWindowDeps & {
    pool: ProviderPool;
    production: Production;
    onProgress: OnStoreProgress;
    /** Called for each shard sent for the first time. */
    onShard(): void;
  },
  terms: UploadTerms,
  signal: AbortSignal,
): Slots {
  const { pool, link, production, onProgress } = deps;
  const states: SlotState[] = Array.from({ length: terms.policy.n }, () => ({
    provider: undefined,
    commitments: [],
    stripes: 0,
  }));
  // A replacement needs all earlier windows again; one at a time keeps memory bounded.
  const catchUps = new PQueue({ concurrency: 1 });

  const refused: string[] = [];

  /** The next candidate; when there is none, those refused before are the reason. */
  function nextProvider(): ListedProvider {
    try {
      return pool.take();
    } catch (error) {
      if (!(error instanceof MemoError) || refused.length === 0) throw error;
      throw new MemoError(error.code, `${error.message} Refused so far: ${refused.join(", ")}.`, {
        details: { ...error.details, refused },
        retryable: error.retryable,
        cause: error,
      });
    }
  }

  function refuse(slot: number, cause: unknown): void {
    const state = states[slot]!;
    const provider = state.provider;
    if (isOwnFault(cause, signal) || !provider) throw cause;
    const { code, message } = cause as MemoError;
    refused.push(`provider ${provider.id}: ${code}`);
    onProgress({ stage: "replaced", slot, provider: provider.id, code, reason: message });
    pool.drop(provider);
    states[slot] = { provider: undefined, commitments: [], stripes: 0 };
  }

  /** Asks providers for the slot until one agrees. */
  async function hire(slot: number): Promise<void> {
    while (!states[slot]!.provider) {
      const provider = nextProvider();
      states[slot]!.provider = provider;
      const { policy, ...rest } = terms;
      const options = { signal, timeoutMs: QUOTE_TIMEOUT_MS };
      try {
        const quote = await link.call(provider.endpoint, "quote", {}, options);
        if (quote.providerId !== provider.id) {
          throw new MemoError(
            "PROVIDER_OTHER",
            `The endpoint of provider ${provider.id} belongs to ${quote.providerId}.`,
          );
        }
        const request = { ...rest, slot, policy: encodePolicy(policy) };
        await withRetries(
          () => link.call(provider.endpoint, "reserve", request, options),
          deps.clock,
          signal,
        );
        onProgress({ stage: "reserved", slot, provider: provider.id });
      } catch (error) {
        refuse(slot, error);
      }
    }
  }

  async function send(slot: number, window: StripeWindow): Promise<void> {
    const state = states[slot]!;
    const provider = state.provider!;
    const shards = window.stripes.map((stripe) => stripe[slot]!);
    const { uploadId } = terms;
    const { firstStripe } = window;
    const commitments = await uploadSlotWindow(
      deps,
      { uploadId, provider, slot, firstStripe, shards, onShard: deps.onShard },
      signal,
    );
    state.commitments.push(commitments);
    state.stripes += shards.length;
  }

  /** Sends a new provider what the others have already, up to stripe `end`. */
  function catchUp(slot: number, end: number): Promise<void> {
    return catchUps.add(async () => {
      for await (const window of production.windows(signal)) {
        if (window.firstStripe >= end) break;
        await send(slot, window);
      }
    });
  }

  /** Brings a slot to stripe `end`, whoever it takes; `window` is the newest one, still in memory. */
  async function advance(slot: number, end: number, window?: StripeWindow): Promise<void> {
    const before = window?.firstStripe ?? end;
    while (states[slot]!.stripes < end) {
      await hire(slot);
      try {
        if (states[slot]!.stripes < before) await catchUp(slot, before);
        if (window) await send(slot, window);
      } catch (error) {
        refuse(slot, error);
      }
    }
  }

  return {
    async reserve() {
      await Promise.all(states.map((_, slot) => hire(slot)));
    },
    async upload(window) {
      const end = window.firstStripe + window.stripes.length;
      await Promise.all(states.map((_, slot) => advance(slot, end, window)));
      onProgress({ stage: "committed", firstStripe: window.firstStripe, stripes: window.stripes.length });
    },
    async replace(slot, cause) {
      const end = states[slot]!.stripes;
      refuse(slot, cause);
      await advance(slot, end);
    },
    providers: () => states.map((state) => state.provider!),
    commitments: () => states.map((state) => concatBytes(state.commitments)),
  };
}
