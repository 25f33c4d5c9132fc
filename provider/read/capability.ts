import {
  type Address,
  compactSignatureToSignature,
  type Hex,
  hashTypedData,
  isAddressEqual,
  parseCompactSignature,
  recoverAddress,
  zeroAddress,
} from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { ordersDomain } from "../../protocol/order.ts";
import { READ_CAPABILITY_TYPES, type ReadCapability } from "../../protocol/wire/codecs.ts";
import type { ProviderChain } from "../chain.ts";

export type CapabilityCheck = {
  /**
   * @throws CAPABILITY_FOREIGN (another order), CAPABILITY_EXPIRED, CAPABILITY_READER (bound to a reader),
   * CAPABILITY_SIGNATURE (not by the order's owner)
   */
  assert(capability: ReadCapability, order: { id: Hex; owner: Address }): Promise<void>;
};

/** Verified capabilities remembered at most: recovering a signer takes longer than reading a shard. */
const MOST_VERIFIED = 10_000;

/** Checks the right to read an order's shards. Expiry counts by chain time. */
export function createCapabilityCheck(options: { chain: ProviderChain }): CapabilityCheck {
  const { chain } = options;
  const verified = new Set<Hex>();
  return {
    async assert(capability, order) {
      const { signature, ...message } = capability;
      if (message.orderId !== order.id) {
        throw new MemoError("CAPABILITY_FOREIGN", "The capability is for another order.", {
          details: { orderId: order.id, capability: message.orderId },
        });
      }
      if (message.expires <= BigInt(chain.now())) {
        throw new MemoError(
          "CAPABILITY_EXPIRED",
          `The capability ended at ${message.expires}. Sign a new one.`,
          {
            details: { expires: message.expires, now: chain.now() },
          },
        );
      }
      // Peers have no address that could be compared, so only bearers can be served.
      if (message.reader !== zeroAddress) {
        throw new MemoError("CAPABILITY_READER", "A capability here must be for its bearer: reader = 0.", {
          details: { reader: message.reader },
        });
      }
      const digest = hashTypedData({
        domain: ordersDomain(chain.chainId, chain.storageOrders),
        types: READ_CAPABILITY_TYPES,
        primaryType: "ReadCapability",
        message,
      });
      const key: Hex = `${digest}${signature.slice(2)}`;
      if (verified.has(key)) return;
      const signer = await recoverSigner(digest, signature);
      if (signer === undefined || !isAddressEqual(signer, order.owner)) {
        throw new MemoError("CAPABILITY_SIGNATURE", "The capability is not signed by the order's owner.", {
          details: { owner: order.owner },
        });
      }
      verified.add(key);
      for (const oldest of verified) {
        if (verified.size <= MOST_VERIFIED) break;
        verified.delete(oldest);
      }
    },
  };
}

async function recoverSigner(hash: Hex, compact: Hex): Promise<Address | undefined> {
  try {
    const signature = compactSignatureToSignature(parseCompactSignature(compact));
    return await recoverAddress({ hash, signature });
  } catch {
    return undefined;
  }
}
