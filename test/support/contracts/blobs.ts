import { createRequire } from "node:module";
import {
  type Address,
  type Hex,
  sidecarsToVersionedHashes,
  type TransactionReceipt,
  toBlobSidecars,
} from "viem";
import type { HDAccount } from "viem/accounts";
import type { TestChain } from "./chain.ts";

type BlobKzg = {
  blobToKzgCommitment(blob: Uint8Array): Uint8Array;
  computeBlobKzgProof(blob: Uint8Array, commitment: Uint8Array): Uint8Array;
};
/** Loading the ceremony takes seconds: once per file. */
let ceremony: BlobKzg | undefined;

function blobKzg(): BlobKzg {
  if (ceremony !== undefined) return ceremony;
  const { DasContextJs } = createRequire(import.meta.url)("@crate-crypto/node-eth-kzg") as {
    DasContextJs: { create(options: { usePrecomp: boolean }): BlobKzg };
  };
  ceremony = DasContextJs.create({ usePrecomp: false });
  return ceremony;
}

/**
 * Sends a blob transaction, signed here, to a chain that mines each transaction at once.
 * @throws what the chain says when the call reverts
 */
export async function sendWithBlobs(
  chain: TestChain,
  call: { to: Address; data: Hex; from: HDAccount; blobs: readonly Uint8Array[]; gas?: bigint },
): Promise<TransactionReceipt> {
  const { publicClient } = chain;
  const kzg = blobKzg();
  const commitments = call.blobs.map((blob) => kzg.blobToKzgCommitment(blob));
  const proofs = call.blobs.map((blob, index) => kzg.computeBlobKzgProof(blob, commitments[index]!));
  const sidecars = toBlobSidecars({ blobs: [...call.blobs], commitments, proofs, to: "hex" });
  const { baseFeePerGas } = await publicClient.getBlock();
  const serializedTransaction = await call.from.signTransaction({
    type: "eip4844",
    chainId: chain.chainId,
    nonce: await publicClient.getTransactionCount({ address: call.from.address }),
    to: call.to,
    data: call.data,
    gas: call.gas ?? 1_000_000n,
    maxFeePerGas: 3n * (baseFeePerGas ?? 0n) + 10n ** 9n,
    maxPriorityFeePerGas: 0n,
    maxFeePerBlobGas: 10n ** 12n,
    blobVersionedHashes: sidecarsToVersionedHashes({ sidecars }),
    sidecars,
  });
  const hash = await publicClient.sendRawTransaction({ serializedTransaction });
  return await publicClient.waitForTransactionReceipt({ hash });
}
