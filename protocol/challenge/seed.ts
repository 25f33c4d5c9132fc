import { type Address, encodeAbiParameters, type Hex, keccak256, stringToBytes } from "viem";

const SEED_DOMAIN = keccak256(stringToBytes("memo/seed/v1"));

/**
 * Seed of an epoch's challenges. `prevRandao` is the `mixHash` of the first block with timestamp
 * ≥ start(epoch) + seedDelay; read it only once that block is final.
 */
export function epochSeed(of: {
  chainId: number;
  group: Address;
  epoch: number;
  prevRandao: Hex | bigint;
}): Hex {
  return keccak256(
    encodeAbiParameters(
      [
        { type: "bytes32" },
        { type: "uint256" },
        { type: "address" },
        { type: "uint32" },
        { type: "uint256" },
      ],
      [SEED_DOMAIN, BigInt(of.chainId), of.group, of.epoch, BigInt(of.prevRandao)],
    ),
  );
}
