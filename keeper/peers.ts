import { type Address, isAddressEqual } from "viem";
import type { GroupState, Roster } from "../protocol/chain/groupTypes.ts";
import type { Gossip } from "../protocol/net/gossip.ts";
import type { RpcClient } from "../protocol/net/rpcClient.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { KeeperMethods } from "../protocol/wire/keeper.ts";
import { VOTE_TOPIC_BYTES } from "../protocol/wire/topics.ts";

/** Longest time that one delivery may take; consensus sends anew in its next round anyway. */
const DELIVER_MS = 5_000;

/** The other members of a roster. */
export type Peers = {
  /** Endpoint of a roster member; undefined while it has none. */
  endpointOf(roster: Roster, member: number): string | undefined;
  /** Endpoints of all members but this keeper. */
  others(roster: Roster): string[];
  /** Hands a consensus message to one member over its direct stream, by gossip when that fails. */
  deliver(roster: Roster, member: number, message: Uint8Array): void;
  /** Hands it to all others. */
  broadcast(roster: Roster, message: Uint8Array): void;
};

/** Creates the view of the peers. */
export function createPeers(options: {
  state: () => GroupState;
  operator: Address;
  client: RpcClient<KeeperMethods>;
  gossip: Gossip;
  votesTopic: string;
  signal: AbortSignal;
  logger: Logger;
  onFailure?: () => void;
}): Peers {
  const { client, gossip, votesTopic, signal, logger } = options;

  const endpointOf = (roster: Roster, member: number) => {
    const id = roster.keeperIds[member];
    return id === undefined ? undefined : options.state().keepers.get(id)?.endpoint;
  };
  const isSelf = (roster: Roster, member: number) =>
    isAddressEqual(roster.operators[member]!, options.operator);

  const send = async (endpoint: string, message: Uint8Array): Promise<boolean> => {
    try {
      await client.call(endpoint, "deliver", { message }, { signal, timeoutMs: DELIVER_MS });
      return true;
    } catch (error) {
      if (signal.aborted) return true;
      options.onFailure?.();
      logger.debug({ endpoint, error }, "a consensus message could not be delivered directly");
      return false;
    }
  };
  const gossipInstead = (message: Uint8Array) => {
    if (message.length > VOTE_TOPIC_BYTES || signal.aborted) return;
    gossip.publish(votesTopic, message).catch((error: unknown) => {
      logger.debug({ error }, "a consensus message could not be gossiped");
    });
  };

  const peers: Peers = {
    endpointOf,
    others: (roster) =>
      roster.operators.flatMap((_operator, member) => {
        const endpoint = isSelf(roster, member) ? undefined : endpointOf(roster, member);
        return endpoint === undefined ? [] : [endpoint];
      }),
    deliver(roster, member, message) {
      const endpoint = endpointOf(roster, member);
      if (endpoint === undefined) return;
      void send(endpoint, message).then((delivered) => {
        if (!delivered) gossipInstead(message);
      });
    },
    broadcast(roster, message) {
      void Promise.all(peers.others(roster).map((endpoint) => send(endpoint, message))).then((delivered) => {
        if (delivered.includes(false)) gossipInstead(message);
      });
    },
  };
  return peers;
}
