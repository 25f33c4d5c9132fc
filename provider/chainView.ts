import type { Hex, LocalAccount, PublicClient } from "viem";
import { storageOrdersAbi } from "../protocol/abi/generated/StorageOrders.ts";
import type { DeployedGroup } from "../protocol/chain/deployment.ts";
import { epochAt, epochStart, termOf } from "../protocol/chain/epochs.ts";
import { createGroupState } from "../protocol/chain/groupState.ts";
import { type GroupState, rosterOf } from "../protocol/chain/groupTypes.ts";
import type { ProviderChain } from "./chain.ts";
import { heldUntil, peerOf, readReason } from "./slots.ts";

/** The chain as the provider's parts see it, kept current by whoever follows the blocks. */
export type ChainView = ProviderChain & {
  state(): GroupState;
  update(state: GroupState): void;
  /** Epoch of the newest final block, −1 before there is one. */
  epoch(): number;
  /** Endpoints of the keepers on the roster that judges an epoch. */
  keeperEndpoints(epoch: number): string[];
  /** Whether a peer is the host of a registered keeper. */
  isKeeper(peer: string): boolean;
};

/** Reads everything from final state but for a payer's balance, which may have come just now. */
export function createChainView(options: {
  chainId: number;
  group: DeployedGroup;
  account: LocalAccount;
  publicClient: PublicClient;
}): ChainView {
  const { chainId, group, account, publicClient } = options;
  const { parameters } = group;
  const contract = { address: group.orders, abi: storageOrdersAbi };
  const operator = account.address.toLowerCase();
  let state = createGroupState({ chainId, group });
  let ownId: number | undefined;
  let keepersSeen: GroupState["keepers"] | undefined;
  let keeperPeers = new Set<string>();

  const self = () => {
    if (ownId === undefined) {
      for (const info of state.providers.values()) {
        if (info.operator.toLowerCase() === operator) ownId = info.id;
      }
    }
    return ownId === undefined ? undefined : state.providers.get(ownId);
  };

  const epoch = () => (state.head === undefined ? -1 : epochAt(parameters, state.head.timestamp));

  return {
    chainId,
    group: group.settlement,
    storageOrders: group.orders,
    now: () => state.head?.timestamp ?? 0,
    epochStart: (epoch) => epochStart(parameters, epoch),
    minPrice: () => parameters.minPrice,
    heldUntil(id, slot) {
      const order = state.orders.get(id);
      return order === undefined ? 0 : heldUntil(state, self()?.id ?? 0, order, slot);
    },
    self() {
      const info = self();
      if (info === undefined) return undefined;
      const { id, ask, domain, exiting, stake, locked } = info;
      return {
        id,
        ask,
        domain,
        exiting,
        freeStake: stake < parameters.minProviderStake ? 0n : stake - locked,
      };
    },
    collateral: (shards) => parameters.collateralPerShard * BigInt(shards),
    readReason: (peer, orderId) => readReason(state, peer, orderId, epoch()),
    order: (id: Hex) => state.orders.get(id),
    freeBalance: (payer) =>
      publicClient.readContract({ ...contract, functionName: "balanceOf", args: [payer] }),
    async cost(order) {
      const { total } = await publicClient.readContract({ ...contract, functionName: "cost", args: [order] });
      return total;
    },
    state: () => state,
    update(next) {
      state = next;
    },
    epoch,
    keeperEndpoints(epoch) {
      const roster = rosterOf(state, termOf(parameters, epoch));
      return (roster?.keeperIds ?? []).flatMap((id) => state.keepers.get(id)?.endpoint ?? []);
    },
    isKeeper(peer) {
      if (keepersSeen !== state.keepers) {
        keepersSeen = state.keepers;
        keeperPeers = new Set([...state.keepers.values()].flatMap(({ endpoint }) => peerOf(endpoint) ?? []));
      }
      return keeperPeers.has(peer);
    },
  };
}
