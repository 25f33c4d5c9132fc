import { randomInt } from "node:crypto";
import { claimPort } from "../../indexer/port.ts";

const HOST = "127.0.0.1";
/** Below 32,768, where the ports of outgoing connections begin on Linux; elsewhere they begin higher. */
const NODE_PORTS = { from: 20_000, to: 32_000 };
const ATTEMPTS = 50;
/** Ports of this process's networks. */
const claimed = new Set<number>();

export interface NetworkPorts {
  indexer: number;
  chain: number;
}

/**
 * Ports that people and programs come to: `first` for the index, the next for the chain; 0 means any two free ones.
 * @throws PORT_IN_USE naming the one that is taken, before anything has been started
 */
export async function claimNetworkPorts(first: number): Promise<NetworkPorts> {
  const indexer = await claimPort(HOST, first);
  const chain = await claimPort(HOST, first === 0 ? 0 : first + 1);
  return { indexer, chain };
}

/**
 * A free port for a node: it is registered on chain before the node listens on it, and kept while the node is down. So it
 * is none of those that systems hand out to outgoing connections, which any connection could take meanwhile.
 */
export async function claimNodePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(NODE_PORTS.from, NODE_PORTS.to);
    if (claimed.has(port)) continue;
    const isFree = await claimPort(HOST, port).then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    claimed.add(port);
    return port;
  }
  return claimPort(HOST, 0);
}
