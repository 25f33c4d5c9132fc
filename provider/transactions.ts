import type { Abi, Account, Chain, ContractFunctionName, PublicClient, Transport, WalletClient } from "viem";
import { type ContractCall, createTransactor } from "../protocol/chain/transactor.ts";
import { MemoError } from "../protocol/errors.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { Metrics } from "../protocol/runtime/metrics.ts";

/** Blocks for which transactions of an earlier run are waited for. */
const PATIENCE_BLOCKS = 20n;

/** The operator's transactions. */
export type Transactions = {
  /**
   * Sends a call and waits until it is mined.
   * @throws EARLIER_TRANSACTIONS (retryable), and what the transactor's `send` throws
   */
  send<
    const ContractAbi extends Abi,
    Name extends ContractFunctionName<ContractAbi, "nonpayable" | "payable">,
  >(call: ContractCall<ContractAbi, Name>): Promise<{ minedAt: number }>;
  /** Transactions that wait for a block. */
  pending(): number;
  close(): void;
};

/**
 * Creates the sender of an operator's transactions. What a run that was killed had sent may still be on its way: until
 * that is mined nothing is sent, so that nothing is done twice.
 */
export function createTransactions(options: {
  walletClient: WalletClient<Transport, Chain | undefined, Account>;
  publicClient: PublicClient;
  pollMs: number;
  logger: Logger;
  metrics: Metrics;
}): Transactions {
  const { walletClient, publicClient } = options;
  const { address } = walletClient.account;
  const transactor = createTransactor(options);
  let clear = false;
  let waitingSince: bigint | undefined;

  const assertClear = async (): Promise<void> => {
    if (clear) return;
    const [mined, sent, head] = await Promise.all([
      publicClient.getTransactionCount({ address, blockTag: "latest" }),
      publicClient.getTransactionCount({ address, blockTag: "pending" }),
      publicClient.getBlockNumber({ cacheTime: 0 }),
    ]);
    waitingSince ??= head;
    if (sent <= mined || head - waitingSince >= PATIENCE_BLOCKS) {
      clear = true;
      return;
    }
    throw new MemoError(
      "EARLIER_TRANSACTIONS",
      `${sent - mined} transactions that were sent before the restart are not mined yet.`,
      { details: { mined, sent }, retryable: true },
    );
  };

  return {
    async send(call) {
      await assertClear();
      const { blockNumber } = await transactor.send(call);
      return { minedAt: Number(blockNumber) };
    },
    pending: transactor.pending,
    close: transactor.close,
  };
}
