import {
  type Abi,
  type Account,
  type Address,
  encodeFunctionData,
  type Hex,
  type PublicClient,
  type TransactionReceipt,
  type WalletClient,
} from "viem";
import { contractError } from "../../protocol/chain/contractErrors.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Conductor } from "./conductor.ts";

/** Well above what nearly any of these calls uses, so that nothing has to be estimated before it is possible. */
const GAS = 1_000_000n;

/** Who sends, and who mines what was sent. */
export interface Sender {
  publicClient: PublicClient;
  walletClient: WalletClient;
  conductor: Conductor;
}

/** A transaction to be sent. */
export interface Call {
  account: Account;
  address: Address;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
  /** Native wei. */
  value?: bigint;
  /** Gas limit, where a million is not enough. */
  gas?: bigint;
}

/**
 * Sends all calls, in this order and into one block, and waits until they are mined.
 * @throws CALL_REFUSED naming the first call that reverted
 */
export async function sendAll(sender: Sender, calls: readonly Call[]): Promise<TransactionReceipt[]> {
  const receipts = await mineAll(sender, calls);
  const failed = receipts.findIndex(({ status }) => status !== "success");
  const call = calls[failed];
  const receipt = receipts[failed];
  if (call === undefined || receipt === undefined) return receipts;
  const { functionName } = call;
  const reason = await refusalOf(sender, call, receipt.blockNumber - 1n);
  throw new MemoError(
    "CALL_REFUSED",
    `${functionName} of ${call.account.address} was refused by the contract (${reason ?? "out of gas?"}).`,
    { details: { functionName, reason } },
  );
}

/**
 * Sends a call that the contract has to refuse, so that the refusal stands on chain.
 * @returns name of the error it was refused with
 * @throws CALL_ACCEPTED when it was not refused
 */
export async function sendRefused(sender: Sender, call: Call): Promise<string> {
  const reason = await refusalOf(sender, call);
  const [receipt] = await mineAll(sender, [call]);
  if (reason !== undefined && receipt?.status === "reverted") return reason;
  throw new MemoError("CALL_ACCEPTED", `${call.functionName} was accepted, which it must not be.`);
}

/** Why the contract would refuse the call, or undefined when it would not. */
async function refusalOf(sender: Sender, call: Call, blockNumber?: bigint): Promise<string | undefined> {
  try {
    await sender.publicClient.simulateContract({
      ...call,
      ...(blockNumber === undefined ? {} : { blockNumber }),
    });
    return undefined;
  } catch (error) {
    return contractError(error, call.functionName).code;
  }
}

async function mineAll(
  { publicClient, walletClient, conductor }: Sender,
  calls: readonly Call[],
): Promise<TransactionReceipt[]> {
  const { maxFeePerGas, maxPriorityFeePerGas } = await publicClient.estimateFeesPerGas();
  const fees = { maxFeePerGas: maxFeePerGas * 2n, maxPriorityFeePerGas };
  const hashes = await conductor.hold(async () => {
    const nonces = new Map<Address, number>();
    const sent: Hex[] = [];
    // One after the other: ids are given in the order in which the chain takes the transactions.
    for (const { account, address: to, abi, functionName, args, value, gas = GAS } of calls) {
      const { address } = account;
      const nonce = nonces.get(address) ?? (await publicClient.getTransactionCount({ address }));
      nonces.set(address, nonce + 1);
      const data = encodeFunctionData({ abi, functionName, args });
      const { chain } = walletClient;
      const paid = value === undefined ? {} : { value };
      sent.push(
        await walletClient.sendTransaction({ account, chain, to, data, gas, nonce, ...fees, ...paid }),
      );
    }
    return sent;
  });
  return Promise.all(hashes.map((hash) => publicClient.waitForTransactionReceipt({ hash })));
}
