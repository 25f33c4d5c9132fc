import type { Address, Hex, PublicClient } from "viem";
import { MemoError } from "../errors.ts";

/** An event as the node gave it; decoded by who knows the contract. */
export type RawLog = {
  readonly address: Address;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  readonly logIndex: number;
  readonly transactionHash: Hex;
};

/** A block with the events of the watched contracts, as it is stored. */
export type RawBlock = {
  readonly number: number;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly timestamp: number;
  readonly prevRandao: Hex;
  readonly logs: readonly RawLog[];
};

/** Headers that are asked for at once. */
const HEADERS_AT_ONCE = 16;

/**
 * Reads blocks `from` to `to` (inclusive) with the events of `addresses`.
 * @throws PAGE_TORN (retryable) when the answers belong to different forks
 */
export async function readBlocks(
  client: PublicClient,
  from: number,
  to: number,
  addresses: readonly Address[],
): Promise<RawBlock[]> {
  const headers: Omit<RawBlock, "logs">[] = [];
  for (let first = from; first <= to; first += HEADERS_AT_ONCE) {
    const count = Math.min(HEADERS_AT_ONCE, to - first + 1);
    const numbers = Array.from({ length: count }, (_, index) => first + index);
    headers.push(...(await Promise.all(numbers.map((number) => readHeader(client, number)))));
  }
  for (const [index, header] of headers.entries()) {
    if (index > 0 && header.parentHash !== headers[index - 1]!.hash) throw torn(header.number);
  }
  const address = [...addresses];
  // By hash where possible: then header and events cannot be of different forks.
  const logs = await (from === to
    ? client.getLogs({ address, blockHash: headers[0]!.hash })
    : client.getLogs({ address, fromBlock: BigInt(from), toBlock: BigInt(to) }));
  const byBlock = Map.groupBy(logs, (log) => Number(log.blockNumber));
  return headers.map((header) => {
    const own = byBlock.get(header.number) ?? [];
    if (own.some((log) => log.blockHash !== header.hash)) throw torn(header.number);
    return {
      ...header,
      logs: own
        .map(({ address: emitter, topics, data, logIndex, transactionHash }) => ({
          address: emitter,
          topics,
          data,
          logIndex,
          transactionHash,
        }))
        .sort((a, b) => a.logIndex - b.logIndex),
    };
  });
}

/** Reads the header of a block. */
export async function readHeader(client: PublicClient, number: number): Promise<Omit<RawBlock, "logs">> {
  const block = await client.getBlock({ blockNumber: BigInt(number), includeTransactions: false });
  return {
    number,
    hash: block.hash,
    parentHash: block.parentHash,
    timestamp: Number(block.timestamp),
    prevRandao: block.mixHash,
  };
}

function torn(number: number): MemoError {
  return new MemoError("PAGE_TORN", `The node answered about block ${number} from two forks.`, {
    details: { number },
    retryable: true,
  });
}
