import { type Address, isAddressEqual } from "viem";
import type { DeployedGroup } from "../protocol/chain/deployment.ts";
import { epochAt } from "../protocol/chain/epochs.ts";
import { createGroupState } from "../protocol/chain/groupState.ts";
import type { GroupState, KeeperInfo } from "../protocol/chain/groupTypes.ts";

/** The chain as the keeper's parts see it, kept current by whoever follows the blocks. */
export type ChainView = {
  state(): GroupState;
  update(state: GroupState): void;
  /** This operator's registration. */
  self(): KeeperInfo | undefined;
  /** Epoch of the newest final block, −1 before there is one. */
  epoch(): number;
  /** Endpoints of all other keepers. */
  otherKeepers(): string[];
  /** Whether a peer is the host of a registered keeper. */
  isKeeperPeer(peer: string): boolean;
};

/** Reads everything from final state. */
export function createChainView(options: {
  chainId: number;
  group: DeployedGroup;
  operator: Address;
}): ChainView {
  const { operator } = options;
  let state = createGroupState(options);
  const keepers = () => [...state.keepers.values()];
  return {
    state: () => state,
    update(next) {
      state = next;
    },
    self: () => keepers().find((keeper) => isAddressEqual(keeper.operator, operator)),
    epoch: () => (state.head === undefined ? -1 : epochAt(state.parameters, state.head.timestamp)),
    otherKeepers: () =>
      keepers()
        .filter((keeper) => !isAddressEqual(keeper.operator, operator))
        .map(({ endpoint }) => endpoint),
    isKeeperPeer: (peer) => keepers().some(({ endpoint }) => endpoint.endsWith(`/p2p/${peer}`)),
  };
}
