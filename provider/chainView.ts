import { type Address, type Hex, isAddressEqual, type LocalAccount, type PublicClient } from "viem";
import { allowancesAbi } from "../protocol/abi/generated/Allowances.ts";
import { storageOrdersAbi } from "../protocol/abi/generated/StorageOrders.ts";
import { renewalKey } from "../protocol/chain/allowanceTypes.ts";
import type { DeployedGroup } from "../protocol/chain/deployment.ts";
import { epochAt, epochStart, termOf } from "../protocol/chain/epochs.ts";
import { createGroupState } from "../protocol/chain/groupState.ts";
import { type GroupState, rosterOf } from "../protocol/chain/groupTypes.ts";
import { proofSigners } from "../protocol/chain/operators.ts";
import { FULL_SHARE } from "../protocol/chain/parameters.ts";
import { ORDER_TYPES, ordersDomain } from "../protocol/order.ts";
import type { ProviderChain } from "./chain.ts";
import { heldUntil, peerOf, readReason } from "./slots.ts";
import type { ProviderStore } from "./store/store.ts";

/** The chain as the provider's parts see it, kept current by whoever follows the blocks. */
export type ChainView = ProviderChain & {
  state(): GroupState;
  update(state: GroupState): void;
  /** Epoch of the newest final block, −1 before there is one. */
  epoch(): number;
  /** The provider whose bytes are kept here, whatever key it has by now; undefined before it is registered. */
  providerId(): number | undefined;
  /** Whether this key may sign the provider's proof of an epoch. */
  signsProofs(epoch: number): boolean;
  /** Endpoints of the keepers on the roster that judges an epoch. */
  keeperEndpoints(epoch: number): string[];
  /** Whether a peer is the host of a registered keeper. */
  isKeeper(peer: string): boolean;
};

/** Reads everything from final state but for a payer's balance, which may have come just now. */
export function createChainView(options: {
  chainId: number;
  group: DeployedGroup;
  account: Pick<LocalAccount, "address">;
  publicClient: PublicClient;
  /** Remembers whose bytes are kept here. */
  identity: Pick<ProviderStore, "providerId" | "setProviderId">;
}): ChainView {
  const { chainId, group, account, publicClient } = options;
  const { parameters } = group;
  const contract = { address: group.orders, abi: storageOrdersAbi };
  let state = createGroupState({ chainId, group });
  let ownId = options.identity.providerId();
  let providersSeen: GroupState["providers"] | undefined;
  let keepersSeen: GroupState["keepers"] | undefined;
  let keeperPeers = new Set<string>();

  const isOwn = (operator: Address) => isAddressEqual(operator, account.address);
  const kept = () => (ownId === undefined ? undefined : state.providers.get(ownId));
  const self = () => {
    const info = kept();
    return info !== undefined && isOwn(info.operator) ? info : undefined;
  };
  /** Finds the provider that this key is the operator of. */
  const identify = () => {
    if (providersSeen === state.providers) return;
    providersSeen = state.providers;
    if (self() !== undefined) return;
    const found = [...state.providers.values()].find(({ operator }) => isOwn(operator));
    if (found === undefined) return;
    ownId = found.id;
    options.identity.setProviderId(found.id);
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
      return order === undefined ? 0 : heldUntil(state, ownId ?? 0, order, slot);
    },
    self() {
      const info = self();
      if (info === undefined) return undefined;
      const { id, ask, domain, exiting, stake, locked, lockedAnew, jailedUntil } = info;
      const now = epoch();
      const most = (stake * BigInt(parameters.lockShare)) / FULL_SHARE;
      return {
        id,
        ask,
        domain,
        exiting,
        lockable: most - (lockedAnew.epoch === now ? lockedAnew.amount : 0n),
        jailedUntil: jailedUntil > now ? jailedUntil : 0,
        freeStake: stake < parameters.minProviderStake ? 0n : stake - locked,
      };
    },
    operatorReplaced: () => kept() !== undefined && self() === undefined,
    providerId: () => ownId,
    signsProofs(epoch) {
      const info = kept();
      return info !== undefined && proofSigners(parameters, info, epoch).some(isOwn);
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
    hasSigned: (address, order, signature) =>
      publicClient.verifyTypedData({
        address,
        signature,
        domain: ordersDomain(chainId, group.orders),
        types: ORDER_TYPES,
        primaryType: "Order",
        message: order,
      }),
    async agentBudget(payer, agent) {
      const [{ budget, expiresAt }, { timestamp }] = await Promise.all([
        publicClient.readContract({
          address: group.allowances,
          abi: allowancesAbi,
          functionName: "agentOf",
          args: [payer, agent],
        }),
        publicClient.getBlock(),
      ]);
      return timestamp < expiresAt ? budget : 0n;
    },
    renewalOf: (payer, orderId) => state.renewals.get(renewalKey(payer, orderId)),
    state: () => state,
    update(next) {
      state = next;
      identify();
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
