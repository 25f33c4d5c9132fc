import { noise } from "@chainsafe/libp2p-noise";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { type GossipSub, gossipsub } from "@libp2p/gossipsub";
import { type Identify, identify } from "@libp2p/identify";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { type Hex, hexToBytes } from "viem";
import { MemoError } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { gossipMessageId } from "./messageId.ts";

/** A libp2p host of one node. */
export type Host = {
  /** As it stands in endpoints. */
  readonly peerId: string;
  /** Multiaddrs with `/p2p/<peer id>` under which the host can be reached now. */
  endpoints(): string[];
  /** Connects to an endpoint, unless that is so already. Dialling oneself does nothing. */
  connect(endpoint: string, signal?: AbortSignal): Promise<void>;
  readonly libp2p: Libp2p<{ identify: Identify; gossip: GossipSub }>;
  stop(): Promise<void>;
};

/** Largest gossip message that is read off a stream; topics set smaller limits of their own. */
const GOSSIP_BYTES = 1_048_576;
/** Below what a stream buffers while it is paused (4 MiB): a paused stream must not be reset by its window. */
const STREAM_WINDOW_BYTES = 2_097_152;

/** Longest time that making a connection or a stream may take. */
const DIAL_MS = 30_000;

/** Peer id (text) of the host that has this seed, e.g. to register its endpoint before it runs. */
export async function peerIdFromSeed(seed: Hex): Promise<string> {
  return peerIdFromPrivateKey(await keyFromSeed(seed)).toString();
}

/**
 * Starts a host: TCP, noise, yamux, identify, gossipsub. There is no discovery; the chain is the directory.
 * @throws PEER_SEED_INVALID, LISTEN_FAILED
 */
export async function createHost(options: {
  /** 32 bytes that the peer key is made from; not the operator's key. */
  seed: Hex;
  /** Multiaddrs such as `/ip4/127.0.0.1/tcp/0`; none for a host that only dials. */
  listen: readonly string[];
  /** Gossip topics that may exist; all others are ignored. */
  topics?: readonly string[];
  /** Endpoint addresses to announce instead of those bound, e.g. behind NAT. */
  announce?: readonly string[];
  logger: Logger;
}): Promise<Host> {
  const privateKey = await keyFromSeed(options.seed);
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES } })],
    connectionManager: {
      // Defaults refuse the sixth connection per second from one address: all nodes of a machine, or those
      // behind one NAT, reconnect at once after a restart.
      inboundConnectionThreshold: 256,
      maxIncomingPendingConnections: 256,
      maxConnections: 1_024,
      // A machine that starts many nodes at once takes longer than the defaults of 2 to 10 seconds allow.
      dialTimeout: DIAL_MS,
      addressDialTimeout: DIAL_MS,
      inboundUpgradeTimeout: DIAL_MS,
      outboundStreamProtocolNegotiationTimeout: DIAL_MS,
      inboundStreamProtocolNegotiationTimeout: DIAL_MS,
    },
    services: {
      identify: identify(),
      gossip: gossipsub({
        // Messages carry EIP-712 signatures of their own.
        globalSignaturePolicy: "StrictNoSign",
        msgIdFn: gossipMessageId,
        allowedTopics: [...(options.topics ?? [])],
        allowPublishToZeroTopicPeers: true,
        ignoreDuplicatePublishError: true,
        fallbackToFloodsub: false,
        doPX: false,
        emitSelf: false,
        maxInboundDataLength: GOSSIP_BYTES,
        // More than ten peers of one address would be graylisted without a word.
        scoreParams: { IPColocationFactorWeight: 0 },
      }),
    },
  }).catch((cause: unknown) => {
    throw new MemoError(
      "LISTEN_FAILED",
      `The peer-to-peer host cannot listen on ${options.listen.join(", ")}. Is the port in use? Choose another one.`,
      { details: { listen: options.listen }, cause },
    );
  });
  const peerId = libp2p.peerId.toString();
  const logger = options.logger.child({ peer: peerId });
  logger.info({ endpoints: libp2p.getMultiaddrs().map(String) }, "peer-to-peer host is up");
  return {
    peerId,
    libp2p,
    endpoints: () => libp2p.getMultiaddrs().map(String),
    async connect(endpoint, signal) {
      const { address, peer } = parseEndpoint(endpoint);
      if (peer === peerId) return;
      await libp2p.dial(address, signal === undefined ? {} : { signal });
    },
    async stop() {
      await libp2p.stop();
    },
  };
}

/**
 * Reads an endpoint as it stands on chain.
 * @throws ENDPOINT_MALFORMED
 */
export function parseEndpoint(endpoint: string): { address: Multiaddr; peer: string } {
  try {
    const address = multiaddr(endpoint);
    const peer = address.getComponents().findLast((component) => component.name === "p2p")?.value;
    if (peer === undefined) throw new RangeError("no /p2p/ part");
    return { address, peer };
  } catch (cause) {
    throw new MemoError(
      "ENDPOINT_MALFORMED",
      `"${endpoint.slice(0, 200)}" is no endpoint. It must be a multiaddr that ends with /p2p/<peer id>.`,
      { details: { endpoint: endpoint.slice(0, 200) }, cause },
    );
  }
}

async function keyFromSeed(seed: Hex) {
  const bytes = /^0x[0-9a-fA-F]{64}$/.test(seed) ? hexToBytes(seed) : undefined;
  if (bytes === undefined) {
    throw new MemoError("PEER_SEED_INVALID", "The seed of the peer key must be 32 bytes as hex.");
  }
  return generateKeyPairFromSeed("Ed25519", bytes);
}
