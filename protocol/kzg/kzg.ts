import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import { COMMITMENT_BYTES, SHARD_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { fieldFromBytes, fieldToBytes } from "./field.ts";

/** Claim that the polynomial behind `commitment` has value `y` at `z`. */
export type Opening = {
  readonly commitment: Uint8Array;
  readonly z: bigint;
  readonly y: bigint;
  readonly proof: Uint8Array;
};

/** KZG over Ethereum's ceremony. Commitments and proofs are 48-byte compressed points. */
export type Kzg = {
  /**
   * Commitment of a shard; ≈ 55 ms of a core, off the event loop. The bytes must stay as they are until
   * it resolves.
   * @throws SHARD_LENGTH, SHARD_ELEMENT_NOT_CANONICAL
   */
  commit(shard: Uint8Array, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  /**
   * Opening of a blob (131,072 B) at `z`; ≈ 56 ms of a core, off the event loop, ahead of waiting commits:
   * challenges have deadlines, uploads do not.
   * @throws SHARD_LENGTH, SHARD_ELEMENT_NOT_CANONICAL
   */
  open(
    blob: Uint8Array,
    z: bigint,
    options?: { signal?: AbortSignal },
  ): Promise<{ y: bigint; proof: Uint8Array }>;
  /**
   * Whether the opening holds; ≈ 1.3 ms, on the calling thread. Both points must be in the subgroup.
   * Anything malformed is no valid opening.
   */
  verify(opening: Opening): boolean;
};

type NativeContext = {
  asyncBlobToKzgCommitment(blob: Uint8Array): Promise<Uint8Array>;
  asyncComputeKzgProof(blob: Uint8Array, z: Uint8Array): Promise<Uint8Array[]>;
  verifyKzgProof(commitment: Uint8Array, z: Uint8Array, y: Uint8Array, proof: Uint8Array): boolean;
};

/**
 * Loads the ceremony: 2–3 s of blocking work, so once per process.
 * `precompute` (default false) only speeds up cell proofs, which memo does not use, for 100 MB more.
 * `concurrency` bounds how many native jobs run at once; the rest wait in order.
 */
export function createKzg(options: { precompute?: boolean; concurrency?: number } = {}): Kzg {
  // The package is CommonJS with a native addon behind it; its named exports are invisible to `import`.
  const { DasContextJs } = createRequire(import.meta.url)("@crate-crypto/node-eth-kzg") as {
    DasContextJs: { create(options: { usePrecomp: boolean }): NativeContext };
  };
  const context = DasContextJs.create({ usePrecomp: options.precompute ?? false });
  const queue = new PQueue({ concurrency: options.concurrency ?? nativeThreads() });

  return {
    async commit(shard, { signal } = {}) {
      assertLength(shard);
      return run(queue, 0, signal, () => context.asyncBlobToKzgCommitment(shard));
    },
    async open(blob, z, { signal } = {}) {
      assertLength(blob);
      const [proof, y] = await run(queue, 1, signal, () =>
        context.asyncComputeKzgProof(blob, fieldToBytes(z)),
      );
      return { y: fieldFromBytes(y!), proof: proof! };
    },
    verify({ commitment, z, y, proof }) {
      if (commitment.length !== COMMITMENT_BYTES || proof.length !== COMMITMENT_BYTES) return false;
      try {
        return context.verifyKzgProof(commitment, fieldToBytes(z), fieldToBytes(y), proof);
      } catch {
        return false;
      }
    },
  };
}

/** Native jobs share libuv's pool with file system and DNS: one thread stays free for those. */
function nativeThreads(): number {
  const pool = Number(process.env.UV_THREADPOOL_SIZE) || 4;
  return Math.max(1, Math.min(availableParallelism(), pool - 1));
}

async function run<T>(
  queue: PQueue,
  priority: number,
  signal: AbortSignal | undefined,
  job: () => Promise<T>,
): Promise<T> {
  return queue.add(
    async () => {
      try {
        return await job();
      } catch (cause) {
        throw new MemoError(
          "SHARD_ELEMENT_NOT_CANONICAL",
          "The shard holds an element that is not below the field's modulus, so it is no polynomial.",
          { cause },
        );
      }
    },
    signal ? { priority, signal } : { priority },
  );
}

function assertLength(shard: Uint8Array): void {
  if (shard.length === SHARD_BYTES) return;
  throw new MemoError("SHARD_LENGTH", `A shard has ${SHARD_BYTES} bytes, not ${shard.length}.`, {
    details: { length: shard.length },
  });
}
