import type { Hex } from "viem";
import { createGossip } from "../protocol/net/gossip.ts";
import { createHost, type Host } from "../protocol/net/host.ts";
import { createRpcClient } from "../protocol/net/rpcClient.ts";
import { createRpcServer } from "../protocol/net/rpcServer.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { Metrics } from "../protocol/runtime/metrics.ts";
import { keeperProtocol } from "../protocol/wire/keeper.ts";
import { encodeProofMessage, type ProofMessage } from "../protocol/wire/proofMessage.ts";
import { bulkProtocol, providerProtocol } from "../protocol/wire/provider.ts";
import { topicsOf } from "../protocol/wire/topics.ts";
import type { ChainView } from "./chainView.ts";
import { createProofTopic } from "./prove/proofTopic.ts";
import type { GetResults } from "./prove/results.ts";
import type { GetCommitments } from "./repair/commitments.ts";
import type { RebuildDeps } from "./repair/rebuild.ts";
import type { Service } from "./service.ts";
import type { ProviderSettings } from "./settings.ts";

/** Milliseconds that one call to a keeper may take: it pulls openings and verifies before it answers. */
const KEEPER_TIMEOUT_MS = 15_000;
/** Milliseconds that reading from another provider may take. */
const PROVIDER_TIMEOUT_MS = 20_000;

/** The provider's side of the peer-to-peer network. */
export type ProviderNetwork = {
  readonly host: Host;
  /** Gossips a proof; resolves with the number of peers that it went to. */
  publish(message: ProofMessage): Promise<number>;
  /** Hands a proof to one keeper. */
  submit(endpoint: string, proof: ProofMessage, signal: AbortSignal): Promise<unknown>;
  getResults: GetResults;
  /** Reads a shard of another provider, by the right that the chain gives. */
  getShard: RebuildDeps["getShard"];
  getCommitments: GetCommitments;
  /** Serves users and keepers from now on. */
  serve(service: Service): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts the host.
 * @throws LISTEN_FAILED, PEER_SEED_INVALID
 */
export async function startNetwork(options: {
  seed: Hex;
  settings: ProviderSettings;
  view: ChainView;
  /** Ends calls to keepers. */
  signal: AbortSignal;
  logger: Logger;
  metrics: Metrics;
}): Promise<ProviderNetwork> {
  const { settings, view, logger, metrics, signal } = options;
  await using cleanup = new AsyncDisposableStack();
  const topic = topicsOf(view.chainId, view.group).proofs;
  const host = await createHost({
    seed: options.seed,
    listen: [settings.listen],
    topics: [topic],
    ...(settings.announce === undefined ? {} : { announce: [settings.announce] }),
    logger,
  });
  cleanup.defer(() => host.stop());
  const gossip = createGossip({ host, topics: { [topic]: createProofTopic(view) }, logger, metrics });
  cleanup.defer(() => gossip.close());
  const keepers = createRpcClient({ host, protocol: keeperProtocol, logger, metrics });
  cleanup.defer(() => keepers.close());
  const providers = createRpcClient({ host, protocol: providerProtocol, logger, metrics });
  cleanup.defer(() => providers.close());
  const bulks = createRpcClient({ host, protocol: bulkProtocol, logger, metrics });
  cleanup.defer(() => bulks.close());
  const proofBytes = metrics.counter({
    name: "proof_bytes_total",
    help: "Bytes of the proof messages that were gossiped",
  });
  const life = cleanup.move();
  const timeoutMs = KEEPER_TIMEOUT_MS;
  return {
    host,
    publish: (message) => {
      const data = encodeProofMessage(message);
      proofBytes.inc(data.length);
      return gossip.publish(topic, data);
    },
    submit: (endpoint, proof, either) =>
      keepers.call(endpoint, "submitProof", { proof }, { signal: either, timeoutMs }),
    getResults: (endpoint, request) => keepers.call(endpoint, "getResults", request, { signal, timeoutMs }),
    async getShard(endpoint, shard, either) {
      const options = { signal: either, timeoutMs: PROVIDER_TIMEOUT_MS };
      return (await bulks.call(endpoint, "getShard", shard, options)).bytes;
    },
    async getCommitments(endpoint, request, either) {
      const options = { signal: either, timeoutMs: PROVIDER_TIMEOUT_MS };
      return (await providers.call(endpoint, "getCommitments", request, options)).commitments;
    },
    async serve(service) {
      const common = { host, logger, metrics };
      const small = await createRpcServer({
        ...common,
        protocol: providerProtocol,
        handlers: service.provider,
      });
      life.defer(() => small.close());
      const bulk = await createRpcServer({ ...common, protocol: bulkProtocol, handlers: service.bulk });
      life.defer(() => bulk.close());
    },
    stop: () => life.disposeAsync(),
  };
}
