import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type Hex,
  hexToBytes,
  type LocalAccount,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { splitCommitments } from "../../protocol/merkle/slotRoot.ts";
import { decodePolicy } from "../../protocol/object/policy.ts";
import { ORDER_TYPES, type Order, orderId, ordersDomain } from "../../protocol/order.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import { unpromisedStake } from "../stake.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Upload } from "../store/uploads.ts";
import { assertCommitments, assertOrder, committedSlot } from "./orderChecks.ts";
import type { RangeLock } from "./rangeLock.ts";
import { type Caller, requireUpload } from "./uploadAccess.ts";

/** Points checked before other work gets a turn: each takes about 0.3 ms. */
const POINTS_PER_TURN = 32;

export type SignDeps = {
  store: ProviderStore;
  chain: ProviderChain;
  lock: RangeLock;
  account: LocalAccount;
  /** Throws unless the 48 bytes are a point of the curve and its subgroup. */
  assertCommitment(commitment: Uint8Array): void;
};

/**
 * Signs an order over a finished upload, after everything in it has been checked. The order is durable
 * before the signature leaves; the same order again gets the same signature.
 * @throws PAYER_BALANCE, STAKE_TOO_LOW and what {@link requireUpload}, {@link assertOrder}, {@link committedSlot}, {@link assertCommitments} and the check of points throw
 */
export function createSignOrder(deps: SignDeps) {
  const { store, chain, lock } = deps;
  return async (
    request: RequestOf<ProviderMethods, "signOrder">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "signOrder">> => {
    const { order, uploadId } = request;
    const id = orderId(order);
    const known = store.uploads.get(uploadId);
    const signed = known?.peer === caller.peer ? store.orders.get(id, known.slot) : undefined;
    if (signed?.uploadId === uploadId) return { signature: toHex(signed.signature) };
    const upload = requireUpload(deps, caller, { uploadId });
    assertOrder(chain, upload, order);
    return lock.run(uploadId, 0, upload.stripes, async () => {
      await assertData(deps, upload, order);
      await assertPayable(chain, order);
      assertStake(deps, order);
      const signature = await signCompact(deps.account, chain, order);
      if (order.stripes < upload.stripes) await shrinkUpload(store, upload, order.stripes);
      store.orders.insert({ id, uploadId, slot: upload.slot, order, signature });
      return { signature: toHex(signature) };
    });
  };
}

async function assertData(deps: SignDeps, upload: Upload, order: Order): Promise<void> {
  const { store } = deps;
  const windows = store.uploads.windows(upload.id);
  const own = { slot: upload.slot, commitments: committedSlot(upload, windows, order.stripes) };
  const slots: readonly (Uint8Array | undefined)[] = Array.from(
    { length: decodePolicy(order.policy).n },
    (_, slot) =>
      store.uploads.slotCommitments(upload.id, slot)?.subarray(0, order.stripes * COMMITMENT_BYTES),
  );
  assertCommitments(slots, own, order.shardRoot);
  // Once an order over this upload is signed its commitments are fixed, and were checked then.
  if (store.orders.list(upload.id).length > 0) return;
  for (const [slot, commitments] of slots.entries()) {
    if (slot === upload.slot) continue;
    for (const [stripe, commitment] of splitCommitments(commitments).entries()) {
      if (stripe % POINTS_PER_TURN === 0) await nextTurn();
      deps.assertCommitment(commitment);
    }
  }
}

/** Gives back what was reserved for stripes that the order does not have. */
async function shrinkUpload(store: ProviderStore, upload: Upload, stripes: number): Promise<void> {
  await store.shards.trim(upload.id, stripes);
  store.uploads.shrink(upload.id, stripes);
}

async function assertPayable(chain: ProviderChain, order: Order): Promise<void> {
  const [balance, cost] = await Promise.all([chain.freeBalance(order.payer), chain.cost(order)]);
  if (balance >= cost) return;
  throw new MemoError(
    "PAYER_BALANCE",
    `The order costs ${cost}, its payer has ${balance} deposited and free. Deposit the difference first.`,
    { details: { cost, balance, payer: order.payer }, retryable: true },
  );
}

/**
 * The stake must bear the order beside all that is promised already: one that cannot open is of no use to anybody.
 */
function assertStake({ store, chain }: SignDeps, order: Order): void {
  const free = unpromisedStake(store, chain);
  const needed = chain.collateral(order.stripes);
  if (needed <= free) return;
  throw new MemoError(
    "STAKE_TOO_LOW",
    `The slot locks ${needed} of stake, this provider has ${free} free. Choose another provider.`,
    { details: { needed, free }, retryable: true },
  );
}

async function signCompact(account: LocalAccount, chain: ProviderChain, order: Order): Promise<Uint8Array> {
  const signature = await account.signTypedData({
    domain: ordersDomain(chain.chainId, chain.storageOrders),
    types: ORDER_TYPES,
    primaryType: "Order",
    message: order,
  });
  return hexToBytes(serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))));
}

function toHex(signature: Uint8Array): Hex {
  return `0x${Buffer.from(signature).toString("hex")}`;
}
