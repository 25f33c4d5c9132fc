import { type Address, concatBytes, type Hex, keccak256, numberToBytes, stringToBytes } from "viem";

/** What the golden vectors are made of: values that a name determines. */

/** `length` bytes: keccak(name ‖ uint32 counter) in a row. */
export function bytesOf(name: string, length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let counter = 0; counter * 32 < length; counter++) {
    blocks.push(keccak256(concatBytes([stringToBytes(name), numberToBytes(counter, { size: 4 })]), "bytes"));
  }
  return concatBytes(blocks).slice(0, length);
}

/** 32 bytes. */
export function hashOf(name: string): Hex {
  return keccak256(stringToBytes(name));
}

/** 20 bytes. */
export function addressOf(name: string): Address {
  return `0x${hashOf(name).slice(-40)}`;
}

/** JSON of vectors: bigints as decimal strings. */
export function vectorText(cases: unknown): string {
  const text = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
  return `${JSON.stringify(cases, text, 2)}\n`;
}
