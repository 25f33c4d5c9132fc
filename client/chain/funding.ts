import { type Address, formatUnits, type Hex } from "viem";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { GroupView } from "./groupView.ts";

const tokens = (amount: bigint) => `${formatUnits(amount, 18)} tokens`;

/**
 * How much of `cost` has to be moved from the wallet to the payer's balance.
 * @returns token wei, 0 when the balance suffices
 * @throws MemoError `DEPOSIT_TOO_LOW` when depositing is not allowed, `TOKEN_BALANCE_TOO_LOW` when the wallet has too
 * little, `NATIVE_BALANCE_TOO_LOW` when it cannot pay for transactions; details.missing says how much
 */
export async function requiredDeposit(
  view: Pick<GroupView, "depositOf" | "walletOf">,
  payer: Address,
  cost: bigint,
  allowed: boolean,
): Promise<bigint> {
  const [deposited, wallet] = await Promise.all([view.depositOf(payer), view.walletOf(payer)]);
  if (wallet.native === 0n) {
    throw new MemoError(
      "NATIVE_BALANCE_TOO_LOW",
      `${payer} has no native coin to pay for transactions. Send it some.`,
      {
        details: { payer, balance: 0n },
      },
    );
  }
  const missing = cost - deposited;
  if (missing <= 0n) return 0n;
  if (!allowed) {
    throw new MemoError(
      "DEPOSIT_TOO_LOW",
      `The order costs up to ${tokens(cost)}, ${tokens(deposited)} are deposited: deposit ${tokens(missing)} more.`,
      { details: { payer, cost, deposited, missing } },
    );
  }
  if (wallet.token < missing) {
    const short = missing - wallet.token;
    throw new MemoError(
      "TOKEN_BALANCE_TOO_LOW",
      `The order costs up to ${tokens(cost)}; ${tokens(deposited)} are deposited and ${tokens(wallet.token)} in the wallet: ${tokens(short)} are missing.`,
      { details: { payer, cost, deposited, wallet: wallet.token, missing: short } },
    );
  }
  return missing;
}

/** Moves token wei from the wallet into the payer's balance. @returns hash of the deposit's transaction */
export async function deposit(
  view: Pick<GroupView, "group">,
  transactor: Transactor,
  amount: bigint,
  signal: AbortSignal,
): Promise<Hex> {
  const { orders, parameters } = view.group;
  await transactor.send({
    address: parameters.token,
    abi: memoTokenAbi,
    functionName: "approve",
    args: [orders, amount],
    signal,
  });
  const sent = await transactor.send({
    address: orders,
    abi: storageOrdersAbi,
    functionName: "deposit",
    args: [amount],
    signal,
  });
  return sent.hash;
}
