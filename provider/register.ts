import { type Hex, stringToHex } from "viem";
import { stakingAbi } from "../protocol/abi/generated/Staking.ts";
import { type Membership, type Registrar, registerMember } from "../protocol/chain/memberRegistration.ts";

/** What a provider tells the group about itself. */
export type Registration = Membership & {
  /** Failure domain: 32 bytes as hex, or a name of at most 32 bytes. */
  readonly domain: string;
  /** Token wei per 2^32 shard-epochs. */
  readonly ask: bigint;
  readonly repairs: boolean;
};

/**
 * Registers a provider: approves its stake and calls `Staking.registerProvider` as the owner.
 * @returns the id that the contract gave
 * @throws what `registerMember` throws
 */
export async function registerProvider(
  of: Registrar & { readonly registration: Registration },
): Promise<{ providerId: number; hash: Hex }> {
  const { operator, endpoint, domain, ask, repairs, stake } = of.registration;
  const contract = { address: of.staking, abi: stakingAbi } as const;
  const hash = await registerMember(of, of.registration, (transactor) =>
    transactor.send({
      ...contract,
      functionName: "registerProvider",
      args: [operator, endpoint, encodeDomain(domain), ask, repairs, stake],
    }),
  );
  const providerId = await of.publicClient.readContract({
    ...contract,
    functionName: "providerOf",
    args: [operator],
  });
  return { providerId, hash };
}

/** 32 bytes as hex as they are, a name as its UTF-8 bytes padded with zeros. */
export function encodeDomain(domain: string): Hex {
  return /^0x[0-9a-fA-F]{64}$/.test(domain) ? (domain as Hex) : stringToHex(domain, { size: 32 });
}
