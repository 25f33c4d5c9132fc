import { randomBytes } from "node:crypto";
import { createPublicClient, http, type PublicClient } from "viem";
import { createGroupView } from "../../../client/chain/groupView.ts";
import { createProviderLink } from "../../../client/providerLink.ts";
import { createCapabilities } from "../../../client/read/capability.ts";
import { type OrderTree, orderTree } from "../../../protocol/merkle/slotRoot.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { embeddedAccount } from "../../embedded/accounts.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";

/** Asks single providers for single pieces of an order, as its owner may. */
export interface OrderLink {
  shard(order: Order, slot: number, stripe: number): Promise<Uint8Array>;
  /** All commitments of an order as one of its holders keeps them, by slot, and their trees. */
  commitments(order: Order, holder: number): Promise<{ slots: Uint8Array[]; tree: OrderTree }>;
  close(): Promise<void>;
}

/** Speaks to the providers that held the slots when the order opened. */
export async function createOrderLink(network: EmbeddedNetwork): Promise<OrderLink> {
  const { chain, deployment, group, logger, members } = network;
  const client = createPublicClient({ transport: http(chain.url), cacheTime: 0 }) as PublicClient;
  const view = createGroupView({ client, chainId: deployment.chainId, group });
  const capabilityFor = createCapabilities({ account: embeddedAccount("user"), view, clock: systemClock });
  const random = (length: number) => new Uint8Array(randomBytes(length));
  const link = await createProviderLink({ random, logger });
  const endpointOf = (provider: number) =>
    members.providers.find(({ id }) => id === provider)?.endpoint ?? "";
  return {
    async shard(order, slot, stripe) {
      const id = orderId(order);
      const request = { orderId: id, slot, stripe, capability: await capabilityFor(id) };
      const endpoint = endpointOf(order.providers[slot] ?? 0);
      return (await link.bulk(endpoint, "getShard", request)).bytes;
    },
    async commitments(order, holder) {
      const id = orderId(order);
      const capability = await capabilityFor(id);
      const slots = await Promise.all(
        order.providers.map(async (_, slot) => {
          const request = { orderId: id, slot, from: 0, count: order.stripes, capability };
          return (await link.call(endpointOf(holder), "getCommitments", request)).commitments;
        }),
      );
      return { slots, tree: orderTree(slots) };
    },
    close: () => link.close(),
  };
}
