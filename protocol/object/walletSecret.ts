import { type Address, type Hex, hexToBytes } from "viem";
import { MemoError } from "../errors.ts";

/** The part of a viem account that is needed to unlock keys. */
export type TypedDataSigner = {
  readonly address: Address;
  signTypedData(parameters: ReturnType<typeof unlockTypedData>): Promise<Hex>;
};

/**
 * What the wallet shows and signs to unlock a user's keys. The chain id is part of the domain, so that another chain's
 * application cannot ask for it unseen; the sentence is what a wallet displays.
 */
export function unlockTypedData(owner: Address, chainId: number) {
  return {
    domain: { name: "memo keys", version: "1", chainId },
    types: {
      Unlock: [
        { name: "purpose", type: "string" },
        { name: "owner", type: "address" },
      ],
    },
    primaryType: "Unlock",
    message: {
      purpose: "Unlock the keys of my memo storage. Whoever has this signature can read it.",
      owner,
    },
  } as const;
}

/**
 * Secret that only the wallet can make again: its signature over {@link unlockTypedData}. It is asked for twice,
 * because a wallet whose signatures differ could never unlock what it locks now.
 * @throws MemoError `SIGNATURE_NOT_DETERMINISTIC`
 */
export async function walletSecret(signer: TypedDataSigner, chainId: number): Promise<Uint8Array> {
  const request = unlockTypedData(signer.address, chainId);
  const first = await signer.signTypedData(request);
  const second = await signer.signTypedData(request);
  if (first.toLowerCase() !== second.toLowerCase()) {
    throw new MemoError(
      "SIGNATURE_NOT_DETERMINISTIC",
      "This wallet signs the same message differently each time, so it cannot unlock keys: use a recovery phrase.",
      { details: { owner: signer.address } },
    );
  }
  return hexToBytes(first);
}
