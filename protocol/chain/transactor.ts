import type {
  Abi,
  Account,
  Address,
  Chain,
  ContractFunctionArgs,
  ContractFunctionName,
  Hex,
  PublicClient,
  TransactionReceipt,
  Transport,
  WalletClient,
} from "viem";
import { encodeFunctionData } from "viem";
import { MemoError } from "../errors.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { contractError } from "./contractErrors.ts";
import { createFlights, type PreparedTransaction } from "./flights.ts";

/** A state-changing call of a contract. */
export type ContractCall<
  ContractAbi extends Abi,
  Name extends ContractFunctionName<ContractAbi, "nonpayable" | "payable">,
> = {
  address: Address;
  abi: ContractAbi;
  functionName: Name;
  args: ContractFunctionArgs<ContractAbi, "nonpayable" | "payable", Name>;
  /** Native coin to send, wei. */
  value?: bigint | undefined;
  /** Gas limit; estimated when absent. */
  gas?: bigint | undefined;
  /** Ends the waiting; what was sent may still be mined. */
  signal?: AbortSignal | undefined;
};

export type Sent = {
  readonly hash: Hex;
  readonly blockNumber: bigint;
  readonly gasUsed: bigint;
  readonly receipt: TransactionReceipt;
  readonly logs: TransactionReceipt["logs"];
};

export type Transactor = {
  readonly address: Address;
  /**
   * Simulates a call, sends it and waits until it is mined and `confirmations` deep.
   * @throws CONTRACT_<ErrorName> (details.args), CONTRACT_REVERTED, FUNDS_INSUFFICIENT, TRANSACTION_REJECTED,
   * CHAIN_UNAVAILABLE,
   * TRANSACTION_REPLACED, TRANSACTOR_CLOSED; the signal's reason when it aborts
   */
  send<
    const ContractAbi extends Abi,
    Name extends ContractFunctionName<ContractAbi, "nonpayable" | "payable">,
  >(call: ContractCall<ContractAbi, Name>): Promise<Sent>;
  /** Transactions that are sent and not mined yet. */
  pending(): number;
  /** Ends all waiting; nothing more is sent. */
  close(): void;
};

/** What estimates may miss: the state changes until the transaction is mined. */
const GAS_MARGIN_PERCENT = 130n;
/**
 * Sends the transactions of one account: one nonce after the other, waiting by blocks, never by the clock,
 * so that a chain that is mined by hand or stands still makes no errors.
 */
export function createTransactor(options: {
  walletClient: WalletClient<Transport, Chain | undefined, Account>;
  publicClient: PublicClient;
  logger: Logger;
  /** Blocks on top of the one that holds the transaction. */
  confirmations?: number;
  /** Blocks without receipt after which the fees are raised. */
  bumpAfterBlocks?: number;
  pollMs?: number;
  clock?: Clock;
  metrics?: Metrics;
}): Transactor {
  const { walletClient, publicClient, logger, clock = systemClock } = options;
  const { confirmations = 0, bumpAfterBlocks = 10, pollMs = 200 } = options;
  const account = walletClient.account;
  const life = new AbortController();
  const flights = createFlights({
    walletClient,
    publicClient,
    logger,
    confirmations,
    bumpAfterBlocks,
    pollMs,
    clock,
  });
  const outcomes = options.metrics?.counter({
    name: "transactions_total",
    help: "Transactions by function and outcome: ok or the error's code.",
    labels: ["function", "outcome"],
  });
  const prepare = async (call: LooseCall): Promise<PreparedTransaction> => {
    const { address, abi, functionName, args, value } = call;
    const contract = { address, abi, functionName, args, account, ...(value === undefined ? {} : { value }) };
    await publicClient.simulateContract(contract);
    const gas = call.gas ?? ((await publicClient.estimateContractGas(contract)) * GAS_MARGIN_PERCENT) / 100n;
    return { to: address, data: encodeFunctionData({ abi, functionName, args }), value: value ?? 0n, gas };
  };

  const run = async (call: LooseCall): Promise<Sent> => {
    const signal = call.signal === undefined ? life.signal : AbortSignal.any([call.signal, life.signal]);
    signal.throwIfAborted();
    const prepared = await prepare(call);
    const flight = await flights.launch(prepared, signal);
    logger.debug({ function: call.functionName, hash: flight.hashes[0], nonce: flight.nonce }, "sent");
    try {
      const receipt = await flights.land(flight, prepared, signal);
      if (receipt.status === "reverted") throw await lateRevert(call, receipt);
      const { transactionHash: hash, blockNumber, gasUsed, logs } = receipt;
      return { hash, blockNumber, gasUsed, receipt, logs };
    } finally {
      flights.release(flight);
    }
  };

  /** The call passed when simulated and failed when mined: asks once more why. */
  const lateRevert = async (call: LooseCall, receipt: TransactionReceipt): Promise<MemoError> => {
    const { address, abi, functionName, args, value } = call;
    try {
      await publicClient.simulateContract({
        address,
        abi,
        functionName,
        args,
        account,
        blockNumber: receipt.blockNumber,
        ...(value === undefined ? {} : { value }),
      });
    } catch (error) {
      const known = contractError(error, functionName);
      if (known.code.startsWith("CONTRACT_")) return known;
    }
    return new MemoError(
      "CONTRACT_REVERTED",
      `${functionName} was refused when it was mined, for no reason that can be told.`,
      {
        details: { functionName, hash: receipt.transactionHash },
      },
    );
  };

  return {
    address: account.address,
    async send(call) {
      const loose: LooseCall = { ...call, args: call.args as readonly unknown[] };
      let outcome = "ok";
      try {
        return await run(loose);
      } catch (error) {
        const aborted = loose.signal?.aborted ? loose.signal : life.signal.aborted ? life.signal : undefined;
        if (aborted !== undefined) {
          outcome = "ABORTED";
          throw aborted.reason;
        }
        const known = contractError(error, loose.functionName);
        outcome = known.code;
        throw known;
      } finally {
        outcomes?.inc({ function: loose.functionName, outcome });
      }
    },
    pending: flights.pending,
    close() {
      life.abort(new MemoError("TRANSACTOR_CLOSED", "The sender of transactions was closed."));
    },
  };
}

/** The same call once its types have been checked. */
type LooseCall = {
  address: Address;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
  value?: bigint | undefined;
  gas?: bigint | undefined;
  signal?: AbortSignal | undefined;
};
