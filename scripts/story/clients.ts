import { createPublicClient, createWalletClient, http, type PublicClient } from "viem";
import { createGroupView, type GroupView } from "../../client/chain/groupView.ts";
import { type Client, createClient } from "../../client/createClient.ts";
import { createTransactor } from "../../protocol/chain/transactor.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import { embeddedAccount } from "../embedded/accounts.ts";
import type { EmbeddedNetwork } from "../embedded/network.ts";

const POLL_MS = 50;

/**
 * A client of the embedded network's user.
 * @param options.among Ids of the only providers that it knows, and so stores with.
 */
export function createUserClient(
  network: EmbeddedNetwork,
  options: { kzg?: Kzg; among?: readonly number[] } = {},
): Client {
  const { chain, deployment, group, logger } = network;
  const { kzg, among } = options;
  const account = embeddedAccount("user");
  const common = { chain: chain.walletClient.chain, transport: http(chain.url) } as const;
  const publicClient = createPublicClient({ ...common, cacheTime: 0 }) as PublicClient;
  const view = createGroupView({ client: publicClient, chainId: deployment.chainId, group });
  return createClient({
    rpcUrl: chain.url,
    deployment,
    account,
    logger,
    transactor: createTransactor({
      walletClient: createWalletClient({ ...common, account }),
      publicClient,
      confirmations: group.parameters.confirmations,
      logger,
      pollMs: POLL_MS,
    }),
    ...(kzg === undefined ? {} : { kzg }),
    ...(among === undefined ? {} : { view: knowingOnly(view, among) }),
  });
}

/** The same view of a group in which only some providers are registered. */
export function knowingOnly(view: GroupView, providers: readonly number[]): GroupView {
  return {
    ...view,
    async members() {
      const members = await view.members();
      const known = [...members.providers].filter(([id]) => providers.includes(id));
      return { ...members, providers: new Map(known) };
    },
  };
}
