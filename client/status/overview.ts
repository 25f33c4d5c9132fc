import type { Address } from "viem";
import type { GroupView } from "../chain/groupView.ts";
import { type OrderSummary, summarizeOrder } from "./orderStatus.ts";

/** How everything of an owner stands. */
export type Overview = {
  readonly account: Address;
  readonly group: {
    readonly epochNow: number;
    readonly lastCertified: number;
    readonly lastFinished: number;
    readonly providers: number;
    /** Keepers with a seat. */
    readonly keepers: number;
  };
  /** Token wei and native wei. */
  readonly money: { readonly deposited: bigint; readonly token: bigint; readonly native: bigint };
  /** Orders that have not ended, in the order in which they were opened. */
  readonly orders: readonly OrderSummary[];
  readonly ended: number;
};

/** An overview looks at the last certified epoch only: it has many orders to ask about. */
const LOOK_BACK = 1;

/** Reads how all orders of an owner stand from the chain alone. */
export async function overviewOf(view: GroupView, account: Address): Promise<Overview> {
  const [epochs, members, orders, deposited, wallet] = await Promise.all([
    view.epochs(),
    view.members(),
    view.ordersOf(account),
    view.depositOf(account),
    view.walletOf(account),
  ]);
  const running = [];
  for (const opened of orders) {
    const { status, endEpoch } = await view.orderState(opened.id);
    if (status === "open" && epochs.now < endEpoch) running.push(opened);
  }
  const disputes =
    running.length === 0
      ? { records: [], challenges: [], collateral: [] }
      : await view.disputes.since(Math.min(...running.map((opened) => opened.block)));
  const facts = { epochs, members, disputes };
  const summaries: OrderSummary[] = [];
  for (const opened of running) summaries.push(await summarizeOrder(view, opened, facts, LOOK_BACK));
  return {
    account,
    group: {
      epochNow: epochs.now,
      lastCertified: epochs.lastCertified,
      lastFinished: epochs.lastFinished,
      providers: members.providers.size,
      keepers: [...members.keepers.values()].filter((keeper) => keeper.seat !== undefined).length,
    },
    money: { deposited, ...wallet },
    orders: summaries,
    ended: orders.length - running.length,
  };
}
