import { type Address, encodeAbiParameters, type Hex, keccak256, stringToHex } from "viem";
import { APPEAL_DRAWS } from "../constants.ts";

const DOMAIN = keccak256(stringToHex("memo/appeal/v1"));

/**
 * What everything drawn for a lost record follows from (`LostRecordInfo.draw`), if it is made from what the
 * chain keeps for the epoch.
 */
export function appealDraw(epochDraw: Hex, provider: number, part: number): Hex {
  return keccak256(
    encodeAbiParameters(
      [{ type: "bytes32" }, { type: "uint32" }, { type: "uint32" }],
      [epochDraw, provider, part],
    ),
  );
}

/** Indexes of the entries that an appeal has to answer, in drawing order: all of them if there are few. */
export function drawnIndexes(draw: Hex, count: number): number[] {
  const drawn = new Set<number>();
  for (let index = 0; drawn.size < Math.min(count, APPEAL_DRAWS); index++) {
    const hash = keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "uint32" }], [draw, index]));
    drawn.add(Number(BigInt(hash) % BigInt(count)));
  }
  return [...drawn];
}

/** A shard that an appeal has to answer for: of which entry of the record, and which of its slot's stripes. */
export type DrawnShard = { readonly index: number; readonly stripe: number };

/**
 * Shards that an appeal has to answer, in the order in which it answers them: those that the drawn entries name; then,
 * since a few entries would say little about a whole slot, more of their slots' stripes.
 */
export function drawnShards(
  draw: Hex,
  entries: readonly { readonly stripe: number; readonly stripes: number }[],
): DrawnShard[] {
  const drawn = drawnIndexes(draw, entries.length).map((index) => ({
    index,
    stripe: entries[index]!.stripe,
  }));
  const all = entries.reduce((sum, { stripes }) => sum + stripes, 0);
  for (let count = 0; drawn.length < Math.min(all, APPEAL_DRAWS); count++) {
    const hash = BigInt(
      keccak256(
        encodeAbiParameters(
          [{ type: "bytes32" }, { type: "string" }, { type: "uint32" }],
          [draw, "more", count],
        ),
      ),
    );
    const index = Number(hash % BigInt(entries.length));
    const stripe = Number((hash >> 128n) % BigInt(entries[index]!.stripes));
    if (drawn.some((known) => known.index === index && known.stripe === stripe)) continue;
    drawn.push({ index, stripe });
  }
  return drawn;
}

/** Point at which a shard has to be opened to answer an appeal or a direct challenge with this draw. */
export function appealPoint(of: {
  chainId: number;
  /** Address of the group's `Disputes`. */
  disputes: Address;
  draw: Hex;
  orderId: Hex;
  slot: number;
  stripe: number;
}): bigint {
  const hash = keccak256(
    encodeAbiParameters(
      [
        { type: "bytes32" },
        { type: "uint256" },
        { type: "address" },
        { type: "bytes32" },
        { type: "bytes32" },
        { type: "uint32" },
        { type: "uint32" },
      ],
      [DOMAIN, BigInt(of.chainId), of.disputes, of.draw, of.orderId, of.slot, of.stripe],
    ),
  );
  // 248 bits are always below the order of the field.
  return BigInt(hash) >> 8n;
}
