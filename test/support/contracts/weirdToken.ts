import { type Address, type Hex, toFunctionSelector } from "viem";
import { artifactAbi } from "./factory.ts";
import type { Group } from "./group.ts";

/** `Manner` of the contract. */
const MANNERS = ["move", "takeFee", "returnFalse", "returnNothing", "keep", "hideBalances"] as const;
export type Manner = (typeof MANNERS)[number];

const CONTRACTS = ["StorageOrders", "Staking", "ChallengeSettlement", "Disputes", "Repairs"];

/** The hands of who controls the token of a group that was made with `token: "WeirdToken"`. */
export async function weirdToken(group: Omit<Group, "order">) {
  const abi = await artifactAbi("WeirdToken");
  const errors = (await Promise.all(CONTRACTS.map(artifactAbi))).flat();
  const send = async (functionName: string, args: readonly unknown[]) =>
    await group.chain.send({ address: group.token, abi, functionName, args });
  return {
    behave: async (manner: Manner) => await send("behave", [MANNERS.indexOf(manner)]),
    /** The next transfer makes this call in its middle, as the token. */
    callBack: async (target: Address, data: Hex) => await send("callBack", [target, data]),
    setBlocked: async (account: Address, blocked: boolean) => await send("setBlocked", [account, blocked]),
    /** What the call back came to: none, done, or the name of the error that refused it. */
    async outcome(): Promise<string> {
      const outcome = await group.chain.read<number>(group.token, abi, "outcome");
      if (outcome < 2) return outcome === 0 ? "none" : "done";
      const selector = await group.chain.read<Hex>(group.token, abi, "refusal");
      const error = errors.find(
        (item) =>
          item.type === "error" && toFunctionSelector({ ...item, type: "function" } as never) === selector,
      );
      return error?.type === "error" ? error.name : selector;
    },
  };
}
