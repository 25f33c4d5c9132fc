import { createHash } from "node:crypto";
import { bytesToHex, type Hex } from "viem";
import { PAYLOAD_BYTES } from "../../protocol/constants.ts";
import { createFieldPool } from "../../protocol/kzg/fieldPool.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import { shardCid } from "../../protocol/shard/cid.ts";
import { encodePacked31 } from "../../protocol/shard/packed31.ts";
import { bytesOf, hashOf } from "./material.ts";

/** Payload of `length` bytes: keccak("payload <length>" ‖ uint32 counter) in a row. */
const payloads = [0, 1, 31, 32, 1000, PAYLOAD_BYTES].map((length) => ({
  length,
  payload: bytesOf(`payload ${length}`, length),
}));

/** Shards of these payloads. */
export function packedCases() {
  return payloads.map(({ length, payload }) => {
    const shard = encodePacked31(payload);
    return {
      length,
      payload: length <= 1000 ? bytesToHex(payload) : undefined,
      payloadSha256: sha256(payload),
      shardStart: bytesToHex(shard.subarray(0, 96)),
      shardSha256: sha256(shard),
      cid: String(shardCid(shard)),
    };
  });
}

/** Commitments and openings of the same shards, and a weighted sum of them. */
export async function openingCases(kzg: Kzg) {
  const pool = createFieldPool({ threads: 0 });
  const shards = payloads.map(({ payload }) => encodePacked31(payload));
  const cases = [];
  for (const [index, shard] of shards.entries()) {
    const commitment = await kzg.commit(shard);
    const z = BigInt(hashOf(`point ${index}`)) >> 8n;
    const { y, proof } = await kzg.open(shard, z);
    cases.push({
      payloadLength: payloads[index]!.length,
      commitment: bytesToHex(commitment),
      versionedHash: `0x01${sha256(commitment).slice(4)}`,
      z: String(z),
      y: String(y),
      proof: bytesToHex(proof),
    });
  }
  const weights = shards.map((_, index) => BigInt(hashOf(`weight ${index}`)) >> 128n);
  const sum = await pool.weightedSum(shards, weights);
  const weightedSum = { weights: weights.map(String), sumSha256: sha256(sum) };
  await pool.close();
  return { shards: cases, weightedSum };
}

function sha256(bytes: Uint8Array): Hex {
  return `0x${createHash("sha256").update(bytes).digest("hex")}`;
}
