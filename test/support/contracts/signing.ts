import {
  concatHex,
  type Hex,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import type { LocalAccount } from "viem/accounts";
import { type Certificate, COMMIT_TYPES, settlementDomain } from "../../../protocol/certificate.ts";
import { ORDER_TYPES, type Order, ordersDomain } from "../../../protocol/order.ts";

/** Where a signature counts. */
export type SigningPlace = { readonly chainId: number; readonly orders: Hex; readonly settlement: Hex };

/** The 64 bytes of EIP-2098 of a 65-byte signature. */
export function compact(signature: Hex): Hex {
  return serializeCompactSignature(signatureToCompactSignature(parseSignature(signature)));
}

export async function signOrder(place: SigningPlace, order: Order, account: LocalAccount): Promise<Hex> {
  return await account.signTypedData({
    domain: ordersDomain(place.chainId, place.orders),
    types: ORDER_TYPES,
    primaryType: "Order",
    message: order,
  });
}

/** Signatures of all accounts, in their order, as `open` takes them. */
export async function signOrderAll(
  place: SigningPlace,
  order: Order,
  accounts: readonly LocalAccount[],
): Promise<Hex> {
  return concatHex(
    await Promise.all(accounts.map(async (account) => compact(await signOrder(place, order, account)))),
  );
}

export async function signCommit(
  place: SigningPlace,
  certificate: Certificate,
  account: LocalAccount,
): Promise<Hex> {
  return compact(
    await account.signTypedData({
      domain: settlementDomain(place.chainId, place.settlement),
      types: COMMIT_TYPES,
      primaryType: "Commit",
      message: { group: place.settlement, ...certificate },
    }),
  );
}
