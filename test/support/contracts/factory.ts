import { artifacts } from "hardhat";
import type { Abi, Address } from "viem";
import type { TestChain } from "./chain.ts";

/** ABI of a compiled contract that has no generated one. */
export async function artifactAbi(name: string): Promise<Abi> {
  return (await artifacts.readArtifact(name)).abi as Abi;
}

/** The factory with its logic, on a fresh token unless one is named. */
export async function createFactory(chain: TestChain, tokenAddress?: Address) {
  const token = tokenAddress ?? (await chain.deploy("MemoToken", [10n ** 27n]));
  const logic: Address[] = [];
  for (const name of ["Staking", "StorageOrders", "ChallengeSettlement"])
    logic.push(await chain.deploy(name));
  const factory = await chain.deploy("GroupFactory", logic);
  return { token, factory, logic };
}
