import { decodeEventLog } from "viem";
import { MemoError } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";
import type { BlockSource } from "./blockSource.ts";
import { type BlockStore, openBlockStore } from "./blockStore.ts";
import type { FinalBlock, GroupLog, WatchedContract } from "./groupContracts.ts";
import type { RawBlock } from "./rawBlocks.ts";

export type FollowerStatus = {
  /** Last block whose consumer has asked for the next one; −1 before the first. */
  readonly processed: number;
  /** Last block in the store; −1 when it is empty. */
  readonly stored: number;
  /** Newest block and newest final block that the node has told of; −1 before it did. */
  readonly head: number;
  readonly final: number;
  /** Final blocks that are not processed yet. */
  readonly lag: number;
  /** What the node fails with at the moment. */
  readonly error: string | undefined;
};

export type ChainFollower = {
  /**
   * Every final block from the start block on, in order, each once: first those in the store, then new
   * ones, which are stored before they are given. Ends by the signal's reason. May be called once.
   * @throws CHAIN_REORG_TOO_DEEP, CHAIN_ID_WRONG
   */
  blocks(signal: AbortSignal): AsyncGenerator<FinalBlock, never>;
  status(): FollowerStatus;
  close(): void;
};

/** Stored blocks that are read at once. */
const REPLAY_BLOCKS = 500;

/**
 * Creates the follower of one node.
 * @throws STORE_VERSION_NEWER, STORE_FOREIGN, STORE_UNUSABLE
 */
export function createChainFollower(options: {
  source: BlockSource;
  chainId: number;
  contracts: readonly WatchedContract[];
  /** First block that can hold an event. */
  startBlock: number;
  /** SQLite file, or `:memory:`. */
  store: string;
  logger: Logger;
}): ChainFollower {
  const { source, chainId, contracts, startBlock, logger } = options;
  const addresses = contracts.map((contract) => contract.address);
  const subject = [chainId, startBlock, ...addresses.map((address) => address.toLowerCase())].join(":");
  const store = openBlockStore({ path: options.store, subject });
  const decode = createDecoder(contracts, logger);
  let processed = -1;
  let started = false;

  const verifyStored = async (block: RawBlock | undefined, signal: AbortSignal) => {
    if (block === undefined) return;
    await source.waitForFinal(block.number, signal);
    const { hash } = await source.header(block.number, signal);
    if (hash !== block.hash) throw tooDeep(block, hash, options.store);
  };

  /** Stores the blocks that follow the last stored one. */
  const advance = async (signal: AbortSignal) => {
    const last = store.last();
    const from = last === undefined ? startBlock : last.number + 1;
    const final = await source.waitForFinal(from, signal);
    const blocks = await source.read(from, final, addresses, signal);
    if (last !== undefined && blocks[0]?.parentHash !== last.hash) {
      await verifyStored(last, signal);
      logger.warn({ number: from }, "the node answered from two forks, reading again");
      await source.forget(signal);
      return;
    }
    store.append(blocks);
  };

  return {
    async *blocks(signal) {
      if (started) throw new MemoError("FOLLOWER_BUSY", "A follower gives its blocks once.");
      started = true;
      const actual = await source.chainId(signal);
      if (actual !== chainId) {
        throw new MemoError(
          "CHAIN_ID_WRONG",
          `The node is on chain ${actual}, the deployment on ${chainId}.`,
          {
            details: { actual, expected: chainId },
          },
        );
      }
      // The first block tells another chain at once, without waiting for it to grow as long as the old one.
      await verifyStored(store.first(), signal);
      await verifyStored(store.last(), signal);
      for (let next = startBlock; ; ) {
        signal.throwIfAborted();
        const blocks = store.read(next, REPLAY_BLOCKS);
        if (blocks.length === 0) await advance(signal);
        for (const block of blocks) {
          yield decode(block);
          signal.throwIfAborted();
          processed = block.number;
        }
        next += blocks.length;
      }
    },
    status() {
      const { head, final, error } = source.status();
      const behind = final - Math.max(processed, startBlock - 1);
      return { processed, stored: lastNumber(store), head, final, lag: Math.max(0, behind), error };
    },
    close: () => store.close(),
  };
}

function lastNumber(store: BlockStore): number {
  return store.last()?.number ?? -1;
}

function createDecoder(contracts: readonly WatchedContract[], logger: Logger) {
  const byAddress = new Map(contracts.map((contract) => [contract.address.toLowerCase(), contract]));
  return (block: RawBlock): FinalBlock => ({
    number: block.number,
    hash: block.hash,
    parentHash: block.parentHash,
    timestamp: block.timestamp,
    prevRandao: BigInt(block.prevRandao),
    logs: block.logs.flatMap(({ address, topics, data, logIndex, transactionHash }) => {
      const contract = byAddress.get(address.toLowerCase());
      if (contract === undefined) return [];
      try {
        const event = decodeEventLog({ abi: contract.abi, topics: topics as [], data });
        const place = { contract: contract.name, address, logIndex, transactionHash };
        return [{ ...place, eventName: event.eventName, args: event.args } as unknown as GroupLog];
      } catch (error) {
        // The contracts are immutable, so this program is older than the deployment it follows.
        logger.error(
          { error, address, topics, number: block.number },
          "an event is not known, it is left out",
        );
        return [];
      }
    }),
  });
}

function tooDeep(block: RawBlock, found: string, path: string): MemoError {
  return new MemoError(
    "CHAIN_REORG_TOO_DEEP",
    `Block ${block.number} was final and has been replaced. If the node is on the right chain, stop, move ${path} away and start again.`,
    { details: { number: block.number, expected: block.hash, found } },
  );
}
