import { type Abi, erc20Abi } from "viem";
import type { StoreResult } from "../../client/store/store.ts";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { termOf } from "../../protocol/chain/epochs.ts";
import { embeddedAccount } from "../embedded/accounts.ts";
import { sendAll } from "../embedded/members.ts";
import { type Balances, readBalances } from "./balances.ts";
import type { StoryContext } from "./context.ts";
import { formatTokens } from "./format.ts";

/** Settles the order as far as its epochs are finished, lets one provider take out its pay, and adds everything up. */
export async function settleMoney(context: StoryContext, stored: StoreResult): Promise<Balances> {
  const { network, terminal } = context;
  const { chain, conductor, group, deployment } = network;
  terminal.stage("Paying for what was proven");
  const client = chain.publicClient;
  const finished = await client.readContract({
    address: group.settlement,
    abi: challengeSettlementAbi,
    functionName: "lastFinished",
  });
  const orders = { address: group.orders, abi: storageOrdersAbi as Abi } as const;
  const sender = { ...chain, conductor };
  await sendAll(sender, [
    {
      ...orders,
      account: embeddedAccount("user"),
      functionName: "settle",
      args: [stored.order, finished + 1],
    },
  ]);
  // The holder of the last slot was never stopped, so there is something to take out.
  const paid = stored.order.providers.at(-1) ?? 0;
  const account = embeddedAccount("provider owner", paid);
  await sendAll(sender, [{ ...orders, account, functionName: "withdrawCredit", args: [paid] }]);
  const earned = await client.readContract({
    address: deployment.token,
    abi: erc20Abi,
    functionName: "balanceOf",
    args: [account.address],
  });
  terminal.step(`settled up to epoch ${finished}: provider ${paid} took out ${formatTokens(earned)} MEMO`);

  const balances = await readBalances({
    client,
    token: deployment.token,
    staking: group.staking,
    orders: group.orders,
    fromBlock: BigInt(deployment.factory.startBlock),
    term: termOf(group.parameters, await network.epochNow()),
  });
  terminal.step(
    balances.conserved
      ? `every token is accounted for: balances and books add up to the supply of ${formatTokens(balances.supply)}`
      : "the books do NOT add up to the supply",
  );
  return balances;
}
