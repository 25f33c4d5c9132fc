import {
  hexToBytes,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { ORDER_TYPES, type Order, ordersDomain } from "../../protocol/order.ts";
import type { ProviderChain } from "../chain.ts";
import { unpromisedLock, unpromisedStake } from "../stake.ts";
import type { ProviderStore } from "../store/store.ts";

/**
 * What an order costs must be there: nobody works for an order that cannot open.
 * @throws PAYER_BALANCE
 */
export async function assertPayable(chain: ProviderChain, order: Order): Promise<void> {
  const [balance, cost] = await Promise.all([chain.freeBalance(order.payer), chain.cost(order)]);
  if (balance >= cost) return;
  throw new MemoError(
    "PAYER_BALANCE",
    `The order costs ${cost}, its payer has ${balance} deposited and free. Deposit the difference first.`,
    { details: { cost, balance, payer: order.payer }, retryable: true },
  );
}

/**
 * The stake must bear the order beside all that is promised already, and so must what may be locked per epoch: an order
 * that cannot open is of no use to anybody.
 * @throws STAKE_TOO_LOW, LOCK_LIMIT
 */
export function assertStake(store: ProviderStore, chain: ProviderChain, order: Order): void {
  const needed = chain.collateral(order.stripes);
  const free = unpromisedStake(store, chain);
  if (needed > free) {
    throw new MemoError(
      "STAKE_TOO_LOW",
      `The slot locks ${needed} of stake, this provider has ${free} free. Choose another provider.`,
      { details: { needed, free }, retryable: true },
    );
  }
  const lockable = unpromisedLock(store, chain);
  if (needed <= lockable) return;
  throw new MemoError(
    "LOCK_LIMIT",
    `The slot locks ${needed} of stake; of what this provider may lock in one epoch ${lockable} are left. Try again in the next epoch, or choose another provider.`,
    { details: { needed, lockable }, retryable: true },
  );
}

/** Signs an order for good: 64 bytes, EIP-2098. */
export async function signCompact(
  account: LocalAccount,
  chain: ProviderChain,
  order: Order,
): Promise<Uint8Array> {
  const signature = await account.signTypedData({
    domain: ordersDomain(chain.chainId, chain.storageOrders),
    types: ORDER_TYPES,
    primaryType: "Order",
    message: order,
  });
  return hexToBytes(serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))));
}
