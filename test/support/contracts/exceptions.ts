import { type Hex, hexToBytes } from "viem";
import { EXCEPTION_KIND } from "../../../protocol/certificate.ts";
import { rangeProof } from "../../../protocol/merkle/rangeProof.ts";
import { buildTree, leafHash, TAG, treeRoot } from "../../../protocol/merkle/tree.ts";

export type ExceptionLeaf = { readonly kind: number; readonly provider: number; readonly data: Hex };

const NO_DATA: Hex = `0x${"00".repeat(32)}`;

export function missedLeaf(provider: number): ExceptionLeaf {
  return { kind: EXCEPTION_KIND.missed, provider, data: NO_DATA };
}

function payload({ kind, provider, data }: ExceptionLeaf): Uint8Array {
  const bytes = new Uint8Array(37);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, provider);
  bytes.set(hexToBytes(data), 5);
  return bytes;
}

/** The tree of exceptions that a certificate names, and the arguments that apply part of it. */
export function exceptionTree(leaves: readonly ExceptionLeaf[]) {
  const tree = buildTree(leaves.map((leaf, index) => leafHash(TAG.exception, index, payload(leaf))));
  return {
    certificate: { exceptionsRoot: treeRoot(tree), exceptions: leaves.length },
    chunk: (from: number, length: number): [ExceptionLeaf[], Hex[]] => [
      leaves.slice(from, from + length),
      rangeProof(tree, from, length),
    ],
  };
}
