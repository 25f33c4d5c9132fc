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
