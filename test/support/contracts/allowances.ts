import { type Abi, type Hex, parseEventLogs, type TransactionReceipt } from "viem";
import type { LocalAccount } from "viem/accounts";
import { allowancesAbi } from "../../../protocol/abi/generated/Allowances.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { ALLOWANCE_TYPES, allowancesDomain, type Voucher } from "../../../protocol/allowance.ts";
import type { Group } from "./group.ts";

const EVENTS = [...allowancesAbi, ...stakingAbi, ...storageOrdersAbi].filter(
  ({ type }) => type === "event",
) as unknown as Abi;

/** Events of payers' allowances, stake and orders in a transaction, as [name, arguments in their order]. */
export function eventsIn(receipt: TransactionReceipt, ...names: readonly string[]): unknown[][] {
  return parseEventLogs({ abi: EVENTS, logs: receipt.logs })
    .map((log) => log as unknown as { eventName: string; args: Record<string, unknown> })
    .filter(({ eventName }) => names.length === 0 || names.includes(eventName))
    .map(({ eventName, args }) => {
      const event = EVENTS.find((item) => item.type === "event" && item.name === eventName);
      const inputs = event?.type === "event" ? event.inputs : [];
      return [eventName, ...inputs.map(({ name }) => args[name!])];
    });
}

/** Signs as `Allowances` of the group verifies it. */
export async function signAllowance(
  group: Pick<Group, "chain" | "allowances">,
  primaryType: keyof typeof ALLOWANCE_TYPES,
  message: object,
  account: LocalAccount,
): Promise<Hex> {
  const domain = allowancesDomain(group.chain.chainId, group.allowances);
  return await account.signTypedData({ domain, types: ALLOWANCE_TYPES, primaryType, message } as never);
}

/** A voucher as `redeem` takes it. */
export async function signedVoucher(
  group: Pick<Group, "chain" | "allowances">,
  voucher: Voucher,
  account: LocalAccount,
) {
  return {
    voucher,
    signer: account.address,
    signature: await signAllowance(group, "Voucher", voucher, account),
  };
}
