import { type Abi, erc20Abi } from "viem";
import type { StoreResult } from "../../client/store/store.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { embeddedAccount } from "../embedded/accounts.ts";
import { sendAll } from "../embedded/calls.ts";
import { compareBooks, type MoneyRow, tellMoney } from "./acts/money.ts";
import { senderOf } from "./acts/play.ts";
import { settleUp } from "./acts/settling.ts";
import { type Books, readBooks } from "./books.ts";
import type { StoryContext } from "./context.ts";
import { formatTokens } from "./format.ts";
import { lastFinished } from "./waiting.ts";

export interface Settled {
  books: Books;
  rows: MoneyRow[];
}

/**
 * Settles the orders as far as their epochs are finished, lets one provider take out its pay, and shows who has more or
 * less than `before`.
 */
export async function settleMoney(
  context: StoryContext,
  orders: readonly StoreResult[],
  before: Books,
  partOf: (party: string) => string,
): Promise<Settled> {
  const { network, terminal } = context;
  const { chain, group, deployment } = network;
  terminal.stage("Paying for what was proven");
  for (const order of orders) await settleUp(network, order);
  // The holder of the last slot was never stopped, so there is something to take out.
  const paid = orders[0]?.order.providers.at(-1) ?? 0;
  const account = embeddedAccount("provider owner", paid);
  await sendAll(senderOf(network), [
    {
      address: group.orders,
      abi: storageOrdersAbi as Abi,
      account,
      functionName: "withdrawCredit",
      args: [paid],
    },
  ]);
  const earned = await chain.publicClient.readContract({
    address: deployment.token,
    abi: erc20Abi,
    functionName: "balanceOf",
    args: [account.address],
  });
  const finished = await lastFinished(network);
  terminal.step(`settled up to epoch ${finished}: provider ${paid} took out ${formatTokens(earned)} MEMO`);

  const books = await readBooks(network);
  const rows = compareBooks(before, books, partOf);
  terminal.step("who has more or less than before, in MEMO:");
  tellMoney(terminal, rows);
  terminal.step(
    books.conserved
      ? `every token is accounted for: balances and books add up to the supply of ${formatTokens(books.supply)}`
      : "the books do NOT add up to the supply",
  );
  return { books, rows };
}
