import {
  type Hex,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  zeroAddress,
} from "viem";
import { ordersDomain } from "../../protocol/order.ts";
import { READ_CAPABILITY_TYPES, type ReadCapability } from "../../protocol/wire/codecs.ts";
import type { GroupView } from "../chain/groupView.ts";

/** Seconds of chain time for which a capability is good. */
const LIFETIME = 3_600;

/** Signs read capabilities of the account's own orders, and keeps each until half its life is over. */
export function createCapabilities(options: {
  account: LocalAccount;
  view: Pick<GroupView, "chainId" | "group" | "now">;
}): (orderId: Hex) => Promise<ReadCapability> {
  const { account, view } = options;
  const known = new Map<Hex, ReadCapability>();
  return async (orderId) => {
    const now = await view.now();
    const kept = known.get(orderId);
    if (kept && Number(kept.expires) - now > LIFETIME / 2) return kept;
    const message = { orderId, reader: zeroAddress, expires: BigInt(now + LIFETIME) };
    const signature = await account.signTypedData({
      domain: ordersDomain(view.chainId, view.group.orders),
      types: READ_CAPABILITY_TYPES,
      primaryType: "ReadCapability",
      message,
    });
    const compact = serializeCompactSignature(signatureToCompactSignature(parseSignature(signature)));
    const capability = { ...message, signature: compact };
    known.set(orderId, capability);
    return capability;
  };
}
