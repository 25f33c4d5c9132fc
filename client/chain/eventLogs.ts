import type { PublicClient } from "viem";

/** Blocks asked for at once; nodes limit the range or the answer. */
const BLOCKS_PER_REQUEST = 50_000n;
const FEWEST_BLOCKS = 16n;

/**
 * Runs `fetch` over consecutive block ranges up to the newest block, with smaller ranges where a node refuses.
 * @returns what all ranges gave, in block order
 */
export async function inBlockRanges<Log>(
  client: Pick<PublicClient, "getBlockNumber">,
  startBlock: bigint,
  fetch: (fromBlock: bigint, toBlock: bigint) => Promise<readonly Log[]>,
): Promise<Log[]> {
  const head = await client.getBlockNumber({ cacheTime: 0 });
  const logs: Log[] = [];
  let size = BLOCKS_PER_REQUEST;
  let from = startBlock;
  while (from <= head) {
    const to = from + size - 1n < head ? from + size - 1n : head;
    try {
      logs.push(...(await fetch(from, to)));
      from = to + 1n;
    } catch (error) {
      if (to - from < FEWEST_BLOCKS) throw error;
      size = (to - from + 1n) / 4n;
    }
  }
  return logs;
}
