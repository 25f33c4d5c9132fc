import type { Address, Hex } from "viem";
import { MemoError } from "../protocol/errors.ts";
import { createGossip, type Gossip, type GossipVerdict } from "../protocol/net/gossip.ts";
import { createHost, type Host } from "../protocol/net/host.ts";
import { createRpcClient, type RpcClient } from "../protocol/net/rpcClient.ts";
import { createRpcServer, type RpcHandlers } from "../protocol/net/rpcServer.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { Metrics } from "../protocol/runtime/metrics.ts";
import { type KeeperMethods, keeperProtocol } from "../protocol/wire/keeper.ts";
import { decodeProofMessage, type ProofMessage } from "../protocol/wire/proofMessage.ts";
import {
  type BulkMethods,
  bulkProtocol,
  type ProviderMethods,
  providerProtocol,
} from "../protocol/wire/provider.ts";
import { PROOF_TOPIC_BYTES, topicsOf, VOTE_TOPIC_BYTES } from "../protocol/wire/topics.ts";

/** The keeper's side of the peer-to-peer network. */
export type KeeperNetwork = {
  readonly host: Host;
  readonly gossip: Gossip;
  readonly votesTopic: string;
  readonly keepers: RpcClient<KeeperMethods>;
  readonly providers: RpcClient<ProviderMethods>;
  /** Whole shards of providers. */
  readonly bulk: RpcClient<BulkMethods>;
  serve(handlers: RpcHandlers<KeeperMethods>): Promise<void>;
  /** Sees to it that there is a connection to each endpoint, for gossip. */
  connect(endpoints: readonly string[]): void;
  stop(): Promise<void>;
};

/**
 * Starts the host and joins the group's topics.
 * @throws LISTEN_FAILED, PEER_SEED_INVALID
 */
export async function startKeeperNetwork(options: {
  seed: Hex;
  listen: string;
  announce?: string;
  chainId: number;
  group: Address;
  onProof: (message: ProofMessage) => Promise<void>;
  onVote: (bytes: Uint8Array) => Promise<void>;
  logger: Logger;
  metrics: Metrics;
}): Promise<KeeperNetwork> {
  const { logger, metrics } = options;
  await using cleanup = new AsyncDisposableStack();
  const { proofs, votes } = topicsOf(options.chainId, options.group);
  const host = await createHost({
    seed: options.seed,
    listen: [options.listen],
    topics: [proofs, votes],
    ...(options.announce === undefined ? {} : { announce: [options.announce] }),
    logger,
  });
  cleanup.defer(() => host.stop());
  const refused = (what: string) => (error: unknown) => {
    const code = error instanceof MemoError ? error.code : "UNEXPECTED";
    logger.debug({ what, code, error }, "a gossiped message was not taken");
  };
  const gossip = createGossip({
    host,
    topics: {
      // Whether a proof holds takes openings and time; it is forwarded when it is well-formed.
      [proofs]: { maxBytes: PROOF_TOPIC_BYTES, validate: (data) => judged(() => decodeProofMessage(data)) },
      [votes]: { maxBytes: VOTE_TOPIC_BYTES, validate: () => "accept" },
    },
    logger,
    metrics,
  });
  cleanup.defer(() => gossip.close());
  gossip.onMessage(proofs, (data) => {
    options.onProof(decodeProofMessage(data)).catch(refused("proof"));
  });
  gossip.onMessage(votes, (data) => {
    options.onVote(data).catch(refused("vote"));
  });
  const keepers = createRpcClient({ host, protocol: keeperProtocol, logger, metrics });
  cleanup.defer(() => keepers.close());
  const providers = createRpcClient({ host, protocol: providerProtocol, logger, metrics });
  cleanup.defer(() => providers.close());
  const bulk = createRpcClient({ host, protocol: bulkProtocol, logger, metrics });
  cleanup.defer(() => bulk.close());
  const life = cleanup.move();
  const stopping = new AbortController();
  life.defer(() => stopping.abort(new DOMException("the keeper stops", "AbortError")));
  const connecting = new Set<string>();

  return {
    host,
    gossip,
    votesTopic: votes,
    keepers,
    providers,
    bulk,
    async serve(handlers) {
      const server = await createRpcServer({ host, protocol: keeperProtocol, handlers, logger, metrics });
      life.defer(() => server.close());
    },
    connect(endpoints) {
      for (const endpoint of endpoints) {
        if (connecting.has(endpoint)) continue;
        connecting.add(endpoint);
        host
          .connect(endpoint, stopping.signal)
          .catch((error: unknown) => logger.debug({ endpoint, error }, "a keeper cannot be reached"))
          .finally(() => connecting.delete(endpoint));
      }
    },
    stop: () => life.disposeAsync(),
  };
}

function judged(read: () => unknown): GossipVerdict {
  try {
    read();
    return "accept";
  } catch {
    return "reject";
  }
}
