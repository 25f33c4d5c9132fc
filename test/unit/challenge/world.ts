import { keccak256 } from "viem";
import type { OpenedShard } from "../../../protocol/challenge/openings.ts";
import type { ChallengeProof } from "../../../protocol/challenge/proof.ts";
import { wholeCover } from "../../../protocol/challenge/proof.ts";
import { proveChallenge } from "../../../protocol/challenge/prove.ts";
import { type HeldSlot, type ShardRef, sampleShards, shardKey } from "../../../protocol/challenge/sample.ts";
import {
  type ChallengeContext,
  type CommittedShard,
  challengeTranscript,
} from "../../../protocol/challenge/transcript.ts";
import { FIELD_ELEMENTS_PER_SHARD, PAYLOAD_BYTES } from "../../../protocol/constants.ts";
import { fieldToBytes } from "../../../protocol/kzg/field.ts";
import { createFieldPool } from "../../../protocol/kzg/fieldPool.ts";
import { createKzg } from "../../../protocol/kzg/kzg.ts";
import { loadPoints } from "../../../protocol/kzg/points.ts";
import { encodePacked31 } from "../../../protocol/shard/packed31.ts";

export const kzg = createKzg();
export const points = await loadPoints();
export const fieldPool = createFieldPool({ threads: 0 });
export const tools = { kzg, points, fieldPool };

export const GROUP = "0x00000000000000000000000000000000c0ffee01";
export const contextOf = (epoch = 42, provider = 7): ChallengeContext => ({
  ...{
    chainId: 31337,
    group: GROUP,
    epoch,
    seed: keccak256(`0x${epoch.toString(16).padStart(4, "0")}`),
    provider,
  },
});

/** A shard full of bytes that `number` determines. */
export function shardOf(number: number): Uint8Array {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  for (let at = 0; at < payload.length; at++)
    payload[at] = Math.imul(at + 1, number * 2654435761 + 97) >>> 13;
  return encodePacked31(payload);
}

const made = new Map<Uint8Array, Promise<Uint8Array>>();

/** Commitment of a shard, computed once. */
function commitmentOf(shard: Uint8Array): Promise<Uint8Array> {
  if (!made.has(shard)) made.set(shard, kzg.commit(shard));
  return made.get(shard)!;
}

/** What a provider holds: slots of orders with the bytes and commitments of their stripes. */
export type Holding = {
  readonly slots: readonly HeldSlot[];
  readonly bytes: Map<string, Uint8Array>;
  readonly commitments: ReadonlyMap<string, Uint8Array>;
  /** The challenge of an epoch, with commitments. */
  challenge(context: ChallengeContext, owed?: readonly ShardRef[]): CommittedShard[];
  read(shard: ShardRef): Promise<Uint8Array | undefined>;
};

/** A provider that holds one slot of each of `orders`, given as the shards of that slot. */
export async function holdingOf(orders: readonly (readonly Uint8Array[])[]): Promise<Holding> {
  const slots = orders.map((shards, index) => ({
    ...{
      orderId: keccak256(`0x${(index + 16).toString(16)}`),
      slot: index,
      stripes: shards.length,
      sequence: index,
    },
  }));
  const bytes = new Map<string, Uint8Array>();
  const commitments = new Map<string, Uint8Array>();
  for (const [index, shards] of orders.entries()) {
    const made = await Promise.all(shards.map(commitmentOf));
    for (const [stripe, shard] of shards.entries()) {
      const key = shardKey({ ...slots[index]!, stripe });
      bytes.set(key, shard);
      commitments.set(key, made[stripe]!);
    }
  }
  return {
    slots,
    bytes,
    commitments,
    challenge: ({ seed, provider }, owed = []) =>
      sampleShards({ seed, provider, slots, samples: 64, owed }).map((shard) => ({
        ...shard,
        commitment: commitments.get(shardKey(shard))!,
      })),
    read: async (shard) => bytes.get(shardKey(shard)),
  };
}

export function opened(challenge: readonly CommittedShard[]): OpenedShard[] {
  return challenge.map(({ orderId, slot, stripe, commitment }) => ({
    ...{ orderId, slot, stripe, point: points.decompress(commitment) },
  }));
}

/** An honest proof. */
export async function prove(context: ChallengeContext, holding: Holding): Promise<ChallengeProof> {
  const shards = holding.challenge(context);
  return (await proveChallenge({ context, shards, readShard: holding.read, ...tools })).proof;
}

/** The whole proof that somebody makes who has `shards` in place of those asked for. */
export async function forge(
  context: ChallengeContext,
  challenge: readonly CommittedShard[],
  shards: readonly Uint8Array[],
): Promise<ChallengeProof> {
  const { weights, point } = challengeTranscript(context, challenge);
  return openSum(await fieldPool.weightedSum(shards, weights), point, challenge);
}

export async function openSum(
  sum: Uint8Array,
  z: bigint,
  challenge: readonly ShardRef[],
): Promise<ChallengeProof> {
  const { y, proof } = await kzg.open(sum, z);
  return wholeProof(challenge, fieldToBytes(y), proof);
}

export function wholeProof(challenge: readonly ShardRef[], y: Uint8Array, proof: Uint8Array): ChallengeProof {
  const pairs = new Set(challenge.map(({ orderId, slot }) => `${orderId}${slot}`)).size;
  return { cover: wholeCover(pairs), parts: [{ y, proof }] };
}

export const ZERO_SHARD = new Uint8Array(FIELD_ELEMENTS_PER_SHARD * 32);
export const IDENTITY = new Uint8Array(48).with(0, 0xc0);
