import type { GroupState } from "../../protocol/chain/groupTypes.ts";
import type { Openings } from "../../protocol/challenge/openings.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { RpcClient } from "../../protocol/net/rpcClient.ts";
import type { KeeperMethods } from "../../protocol/wire/keeper.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { PullOpenings } from "./openings.ts";

/** Pages kept for other keepers. */
const PAGES_KEPT = 512;
const PULL_MS = 10_000;

/** Where openings come from: the provider first, then other keepers. */
export type OpeningsPuller = {
  readonly sources: readonly PullOpenings[];
  /** A page for another keeper, as the provider gave it to this one. */
  serve(request: { epoch: number; provider: number; from: number; count: number }): Promise<Openings>;
};

/** Creates the puller. */
export function createOpeningsPuller(options: {
  state: () => GroupState;
  providers: RpcClient<ProviderMethods>;
  keepers: RpcClient<KeeperMethods>;
  /** Endpoints of the other keepers. */
  peers: () => readonly string[];
  signal: AbortSignal;
}): OpeningsPuller {
  const pages = new Map<string, Openings>();
  const keyOf = (request: { epoch: number; provider: number; from: number; count: number }) =>
    [request.epoch, request.provider, request.from, request.count].join("/");

  const fromProvider: PullOpenings = async ({ epoch, provider, from, count, signal }) => {
    const endpoint = options.state().providers.get(provider)?.endpoint;
    if (endpoint === undefined) {
      throw new MemoError("PROVIDER_UNKNOWN", `Provider ${provider} is not registered.`);
    }
    const page = await options.providers.call(
      endpoint,
      "getOpenings",
      { epoch, from, count },
      { signal, timeoutMs: PULL_MS },
    );
    if (pages.size >= PAGES_KEPT) pages.delete(pages.keys().next().value!);
    pages.set(keyOf({ epoch, provider, from, count }), page);
    return page;
  };

  const fromKeepers: PullOpenings = async ({ signal, ...request }) => {
    const pulls = options
      .peers()
      .map((endpoint) =>
        options.keepers.call(endpoint, "getOpenings", request, { signal, timeoutMs: PULL_MS }),
      );
    return Promise.any(pulls);
  };

  return {
    sources: [fromProvider, fromKeepers],
    serve: async (request) =>
      pages.get(keyOf(request)) ?? (await fromProvider({ ...request, signal: options.signal })),
  };
}
