import { embeddedAccount } from "../../embedded/accounts.ts";
import { sendAll } from "../../embedded/calls.ts";
import { ASK, domainOf } from "../../embedded/members.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import { senderOf, targetsOf } from "./play.ts";

/**
 * Takes providers off the list of those that repair. Whoever holds nothing any more misses nothing, so after a while
 * keepers would offer slots to the dead too; such offers expire and pass on, which only takes time.
 */
export async function optOutOfRepairs(network: EmbeddedNetwork, providers: readonly number[]): Promise<void> {
  const endpointOf = (provider: number) =>
    network.members.providers.find(({ id }) => id === provider)?.endpoint ?? "";
  await sendAll(
    senderOf(network),
    providers.map((provider) => ({
      ...targetsOf(network).staking,
      account: embeddedAccount("provider owner", provider),
      functionName: "updateProvider",
      args: [provider, endpointOf(provider), domainOf(provider), ASK, false],
    })),
  );
}
