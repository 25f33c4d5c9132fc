import type {
  Account,
  Address,
  Chain,
  Hex,
  PublicClient,
  TransactionReceipt,
  Transport,
  WalletClient,
} from "viem";
import { MemoError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";

/** A transaction that is ready to be sent, but for nonce and fees. */
export type PreparedTransaction = {
  readonly to: Address;
  readonly data: Hex;
  readonly value: bigint;
  readonly gas: bigint;
};

type Fees = { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint };

/** A transaction that has been handed to the node, with all its replacements. */
export type Flight = { readonly nonce: number; readonly hashes: Hex[]; fees: Fees; sentAt: bigint };

/** The transactions of one account that are on their way. */
export type Flights = {
  /** Takes a nonce and hands the transaction to the node, one after the other, unless the signal aborts first. */
  launch(prepared: PreparedTransaction, signal: AbortSignal): Promise<Flight>;
  /**
   * Waits for a receipt that is deep enough, raising the fees of what is stuck; a reorganisation that takes
   * the receipt back makes it wait on.
   * @throws TRANSACTION_REPLACED; the signal's reason when it aborts
   */
  land(flight: Flight, prepared: PreparedTransaction, signal: AbortSignal): Promise<TransactionReceipt>;
  /** Forgets a transaction that nobody waits for any more. */
  release(flight: Flight): void;
  pending(): number;
};

/** Nodes refuse a replacement that does not raise both fees by a tenth. */
const BUMP_PERCENT = 125n;
/** Looks at the account's nonce before a transaction without receipt counts as replaced. */
const REPLACED_LOOKS = 10;

/** Creates the flights of an account. */
export function createFlights(options: {
  walletClient: WalletClient<Transport, Chain | undefined, Account>;
  publicClient: PublicClient;
  logger: Logger;
  confirmations: number;
  bumpAfterBlocks: number;
  pollMs: number;
  clock: Clock;
}): Flights {
  const { walletClient, publicClient, logger, clock, confirmations, bumpAfterBlocks, pollMs } = options;
  const account = walletClient.account;
  const flights = new Set<Flight>();
  let queue: Promise<unknown> = Promise.resolve();

  /** Nonces are taken and handed to the node one at a time. */
  const alone = <Result>(task: () => Promise<Result>): Promise<Result> => {
    const result = queue.then(task);
    queue = result.catch(() => undefined);
    return result;
  };

  const headNumber = () => publicClient.getBlockNumber({ cacheTime: 0 });

  const transmit = (prepared: PreparedTransaction, nonce: number, fees: Fees) =>
    walletClient.sendTransaction({ ...prepared, ...fees, nonce, account, chain: walletClient.chain });

  const launch = (prepared: PreparedTransaction, signal: AbortSignal): Promise<Flight> =>
    alone(async () => {
      signal.throwIfAborted();
      const [count, fees, sentAt] = await Promise.all([
        publicClient.getTransactionCount({ address: account.address, blockTag: "pending" }),
        publicClient.estimateFeesPerGas(),
        headNumber(),
      ]);
      const taken = new Set([...flights].map((flight) => flight.nonce));
      let nonce = count;
      while (taken.has(nonce)) nonce += 1;
      const hash = await transmit(prepared, nonce, fees);
      const flight = { nonce, hashes: [hash], fees, sentAt };
      flights.add(flight);
      return flight;
    });

  const bump = async (flight: Flight, prepared: PreparedTransaction, head: bigint) => {
    const market = await publicClient.estimateFeesPerGas();
    flight.fees = {
      maxFeePerGas: larger((flight.fees.maxFeePerGas * BUMP_PERCENT) / 100n, market.maxFeePerGas),
      maxPriorityFeePerGas: larger(
        (flight.fees.maxPriorityFeePerGas * BUMP_PERCENT) / 100n + 1n,
        market.maxPriorityFeePerGas,
      ),
    };
    flight.sentAt = head;
    const hash = await transmit(prepared, flight.nonce, flight.fees);
    if (!flight.hashes.includes(hash)) flight.hashes.push(hash);
    logger.warn({ nonce: flight.nonce, hash, fees: flight.fees }, "a transaction was stuck, raised its fees");
  };

  const receiptOf = async (flight: Flight): Promise<TransactionReceipt | undefined> => {
    for (const hash of flight.hashes) {
      const receipt = await publicClient.getTransactionReceipt({ hash }).catch((error: unknown) => {
        if (error instanceof Error && error.name === "TransactionReceiptNotFoundError") return undefined;
        throw error;
      });
      if (receipt !== undefined) return receipt;
    }
    return undefined;
  };

  /** Waits for a receipt that is deep enough; a reorg that takes it back makes it wait on. */
  const land = async (
    flight: Flight,
    prepared: PreparedTransaction,
    signal: AbortSignal,
  ): Promise<TransactionReceipt> => {
    let looks = 0;
    for (;;) {
      signal.throwIfAborted();
      try {
        const head = await headNumber();
        const receipt = await receiptOf(flight);
        if (receipt !== undefined) {
          if (head - receipt.blockNumber >= BigInt(confirmations)) return receipt;
        } else {
          const count = await publicClient.getTransactionCount({ address: account.address });
          looks = count > flight.nonce ? looks + 1 : 0;
          if (looks > REPLACED_LOOKS) throw replaced(flight);
          if (head - flight.sentAt >= BigInt(bumpAfterBlocks)) await bump(flight, prepared, head);
        }
      } catch (error) {
        if (error instanceof MemoError) throw error;
        // The transaction is on its way whatever the node says now; the next look tells.
        logger.debug({ error, nonce: flight.nonce }, "could not look after a transaction");
      }
      await clock.sleep(pollMs, signal);
    }
  };

  return {
    launch,
    land,
    release: (flight) => void flights.delete(flight),
    pending: () => flights.size,
  };
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function replaced(flight: Flight): MemoError {
  return new MemoError(
    "TRANSACTION_REPLACED",
    `Nonce ${flight.nonce} was used by another transaction of this account. Does another program use its key?`,
    { details: { nonce: flight.nonce, hashes: flight.hashes } },
  );
}
