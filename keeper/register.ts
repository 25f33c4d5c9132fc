import type { Hex } from "viem";
import { stakingAbi } from "../protocol/abi/generated/Staking.ts";
import { type Membership, type Registrar, registerMember } from "../protocol/chain/memberRegistration.ts";

/**
 * Registers a keeper: approves its stake and calls `Staking.registerKeeper` as the owner, which takes a seat.
 * @returns the id that the contract gave
 * @throws what `registerMember` throws
 */
export async function registerKeeper(of: Registrar & Membership): Promise<{ keeperId: number; hash: Hex }> {
  const { operator, endpoint, stake } = of;
  const contract = { address: of.staking, abi: stakingAbi } as const;
  const hash = await registerMember(of, of, (transactor) =>
    transactor.send({ ...contract, functionName: "registerKeeper", args: [operator, endpoint, stake] }),
  );
  const keeperId = await of.publicClient.readContract({
    ...contract,
    functionName: "keeperOf",
    args: [operator],
  });
  return { keeperId, hash };
}
