import { setImmediate as nextTurn } from "node:timers/promises";
import { bytesToHex, type LocalAccount } from "viem";
import { COMMITMENT_BYTES } from "../../protocol/constants.ts";
import { splitCommitments } from "../../protocol/merkle/slotRoot.ts";
import { decodePolicy } from "../../protocol/object/policy.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { ProviderChain } from "../chain.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Upload } from "../store/uploads.ts";
import { assertCommitments, assertOrder, committedSlot } from "./orderChecks.ts";
import { assertPayable, assertStake, signCompact } from "./promise.ts";
import type { RangeLock } from "./rangeLock.ts";
import { requireTaker } from "./terms.ts";
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
 * @throws PAYER_BALANCE, STAKE_TOO_LOW, LOCK_LIMIT and what {@link requireUpload}, {@link assertOrder}, {@link committedSlot}, {@link assertCommitments} and the check of points throw
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
    if (signed?.uploadId === uploadId) return { signature: bytesToHex(signed.signature) };
    const upload = requireUpload(deps, caller, { uploadId });
    requireTaker(chain);
    assertOrder(chain, upload, order);
    return lock.run(uploadId, 0, upload.stripes, async () => {
      await assertData(deps, upload, order);
      await assertPayable(chain, order);
      assertStake(store, chain, order);
      const signature = await signCompact(deps.account, chain, order);
      if (order.stripes < upload.stripes) await shrinkUpload(store, upload, order.stripes);
      store.orders.insert({ id, uploadId, slot: upload.slot, order, signature });
      return { signature: bytesToHex(signature) };
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
