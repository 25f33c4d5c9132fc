import { keccak256 } from "viem";
import { KECCAK_KERNEL_BASE64 } from "./generated/keccakKernel.ts";

// Places in the kernel's memory: protocol/merkle/kernel/keccak.as knows the same.
const CONSTANTS = 256;
const INPUT = 1024;
/** Bytes of a block of the sponge, which the padding may need behind the input. */
const RATE = 136;

const module = new WebAssembly.Module(Buffer.from(KECCAK_KERNEL_BASE64, "base64"));
const kernel = new WebAssembly.Instance(module).exports as unknown as {
  memory: WebAssembly.Memory;
  hash(length: number): void;
};
const memory = new Uint8Array(kernel.memory.buffer);
writeRoundConstants(new DataView(kernel.memory.buffer));

/** Keccak-256 as Ethereum uses it, about ten times as fast as in JavaScript: trees are made of it. */
export function keccak(input: Uint8Array): Uint8Array<ArrayBuffer> {
  if (input.length > memory.length - INPUT - RATE)
    return keccak256(input, "bytes") as Uint8Array<ArrayBuffer>;
  memory.set(input, INPUT);
  kernel.hash(input.length);
  return memory.slice(0, 32);
}

/** The constants of the 24 rounds come from a linear feedback shift register (FIPS 202, 3.2.5). */
function writeRoundConstants(view: DataView): void {
  let register = 1;
  for (let round = 0; round < 24; round++) {
    let constant = 0n;
    for (let bit = 0; bit < 7; bit++) {
      if (register & 1) constant |= 1n << ((1n << BigInt(bit)) - 1n);
      register = register & 0x80 ? (register << 1) ^ 0x171 : register << 1;
    }
    view.setBigUint64(CONSTANTS + 8 * round, constant, true);
  }
}
