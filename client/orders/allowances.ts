import type { Address, Hex, LocalAccount } from "viem";
import { allowancesAbi } from "../../protocol/abi/generated/Allowances.ts";
import { ALLOWANCE_TYPES, allowancesDomain, type Voucher } from "../../protocol/allowance.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { GroupView } from "../chain/groupView.ts";

export type AllowanceDeps = {
  readonly view: GroupView;
  readonly account: LocalAccount;
  readonly transactor: Transactor;
};

/** A promise of pay for reads with its signature, as a provider redeems it. */
export type SignedVoucher = { readonly voucher: Voucher; readonly signer: Address; readonly signature: Hex };

/** Terms on which an order may go on. */
export type StandingTerms = {
  /** Highest price, token wei per 2^32 shard-epochs of one slot. */
  readonly maxPrice: bigint;
  /** Length of each continuation. */
  readonly epochs: number;
  /** Continuations that may follow; 0 takes the terms back. */
  readonly times: number;
};

/**
 * Lets `agent` spend up to `budget` of the account's balance until `expiresAt` (unix seconds); replaces what it had, and
 * a budget of 0 takes it back.
 * @throws AGENT_EXPIRY_PAST, CONTRACT_AgentMissing
 */
export async function approveAgent(
  { view, transactor }: AllowanceDeps,
  of: { agent: Address; budget: bigint; expiresAt: bigint },
  signal: AbortSignal,
): Promise<{ transaction: Hex }> {
  const { agent, budget, expiresAt } = of;
  const now = await view.now();
  if (budget > 0n && expiresAt <= BigInt(now)) {
    throw new MemoError(
      "AGENT_EXPIRY_PAST",
      `The agent could spend nothing: ${expiresAt} is over, chain time is ${now}.`,
      { details: { expiresAt, now } },
    );
  }
  const { hash } = await transactor.send({
    address: view.group.allowances,
    abi: allowancesAbi,
    functionName: "approveAgent",
    args: [agent, budget, expiresAt],
    signal,
  });
  return { transaction: hash };
}

/**
 * Sets on what terms an order of the account may go on without asking it again.
 * @throws ORDER_NOT_FOUND, NOT_PAYER, CONTRACT_RenewalInvalid
 */
export async function setStanding(
  { view, account, transactor }: AllowanceDeps,
  orderId: Hex,
  { maxPrice, epochs, times }: StandingTerms,
  signal: AbortSignal,
): Promise<{ transaction: Hex }> {
  const { order } = await view.order(orderId);
  if (order.payer.toLowerCase() !== account.address.toLowerCase()) {
    throw new MemoError("NOT_PAYER", `Only ${order.payer}, who pays for the order, can say how it goes on.`, {
      details: { orderId, payer: order.payer },
    });
  }
  const { hash } = await transactor.send({
    address: view.group.allowances,
    abi: allowancesAbi,
    functionName: "setRenewal",
    args: [orderId, maxPrice, epochs, times],
    signal,
  });
  return { transaction: hash };
}

/**
 * Pays vouchers to their providers: of each what its channel has not paid yet. By anybody; one that pays nothing now is
 * passed over.
 * @throws VOUCHERS_MISSING, CONTRACT_NothingRedeemed, CONTRACT_SignatureInvalid, CONTRACT_ProviderUnknown
 */
export async function redeemVouchers(
  { view, transactor }: Pick<AllowanceDeps, "view" | "transactor">,
  vouchers: readonly SignedVoucher[],
  signal: AbortSignal,
): Promise<{ transaction: Hex }> {
  if (vouchers.length === 0) throw new MemoError("VOUCHERS_MISSING", "There is no voucher to redeem.");
  const { hash } = await transactor.send({
    address: view.group.allowances,
    abi: allowancesAbi,
    functionName: "redeem",
    args: [vouchers],
    signal,
  });
  return { transaction: hash };
}

/** Signs a voucher: the latest one stands for all of its channel before it. Nothing is sent. */
export async function signVoucher(
  { account, view }: Pick<AllowanceDeps, "account" | "view">,
  voucher: Voucher,
): Promise<SignedVoucher> {
  const signature = await account.signTypedData({
    domain: allowancesDomain(view.chainId, view.group.allowances),
    types: ALLOWANCE_TYPES,
    primaryType: "Voucher",
    message: voucher,
  });
  return { voucher, signer: account.address, signature };
}
