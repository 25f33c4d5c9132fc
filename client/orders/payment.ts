import { type Address, concatHex, type Hex, isAddressEqual, type LocalAccount } from "viem";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import { ORDER_TYPES, type Order, ordersDomain } from "../../protocol/order.ts";
import { requiredDeposit } from "../chain/funding.ts";
import type { GroupView } from "../chain/groupView.ts";

/** Who signs for an order and sends it; whose balance pays, the order says. */
export type PaymentDeps = {
  readonly view: GroupView;
  readonly account: LocalAccount;
  readonly transactor: Transactor;
};

/** Signs an order as its payer, or as an agent of it. */
export function signOrderAs(
  { account, view }: Pick<PaymentDeps, "account" | "view">,
  order: Order,
): Promise<Hex> {
  return account.signTypedData({
    domain: ordersDomain(view.chainId, view.group.orders),
    types: ORDER_TYPES,
    primaryType: "Order",
    message: order,
  });
}

/**
 * How much has to be moved from the wallet before `payer` can pay `cost`: what is missing, or nothing when the account
 * is an agent, who can spend only what is deposited.
 * @returns token wei
 * @throws AGENT_EXPIRED, AGENT_BUDGET_TOO_LOW, DEPOSIT_TOO_LOW, TOKEN_BALANCE_TOO_LOW, NATIVE_BALANCE_TOO_LOW
 */
export async function depositFor(
  view: GroupView,
  account: Address,
  payer: Address,
  cost: bigint,
  allowed: boolean,
): Promise<bigint> {
  if (isAddressEqual(account, payer)) return requiredDeposit(view, payer, cost, allowed);
  const [{ budget, expiresAt }, now] = await Promise.all([
    view.allowances.agentOf(payer, account),
    view.now(),
  ]);
  const details = { payer, agent: account, budget, expiresAt, cost };
  if (BigInt(now) >= expiresAt) {
    throw new MemoError("AGENT_EXPIRED", `${payer} allows ${account} nothing, or not any more.`, { details });
  }
  if (budget < cost) {
    throw new MemoError(
      "AGENT_BUDGET_TOO_LOW",
      `${payer} allows ${account} to spend ${budget} token wei; the order costs up to ${cost}.`,
      { details },
    );
  }
  const deposited = await view.depositOf(payer);
  if (deposited >= cost) return 0n;
  throw new MemoError(
    "DEPOSIT_TOO_LOW",
    `The order costs up to ${cost} token wei, ${payer} has deposited ${deposited}. Only it can deposit more.`,
    { details: { ...details, deposited, missing: cost - deposited } },
  );
}

/**
 * Opens an order that everybody has signed.
 * @param signature of the account: the payer's own, or that of its agent
 * @throws CONTRACT_…
 */
export function openOrder(
  { view, account, transactor }: PaymentDeps,
  order: Order,
  signature: Hex,
  providerSignatures: readonly Hex[],
  signal: AbortSignal,
) {
  const orders = { address: view.group.orders, abi: storageOrdersAbi, signal } as const;
  const bytes = concatHex(providerSignatures);
  return isAddressEqual(account.address, order.payer)
    ? transactor.send({ ...orders, functionName: "open", args: [order, signature, bytes] })
    : transactor.send({
        ...orders,
        functionName: "openByAgent",
        args: [order, account.address, signature, bytes],
      });
}
