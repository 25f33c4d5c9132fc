import { createHash } from "node:crypto";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";

const RAW = 0x55;
const SHA2_256 = 0x12;

/** CID of a shard: sha2-256 over its bytes, codec raw. `String(cid)` is its base32 form. */
export function shardCid(bytes: Uint8Array): CID {
  return CID.createV1(RAW, create(SHA2_256, createHash("sha256").update(bytes).digest()));
}

/** Whether `bytes` are those that `cid` names (raw, sha2-256; any other kind of CID: false). */
export function matchesCid(bytes: Uint8Array, cid: CID): boolean {
  return cid.code === RAW && cid.multihash.code === SHA2_256 && shardCid(bytes).equals(cid);
}
