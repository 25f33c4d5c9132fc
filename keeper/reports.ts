import type { Hex } from "viem";
import type { GroupState } from "../protocol/chain/groupTypes.ts";
import { type ShardRef, shardKey } from "../protocol/challenge/sample.ts";
import { MemoError } from "../protocol/errors.ts";
import type { Kzg } from "../protocol/kzg/kzg.ts";
import type { Points } from "../protocol/kzg/points.ts";
import type { Clock } from "../protocol/runtime/clock.ts";
import type { ReadCapability } from "../protocol/wire/codecs.ts";

/** Reported shards that are remembered; the oldest go first. */
const REPORTS_KEPT = 1_000;
/** Shards that are looked at at once; each takes a read of 128 KiB. */
const LOOKS_AT_ONCE = 4;
/** Milliseconds for which a look at a shard is not repeated. */
const LOOK_AGAIN_MS = 60_000;

/** A shard that somebody could not read, and what this keeper saw when it looked. */
export type ShardReport = ShardRef & {
  /** Holder of the slot when it was reported. */
  readonly provider: number;
  /** Code of the reader's error. */
  readonly reason: string;
  /** `intact`, `wrong`, `readable` when nothing was there to compare with, or the code of this keeper's error. */
  readonly outcome: string;
  readonly times: number;
  /** Unix milliseconds of the last look. */
  readonly lookedAt: number;
};

/** What readers report. It is for operators: verdicts follow from challenges alone. */
export type Reports = {
  /** @throws ORDER_UNKNOWN, SHARD_UNKNOWN, REPORTS_BUSY */
  report(report: ShardRef & { reason: string; capability: ReadCapability }): Promise<void>;
  /** Newest first. */
  list(): readonly ShardReport[];
};

/** Creates the list. */
export function createReports(deps: {
  state: () => GroupState;
  read: (endpoint: string, shard: ShardRef, capability: ReadCapability) => Promise<Uint8Array>;
  /** Commitment of a shard as a point, if it has been proven to be the order's. */
  pointOf: (shard: ShardRef) => Uint8Array | undefined;
  points: Pick<Points, "compress">;
  /** Without it, bytes that come are not compared with their commitment. */
  kzg?: Pick<Kzg, "commit">;
  clock: Clock;
  onReport: (outcome: string) => void;
}): Reports {
  const reports = new Map<string, ShardReport>();
  let looking = 0;

  async function look(endpoint: string, shard: ShardRef, capability: ReadCapability): Promise<string> {
    try {
      const bytes = await deps.read(endpoint, shard, capability);
      const point = deps.pointOf(shard);
      if (deps.kzg === undefined || point === undefined) return "readable";
      const commitment = await deps.kzg.commit(bytes);
      return Buffer.compare(commitment, deps.points.compress(point)) === 0 ? "intact" : "wrong";
    } catch (error) {
      return error instanceof MemoError ? error.code : "UNEXPECTED";
    }
  }

  return {
    list: () => [...reports.values()].reverse(),
    async report({ orderId, slot, stripe, reason, capability }) {
      const shard = { orderId, slot, stripe };
      const { holder, endpoint } = holderOf(deps.state(), shard);
      const key = shardKey(shard);
      const earlier = reports.get(key);
      const times = (earlier?.times ?? 0) + 1;
      const now = deps.clock.now();
      if (earlier !== undefined && now < earlier.lookedAt + LOOK_AGAIN_MS) {
        reports.set(key, { ...earlier, times });
        return;
      }
      if (looking >= LOOKS_AT_ONCE) {
        throw new MemoError(
          "REPORTS_BUSY",
          "This keeper looks at other reported shards now; try again later.",
          {
            retryable: true,
          },
        );
      }
      looking++;
      try {
        const outcome = await look(endpoint, shard, capability);
        reports.delete(key);
        reports.set(key, { ...shard, provider: holder, reason, outcome, times, lookedAt: now });
        if (reports.size > REPORTS_KEPT) reports.delete(reports.keys().next().value!);
        deps.onReport(outcome);
      } finally {
        looking--;
      }
    },
  };
}

function holderOf(
  state: GroupState,
  { orderId, slot, stripe }: ShardRef,
): { holder: number; endpoint: string } {
  const info = state.orders.get(orderId.toLowerCase() as Hex);
  if (info === undefined || info.closed) {
    throw new MemoError("ORDER_UNKNOWN", `Order ${orderId} is not open in this group.`, {
      details: { orderId },
    });
  }
  const holder = info.slots[slot]?.holder;
  const endpoint = holder === undefined ? undefined : state.providers.get(holder)?.endpoint;
  if (holder === undefined || endpoint === undefined || stripe >= info.order.stripes) {
    throw new MemoError("SHARD_UNKNOWN", "Nobody holds that shard of the order now.", {
      details: { orderId, slot, stripe },
    });
  }
  return { holder, endpoint };
}
