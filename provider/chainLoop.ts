import type { BlockSource } from "../protocol/chain/blockSource.ts";
import type { ChainFollower } from "../protocol/chain/follower.ts";
import { applyBlock } from "../protocol/chain/groupState.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { ChainDuties } from "./chainDuties.ts";
import type { ChainView } from "./chainView.ts";
import type { RepairWorker } from "./repair/worker.ts";
import type { ProviderStore } from "./store/store.ts";
import { sweepStore } from "./store/sweep.ts";

/**
 * Takes in final blocks one by one.
 * @throws the signal's reason when it aborts, CHAIN_REORG_TOO_DEEP, CHAIN_ID_WRONG
 */
export async function followChain(deps: {
  follower: ChainFollower;
  source: BlockSource;
  view: ChainView;
  store: ProviderStore;
  duties: ChainDuties;
  repairs: Pick<RepairWorker, "sync">;
  /** Starts what final state asks for besides challenges. */
  act(): void;
  signal: AbortSignal;
  logger: Logger;
  onProcessed(block: number, current: boolean): void;
}): Promise<void> {
  const { view, store, duties, logger } = deps;
  let sweptEpoch: number | undefined;
  for await (const block of deps.follower.blocks(deps.signal)) {
    const { state, milestones } = applyBlock(view.state(), block);
    view.update(state);
    duties.apply(milestones);
    // While old blocks are replayed nothing is done about them: challenges of the past are over.
    const current = block.number >= deps.source.status().final;
    if (current) {
      // With a key that is not (or no longer) the operator's nothing is given up: what is here may be needed under another one.
      if (view.self() !== undefined) {
        await deps.repairs.sync();
        const removed = await sweepStore({ store, chain: view, all: sweptEpoch !== view.epoch() });
        sweptEpoch = view.epoch();
        if (removed.orders + removed.uploads > 0) logger.info(removed, "removed what is over");
      }
      duties.run();
      deps.act();
    }
    deps.onProcessed(block.number, current);
  }
}
