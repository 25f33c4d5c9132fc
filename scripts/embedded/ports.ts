import { claimPort } from "../../indexer/port.ts";

const HOST = "127.0.0.1";

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

/** A free port for a node: it is registered on chain before the node listens on it. */
export function claimNodePort(): Promise<number> {
  return claimPort(HOST, 0);
}
