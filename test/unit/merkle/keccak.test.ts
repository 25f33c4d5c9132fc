import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, keccak256 } from "viem";
import { keccak } from "../../../protocol/merkle/keccak.ts";

describe("Keccak-256 in WebAssembly", () => {
  it("is viem's, for every length around the blocks of the sponge", () => {
    for (let length = 0; length <= 3 * 136; length++) {
      const input = Uint8Array.from({ length }, (_, index) => Math.imul(index + length, 2654435761) >>> 24);
      assert.equal(bytesToHex(keccak(input)), keccak256(input), `length ${length}`);
    }
  });

  it("is viem's for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (input) =>
        assert.equal(bytesToHex(keccak(input)), keccak256(input)),
      ),
    );
  });

  it("is viem's for inputs that do not fit the kernel's memory, and just do", () => {
    for (const length of [523_127, 523_128, 523_129, 600_000]) {
      const input = new Uint8Array(length).fill(0xa5);
      assert.equal(bytesToHex(keccak(input)), keccak256(input));
    }
  });

  it("gives a hash of its own, which later hashes do not change", () => {
    const first = keccak(Uint8Array.of(1));
    keccak(Uint8Array.of(2));
    assert.equal(bytesToHex(first), keccak256("0x01"));
  });
});
