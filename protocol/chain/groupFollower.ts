import type { PublicClient } from "viem";
import type { Logger } from "../runtime/logger.ts";
import { type BlockSource, createBlockSource } from "./blockSource.ts";
import type { DeployedGroup } from "./deployment.ts";
import { type ChainFollower, createChainFollower } from "./follower.ts";
import { groupContracts } from "./groupContracts.ts";

/**
 * Follows the final blocks of a group. Both parts are closed with `parts`, but for a source that was given:
 * that one is for all nodes of the process.
 * @throws what opening the store of blocks throws
 */
export function openGroupFollower(options: {
  client: PublicClient;
  chainId: number;
  group: DeployedGroup;
  source: BlockSource | undefined;
  /** Milliseconds between questions for new blocks, of a source of its own. */
  pollMs: number;
  /** Path of the store of blocks. */
  store: string;
  parts: AsyncDisposableStack;
  logger: Logger;
}): { source: BlockSource; follower: ChainFollower } {
  const { group, logger, parts } = options;
  const source =
    options.source ??
    parts.adopt(
      createBlockSource({
        client: options.client,
        confirmations: group.parameters.confirmations,
        pollMs: options.pollMs,
        logger,
      }),
      (own) => own.close(),
    );
  const follower = parts.adopt(
    createChainFollower({
      source,
      chainId: options.chainId,
      contracts: groupContracts(group),
      startBlock: group.startBlock,
      store: options.store,
      logger,
    }),
    (own) => own.close(),
  );
  return { source, follower };
}
