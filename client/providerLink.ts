import { bytesToHex } from "viem";
import { createHost } from "../protocol/net/host.ts";
import { createRpcClient } from "../protocol/net/rpcClient.ts";
import type { RandomBytes } from "../protocol/object/envelope.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import { type KeeperMethods, keeperProtocol } from "../protocol/wire/keeper.ts";
import type { RequestOf, ResponseOf } from "../protocol/wire/protocol.ts";
import {
  type BulkMethods,
  bulkProtocol,
  type ProviderMethods,
  providerProtocol,
} from "../protocol/wire/provider.ts";

export type CallOptions = { readonly signal?: AbortSignal; readonly timeoutMs?: number };

/** How the client speaks to providers and keepers. An interface, so that tests can put a network in memory behind it. */
export type ProviderLink = {
  /** Small messages. */
  call<Name extends keyof ProviderMethods & string>(
    endpoint: string,
    method: Name,
    request: RequestOf<ProviderMethods, Name>,
    options?: CallOptions,
  ): Promise<ResponseOf<ProviderMethods, Name>>;
  /** Shards, on streams of their own. */
  bulk<Name extends keyof BulkMethods & string>(
    endpoint: string,
    method: Name,
    request: RequestOf<BulkMethods, Name>,
    options?: CallOptions,
  ): Promise<ResponseOf<BulkMethods, Name>>;
  keeper<Name extends keyof KeeperMethods & string>(
    endpoint: string,
    method: Name,
    request: RequestOf<KeeperMethods, Name>,
    options?: CallOptions,
  ): Promise<ResponseOf<KeeperMethods, Name>>;
  close(): Promise<void>;
};

/**
 * Starts a libp2p host that only dials. Its peer key is fresh: providers tie an upload to the peer that reserved it,
 * and nothing else.
 */
export async function createProviderLink(options: {
  random: RandomBytes;
  logger: Logger;
}): Promise<ProviderLink> {
  const { logger } = options;
  const host = await createHost({ seed: bytesToHex(options.random(32)), listen: [], logger });
  const small = createRpcClient({ host, protocol: providerProtocol, logger });
  const large = createRpcClient({ host, protocol: bulkProtocol, logger });
  const keepers = createRpcClient({ host, protocol: keeperProtocol, logger });
  return {
    keeper: (endpoint, method, request, callOptions) => keepers.call(endpoint, method, request, callOptions),
    call: (endpoint, method, request, callOptions) => small.call(endpoint, method, request, callOptions),
    bulk: (endpoint, method, request, callOptions) => large.call(endpoint, method, request, callOptions),
    async close() {
      small.close();
      large.close();
      keepers.close();
      await host.stop();
    },
  };
}
