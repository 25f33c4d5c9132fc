import type { BlockSource } from "../protocol/chain/blockSource.ts";
import type { ChainFollower } from "../protocol/chain/follower.ts";
import { applyBlock } from "../protocol/chain/groupState.ts";
import type { ChainView } from "./chainView.ts";
import type { Epochs } from "./epochs.ts";
import type { Submitter } from "./submit/submitter.ts";

/**
 * Takes in final blocks one by one.
 * @throws the signal's reason when it aborts, CHAIN_REORG_TOO_DEEP, CHAIN_ID_WRONG
 */
export async function followChain(deps: {
  follower: ChainFollower;
  source: BlockSource;
  view: ChainView;
  epochs: Epochs;
  submitter: Submitter;
  connect(endpoints: readonly string[]): void;
  signal: AbortSignal;
  onProcessed(block: number, live: boolean): void;
}): Promise<void> {
  const { view, epochs, submitter } = deps;
  for await (const block of deps.follower.blocks(deps.signal)) {
    const { state, milestones } = applyBlock(view.state(), block);
    view.update(state);
    // While old blocks are replayed nothing is done about them.
    const live = block.number >= deps.source.status().final;
    epochs.apply(milestones, live);
    if (live) {
      deps.connect(view.otherKeepers());
      submitter.tick(block.number);
    }
    deps.onProcessed(block.number, live);
  }
}
