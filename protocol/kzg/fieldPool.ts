import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import { SHARD_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { loadPoint, loadTerms, readSum, readValue, SHARDS_PER_ROUND } from "./fieldKernel.ts";
import { createInlineLane, createThreadLane, type FieldLane } from "./fieldLane.ts";

/** Sums and values of polynomials, away from the event loop. */
export type FieldPool = {
  /**
   * Σ weight·shard, element by element, as a blob of 131,072 bytes. Weights are of 128 bits. Elements that
   * are not canonical count modulo the field's order. Any number of shards; none: zeros.
   * @throws SHARD_LENGTH, FIELD_POOL_CLOSED, the signal's reason
   */
  weightedSum(
    shards: readonly Uint8Array[],
    weights: readonly bigint[],
    options?: { signal?: AbortSignal },
  ): Promise<Uint8Array>;
  /** Value at `z` of Σ weight·shard, as of the polynomial that a commitment commits to. Errors alike. */
  weightedEvaluation(
    shards: readonly Uint8Array[],
    weights: readonly bigint[],
    z: bigint,
    options?: { signal?: AbortSignal },
  ): Promise<bigint>;
  /** Lets running work end, refuses what waits, and ends the threads. */
  close(): Promise<void>;
};

const LARGEST_WEIGHT = (1n << 128n) - 1n;

/**
 * `threads` (default: cores − 1, at least 1, at most 4) worker threads of 10 MB each, started when first
 * needed; they do not keep the process alive. 0: the caller's thread does the work, a round of 64 shards
 * (≈ 10 ms) at a time.
 */
export function createFieldPool(options: { threads?: number } = {}): FieldPool {
  const threads = options.threads ?? Math.min(4, Math.max(1, availableParallelism() - 1));
  const lanes: FieldLane[] =
    threads === 0 ? [createInlineLane()] : Array.from({ length: threads }, createThreadLane);
  const free = [...lanes];
  const queue = new PQueue({ concurrency: lanes.length });
  let closed = false;

  async function run<T>(
    shards: readonly Uint8Array[],
    weights: readonly bigint[],
    signal: AbortSignal | undefined,
    finish: { step: "sum" | "value"; prepare(lane: FieldLane): void; read(lane: FieldLane): T },
  ): Promise<T> {
    assertTerms(shards, weights);
    return queue.add(
      async () => {
        if (closed) throw poolClosed();
        const lane = free.pop()!;
        try {
          let from = 0;
          do {
            signal?.throwIfAborted();
            const to = Math.min(from + SHARDS_PER_ROUND, shards.length);
            loadTerms(lane.memory, shards.slice(from, to), weights.slice(from, to));
            const last = to === shards.length;
            if (last) finish.prepare(lane);
            await lane.run({ count: to - from, begin: from === 0, finish: last ? finish.step : "nothing" });
            from = to;
          } while (from < shards.length);
          return finish.read(lane);
        } finally {
          free.push(lane);
        }
      },
      signal ? { signal } : {},
    );
  }

  return {
    weightedSum: (shards, weights, { signal } = {}) =>
      run(shards, weights, signal, {
        step: "sum",
        prepare: () => {},
        read: (lane) => readSum(lane.memory),
      }),
    weightedEvaluation: (shards, weights, z, { signal } = {}) =>
      run(shards, weights, signal, {
        step: "value",
        prepare: (lane) => loadPoint(lane.memory, z),
        read: (lane) => readValue(lane.memory),
      }),
    async close() {
      closed = true;
      await queue.onIdle();
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

function assertTerms(shards: readonly Uint8Array[], weights: readonly bigint[]): void {
  if (shards.length !== weights.length) {
    throw new RangeError(`${shards.length} shards need as many weights, not ${weights.length}`);
  }
  if (weights.some((weight) => weight < 0n || weight > LARGEST_WEIGHT)) {
    throw new RangeError("a weight has 128 bits");
  }
  const wrong = shards.find((shard) => shard.length !== SHARD_BYTES);
  if (wrong === undefined) return;
  throw new MemoError("SHARD_LENGTH", `A shard has ${SHARD_BYTES} bytes, not ${wrong.length}.`, {
    details: { length: wrong.length },
  });
}

function poolClosed(): MemoError {
  return new MemoError("FIELD_POOL_CLOSED", "The field pool is closed: the process is stopping.");
}
