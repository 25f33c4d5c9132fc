import {
  type Hex,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  zeroAddress,
} from "viem";
import { ordersDomain } from "../../protocol/order.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { READ_CAPABILITY_TYPES, type ReadCapability } from "../../protocol/wire/codecs.ts";
import type { GroupView } from "../chain/groupView.ts";

/** Seconds of chain time for which a capability is good. */
const LIFETIME = 3_600;

/** Milliseconds for which the chain's time is not asked for again. */
const TIME_KEPT_MS = 5_000;

/** Signs read capabilities of the account's own orders, and keeps each until half its life is over. */
export function createCapabilities(options: {
  account: LocalAccount;
  view: Pick<GroupView, "chainId" | "group" | "now">;
  clock: Clock;
}): (orderId: Hex) => Promise<ReadCapability> {
  const { account, view, clock } = options;
  const known = new Map<Hex, ReadCapability>();
  let asked: { at: number; time: Promise<number> } | undefined;

  function chainTime(): Promise<number> {
    if (asked && clock.now() - asked.at < TIME_KEPT_MS) return asked.time;
    const time = view.now();
    asked = { at: clock.now(), time };
    time.catch(() => {
      asked = undefined;
    });
    return time;
  }

  return async (orderId) => {
    const now = await chainTime();
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
