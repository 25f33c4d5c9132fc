import { bytesToHex, type ContractFunctionArgs } from "viem";
import type { disputesAbi } from "../abi/generated/Disputes.ts";
import { fieldToBytes } from "../kzg/field.ts";
import type { Kzg } from "../kzg/kzg.ts";
import { type OrderTree, shardProof } from "../merkle/slotRoot.ts";
import type { Order } from "../order.ts";

/** Proof that the bytes of one shard are there, as `appeal` and `respond` take it. */
export type ShardAnswer = ContractFunctionArgs<typeof disputesAbi, "nonpayable", "respond">[1];

/**
 * Answers for one shard, which takes one opening (≈ 56 ms of a core, off the event loop).
 * @throws MERKLE_INDEX_OUT_OF_RANGE, SHARD_LENGTH, SHARD_ELEMENT_NOT_CANONICAL
 */
export async function buildAnswer(of: {
  order: Order;
  /** All trees of the order. */
  tree: OrderTree;
  slot: number;
  stripe: number;
  /** Bytes of the shard. */
  shard: Uint8Array;
  /** Its commitment, as the order fixes it. */
  commitment: Uint8Array;
  /** See `appealPoint`. */
  point: bigint;
  kzg: Pick<Kzg, "open">;
  signal?: AbortSignal;
}): Promise<ShardAnswer> {
  const { order, slot, stripe } = of;
  const { stripePath, slotPath } = shardProof(of.tree, slot, stripe);
  const { y, proof } = await of.kzg.open(of.shard, of.point, of.signal ? { signal: of.signal } : {});
  return {
    order,
    slot,
    stripe,
    commitment: bytesToHex(of.commitment),
    stripePath,
    slotPath,
    y: bytesToHex(fieldToBytes(y)),
    proof: bytesToHex(proof),
  };
}
