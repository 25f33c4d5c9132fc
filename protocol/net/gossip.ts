import { TopicValidatorResult } from "@libp2p/gossipsub";
import type { PeerId } from "@libp2p/interface";
import { MemoError } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Host } from "./host.ts";

/**
 * Whether a message goes on: `accept` delivers and forwards it, `ignore` drops it, `reject` drops it and
 * lowers the score of the peer that sent it. A message is judged once: the same bytes are not delivered
 * later for two minutes, so accept what is only too early.
 */
export type GossipVerdict = "accept" | "ignore" | "reject";

export type GossipTopic = {
  /** Larger messages are rejected unseen. */
  readonly maxBytes: number;
  /** Judges by cheap checks; a throw counts as `ignore` and is logged. `from` is the peer that forwarded it. */
  readonly validate: (data: Uint8Array, from: string) => GossipVerdict | Promise<GossipVerdict>;
};

export type Gossip = {
  /**
   * Sends to all subscribers; own messages are neither judged nor delivered to oneself.
   * @returns how many peers it was handed to
   * @throws GOSSIP_TOPIC_UNKNOWN, GOSSIP_TOO_LARGE
   */
  publish(topic: string, data: Uint8Array): Promise<number>;
  /** Calls `handler` with each accepted message; returns how to stop that. */
  onMessage(topic: string, handler: (data: Uint8Array) => void): () => void;
  /** Peer ids that are known to listen to a topic. */
  subscribers(topic: string): string[];
  /** Resolves once at least `count` peers listen: what is published before is lost to the others. */
  waitForSubscribers(topic: string, count: number, signal?: AbortSignal): Promise<void>;
  close(): void;
};

const VERDICTS: Readonly<Record<GossipVerdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

/** Joins topics on a host, which must have been created with them. One per host. */
export function createGossip(options: {
  host: Host;
  topics: Readonly<Record<string, GossipTopic>>;
  logger: Logger;
  metrics?: Metrics;
}): Gossip {
  const { gossip } = options.host.libp2p.services;
  const { topics, logger } = options;
  const judged = options.metrics?.counter({
    name: "gossip_messages_total",
    help: "Gossip messages received, by what became of them.",
    labels: ["topic", "verdict"],
  });
  const handlers = new Map<string, Set<(data: Uint8Array) => void>>();

  const judge = async (topic: string, data: Uint8Array, from: PeerId): Promise<GossipVerdict> => {
    const { maxBytes, validate } = topicOf(topics, topic);
    if (data.length > maxBytes) return "reject";
    try {
      return await validate(data, from.toString());
    } catch (error) {
      logger.error({ error, topic }, "a gossip message could not be judged");
      return "ignore";
    }
  };
  for (const topic of Object.keys(topics)) {
    handlers.set(topic, new Set());
    gossip.topicValidators.set(topic, async (from, message) => {
      const verdict = await judge(topic, message.data, from);
      // The last part of a topic says what it is for; the rest is the same for a whole group.
      judged?.inc({ topic: topic.split("/").at(-1) ?? topic, verdict });
      return VERDICTS[verdict];
    });
    gossip.subscribe(topic);
  }
  const onMessage = (event: CustomEvent<{ topic: string; data: Uint8Array }>) => {
    for (const handler of handlers.get(event.detail.topic) ?? []) {
      try {
        handler(event.detail.data);
      } catch (error) {
        logger.error({ error, topic: event.detail.topic }, "a gossip handler failed");
      }
    }
  };
  gossip.addEventListener("message", onMessage);
  const subscribers = (topic: string) => gossip.getSubscribers(topic).map(String);

  return {
    subscribers,
    async publish(topic, data) {
      const { maxBytes } = topicOf(topics, topic);
      if (data.length > maxBytes) {
        throw new MemoError("GOSSIP_TOO_LARGE", `A message on ${topic} has at most ${maxBytes} bytes.`, {
          details: { topic, bytes: data.length, maxBytes },
        });
      }
      return (await gossip.publish(topic, data)).recipients.length;
    },
    onMessage(topic, handler) {
      topicOf(topics, topic);
      handlers.get(topic)?.add(handler);
      return () => void handlers.get(topic)?.delete(handler);
    },
    waitForSubscribers(topic, count, signal) {
      return new Promise((resolve, reject) => {
        const finish = (end: () => void) => {
          gossip.removeEventListener("subscription-change", check);
          signal?.removeEventListener("abort", onAbort);
          end();
        };
        const check = () => {
          if (subscribers(topic).length >= count) finish(resolve);
        };
        const onAbort = () => finish(() => reject(signal?.reason));
        if (signal?.aborted) return reject(signal.reason);
        gossip.addEventListener("subscription-change", check);
        signal?.addEventListener("abort", onAbort, { once: true });
        check();
      });
    },
    close() {
      gossip.removeEventListener("message", onMessage);
      for (const topic of Object.keys(topics)) {
        gossip.topicValidators.delete(topic);
        gossip.unsubscribe(topic);
      }
    },
  };
}

function topicOf(topics: Readonly<Record<string, GossipTopic>>, topic: string): GossipTopic {
  const found = topics[topic];
  if (found !== undefined) return found;
  throw new MemoError("GOSSIP_TOPIC_UNKNOWN", `This host has not joined ${topic}.`, { details: { topic } });
}
