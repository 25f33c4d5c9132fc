import { type Address, isAddressEqual } from "viem";
import type { DeployedGroup } from "../protocol/chain/deployment.ts";
import { epochAt, termOf } from "../protocol/chain/epochs.ts";
import { createGroupState } from "../protocol/chain/groupState.ts";
import { type GroupState, type KeeperInfo, rosterOf } from "../protocol/chain/groupTypes.ts";

/** The chain as the keeper's parts see it, kept current by whoever follows the blocks. */
export type ChainView = {
  state(): GroupState;
  update(state: GroupState): void;
  /** This operator's registration; undefined when there is none, and when the key was replaced. */
  self(): KeeperInfo | undefined;
  /** Whether this key was a keeper's operator and has no vote left: rosters keep the keys that they were written with. */
  operatorReplaced(): boolean;
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
  let ownId: number | undefined;
  const keepers = () => [...state.keepers.values()];
  const isOwn = (other: Address) => isAddressEqual(other, operator);
  const self = () => keepers().find((keeper) => isOwn(keeper.operator));
  const epoch = () => (state.head === undefined ? -1 : epochAt(state.parameters, state.head.timestamp));
  const hasVote = () => {
    const term = rosterOf(state, termOf(state.parameters, Math.max(0, epoch())))?.term ?? 0;
    return [...state.rosters.values()].some((roster) => roster.term >= term && roster.operators.some(isOwn));
  };
  return {
    state: () => state,
    update(next) {
      state = next;
      ownId = self()?.id ?? ownId;
    },
    self,
    operatorReplaced: () => ownId !== undefined && self() === undefined && !hasVote(),
    epoch,
    otherKeepers: () =>
      keepers()
        .filter(({ id }) => id !== ownId)
        .map(({ endpoint }) => endpoint),
    isKeeperPeer: (peer) => keepers().some(({ endpoint }) => endpoint.endsWith(`/p2p/${peer}`)),
  };
}
