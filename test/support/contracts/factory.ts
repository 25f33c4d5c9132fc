import { artifacts } from "hardhat";
import type { Abi, Address } from "viem";
import type { TestChain } from "./chain.ts";

/** Seconds. */
export const APPEAL_WINDOW_MIN = 60;
/** What is true of the chain in Hardhat. */
export const CHAIN_FACTS = { blockTime: 1, appealWindowMin: APPEAL_WINDOW_MIN, blobs: true };

/** ABI of a compiled contract that has no generated one. */
export async function artifactAbi(name: string): Promise<Abi> {
  return (await artifacts.readArtifact(name)).abi as Abi;
}

/** The factory with its logic, on a fresh token unless one is named. */
export async function createFactory(chain: TestChain, tokenAddress?: Address, tokenContract = "MemoToken") {
  const token = tokenAddress ?? (await chain.deploy(tokenContract, [10n ** 27n]));
  const logic = {
    staking: await chain.deploy("Staking"),
    orders: await chain.deploy("StorageOrders"),
    settlement: await chain.deploy("ChallengeSettlement"),
    disputes: await chain.deploy("Disputes"),
    repairs: await chain.deploy("Repairs"),
    allowances: await chain.deploy("Allowances"),
  };
  const factory = await chain.deploy("GroupFactory", [logic, CHAIN_FACTS]);
  return { token, factory, logic };
}
