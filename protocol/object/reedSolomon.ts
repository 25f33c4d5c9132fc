import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { SHARD_BYTES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import type { Policy } from "./policy.ts";

/**
 * Reed–Solomon over GF(2^8), systematic: the first `k` shards are the data. It works byte by byte, so zero top
 * bytes (layout `packed31`) give zero top bytes in the parity, and equal data shards give equal parity shards.
 */
export type ReedSolomon = {
  /**
   * Fills the `m` parity shards of a stripe in place.
   * @param stripe `n` shards back to back
   */
  encode(stripe: Uint8Array, policy: Policy): void;
  /**
   * Rebuilds every missing shard.
   * @param shards `n` entries, `undefined` where a shard is missing
   * @returns all `n` shards; those that were present are the same arrays
   * @throws MemoError `TOO_FEW_SHARDS` when fewer than `k` are present
   */
  reconstruct(shards: readonly (Uint8Array | undefined)[], policy: Policy): Uint8Array[];
};

function assertPresent(shards: readonly (Uint8Array | undefined)[], policy: Policy): void {
  const present = shards.filter((shard) => shard !== undefined);
  if (shards.length !== policy.n) {
    throw new MemoError(
      "STRIPE_INVALID",
      `A stripe of this policy has ${policy.n} places, not ${shards.length}.`,
    );
  }
  for (const shard of present) {
    if (shard.length !== SHARD_BYTES) {
      throw new MemoError(
        "SHARD_LENGTH_INVALID",
        `A shard is ${SHARD_BYTES} bytes long, not ${shard.length}.`,
      );
    }
  }
  if (present.length < policy.k) {
    throw new MemoError(
      "TOO_FEW_SHARDS",
      `${policy.k} shards are needed to rebuild a stripe; ${present.length} are here.`,
      {
        details: { needed: policy.k, present: present.length },
        retryable: true,
      },
    );
  }
}

/** The WebAssembly of @subspace/reed-solomon-erasure.wasm. */
type Library = {
  readonly memory: WebAssembly.Memory;
  encode(stripe: number, bytes: number, k: number, m: number): number;
  reconstruct(stripe: number, bytes: number, k: number, m: number, flags: number, slots: number): number;
  __wbindgen_malloc(bytes: number): number;
  __wbindgen_free(pointer: number, bytes: number): void;
};

function check(result: number): void {
  if (result === 0) return;
  throw new MemoError(
    "REED_SOLOMON_FAILED",
    `The Reed–Solomon library refused its input with code ${result}.`,
  );
}

function loadLibrary(): Library {
  const require = createRequire(import.meta.url);
  const wasm = require.resolve("@subspace/reed-solomon-erasure.wasm/dist/reed_solomon_erasure_bg.wasm");
  return new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasm))).exports as Library;
}

/**
 * Loads the WebAssembly code (a few milliseconds, once per caller). It is driven without the package's own wrapper:
 * that one frees the availability flags, which the Rust side has freed already, and so breaks its heap at the first
 * `reconstruct`.
 */
export function createReedSolomon(): ReedSolomon {
  const library = loadLibrary();
  let room = { pointer: 0, bytes: 0 };

  /** One stripe-sized place inside the library's memory, kept as long as the size stays the same. */
  function place(bytes: number): number {
    if (room.bytes !== bytes) {
      if (room.bytes > 0) library.__wbindgen_free(room.pointer, room.bytes);
      room = { pointer: library.__wbindgen_malloc(bytes), bytes };
    }
    return room.pointer;
  }

  // Allocation may move the memory, so a view is taken after it and never kept.
  const view = (pointer: number, bytes: number) => new Uint8Array(library.memory.buffer, pointer, bytes);

  return {
    encode(stripe, policy) {
      const bytes = policy.n * SHARD_BYTES;
      if (stripe.length !== bytes) {
        throw new MemoError("STRIPE_INVALID", `A stripe of this policy is ${bytes} bytes long.`);
      }
      if (policy.k === 1) {
        for (let slot = 1; slot < policy.n; slot++) stripe.copyWithin(slot * SHARD_BYTES, 0, SHARD_BYTES);
        return;
      }
      const pointer = place(bytes);
      const data = policy.k * SHARD_BYTES;
      view(pointer, data).set(stripe.subarray(0, data));
      check(library.encode(pointer, bytes, policy.k, policy.m));
      stripe.set(view(pointer + data, bytes - data), data);
    },

    reconstruct(shards, policy) {
      assertPresent(shards, policy);
      const present = shards.find((shard) => shard !== undefined)!;
      if (policy.k === 1) return shards.map((shard) => shard ?? present);
      const missing = shards.map((shard) => shard === undefined);
      if (!missing.includes(true)) return shards.map((shard) => shard!);
      const bytes = policy.n * SHARD_BYTES;
      const pointer = place(bytes);
      const flags = library.__wbindgen_malloc(policy.n);
      for (const [slot, shard] of shards.entries()) {
        view(flags, policy.n)[slot] = shard ? 1 : 0;
        if (shard) view(pointer + slot * SHARD_BYTES, SHARD_BYTES).set(shard);
      }
      check(library.reconstruct(pointer, bytes, policy.k, policy.m, flags, policy.n));
      // The library rebuilds data shards only; parity follows from the data.
      if (missing.slice(policy.k).includes(true)) check(library.encode(pointer, bytes, policy.k, policy.m));
      return shards.map((shard, slot) => shard ?? view(pointer + slot * SHARD_BYTES, SHARD_BYTES).slice());
    },
  };
}
