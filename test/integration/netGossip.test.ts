import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createGossip, type Gossip, type GossipVerdict } from "../../protocol/net/gossip.ts";
import { createHost, type Host, parseEndpoint } from "../../protocol/net/host.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { createMetrics } from "../../protocol/runtime/metrics.ts";

const logger = createSilentLogger();
const TOPIC = "/memo/1/31337/0xab/proofs";
const OTHER = "/memo/1/31337/0xab/votes";
const seedOf = (number: number) => `0x${(number + 1_000).toString(16).padStart(64, "0")}` as const;
const text = (data: Uint8Array) => Buffer.from(data).toString();
const bytes = (message: string) => new Uint8Array(Buffer.from(message));

describe("sixteen hosts on one address", () => {
  const hosts: Host[] = [];
  const gossips: Gossip[] = [];
  const judged = new Map<string, number>();
  const metrics = createMetrics({ prefix: "test" });
  let verdict: (message: string) => GossipVerdict = () => "accept";

  const create = async (number: number) => {
    const host = await createHost({
      seed: seedOf(number),
      listen: ["/ip4/127.0.0.1/tcp/0"],
      topics: [TOPIC, OTHER],
      logger,
    });
    const gossip = createGossip({
      host,
      topics: {
        [TOPIC]: {
          maxBytes: 300,
          validate: (data) => {
            judged.set(text(data), (judged.get(text(data)) ?? 0) + 1);
            return verdict(text(data));
          },
        },
        [OTHER]: { maxBytes: 1_000, validate: () => "accept" },
      },
      logger,
      metrics,
    });
    return { host, gossip };
  };
  /** Resolves when `count` hosts got `message`; collects who got what. */
  const delivered = (message: string, receivers: readonly Gossip[]) =>
    Promise.all(
      receivers.map(
        (gossip) =>
          new Promise<void>((resolve) => {
            const stop = gossip.onMessage(TOPIC, (data) => {
              if (text(data) !== message) return;
              stop();
              resolve();
            });
          }),
      ),
    );

  before(async () => {
    for (const { host, gossip } of await Promise.all(
      Array.from({ length: 16 }, (_, number) => create(number)),
    )) {
      hosts.push(host);
      gossips.push(gossip);
    }
    const endpoints = hosts.map((host) => host.endpoints()[0] ?? assert.fail("no endpoint"));
    await Promise.all(
      hosts.flatMap((host, index) => endpoints.slice(0, index).map((endpoint) => host.connect(endpoint))),
    );
    await Promise.all(gossips.map((gossip) => gossip.waitForSubscribers(TOPIC, 15)));
  });
  after(async () => {
    for (const gossip of gossips) gossip.close();
    await Promise.all(hosts.map((host) => host.stop()));
  });

  it("all connect to each other, although they share one address", () => {
    for (const host of hosts) assert.equal(new Set(host.libp2p.getPeers().map(String)).size, 15);
    assert.equal(gossips[0]?.subscribers(TOPIC).length, 15);
  });

  it("each deliver what any of them publishes to all the others, the first message included", async () => {
    const messages = hosts.map((_, index) => `proof of ${index}`);
    const all = Promise.all(
      messages.map((message, index) =>
        delivered(
          message,
          gossips.filter((_, other) => other !== index),
        ),
      ),
    );
    const recipients = await Promise.all(
      messages.map((message, index) => gossips[index]!.publish(TOPIC, bytes(message))),
    );
    for (const count of recipients) assert.equal(count, 15);
    await all;
    for (const message of messages) assert.equal(judged.get(message), 15);
  });

  it("judge before they deliver: what is ignored or rejected reaches no handler", async () => {
    verdict = (message) => (message === "good" ? "accept" : message === "odd" ? "ignore" : "reject");
    const seen: string[] = [];
    const stops = gossips.map((gossip) => gossip.onMessage(TOPIC, (data) => void seen.push(text(data))));
    const good = delivered("good", gossips.slice(1));
    for (const message of ["bad", "odd", "good"]) await gossips[0]!.publish(TOPIC, bytes(message));
    await good;
    assert.deepEqual(new Set(seen), new Set(["good"]));
    const counted = await metrics.registry.metrics();
    assert.match(counted, /topic="proofs",verdict="reject"\} 15/);
    for (const stop of stops) stop();
    verdict = () => "accept";
  });

  it("go on when a judge throws", async () => {
    verdict = (message) => {
      if (message === "trap") throw new Error("broken judge");
      return "accept";
    };
    const fine = delivered("fine", gossips.slice(1));
    await gossips[0]!.publish(TOPIC, bytes("trap"));
    await gossips[0]!.publish(TOPIC, bytes("fine"));
    await fine;
    verdict = () => "accept";
  });

  it("neither send nor accept more than a topic allows", async () => {
    const large = new Uint8Array(301);
    await assert.rejects(gossips[0]!.publish(TOPIC, large), { code: "GOSSIP_TOO_LARGE" });
    const after = delivered("after", gossips.slice(2));
    await hosts[1]!.libp2p.services.gossip.publish(TOPIC, large);
    await gossips[1]!.publish(TOPIC, bytes("after"));
    await after;
    assert.equal(judged.get(text(large)), undefined);
  });

  it("know only the topics they joined", async () => {
    await assert.rejects(gossips[0]!.publish("/none", bytes("x")), { code: "GOSSIP_TOPIC_UNKNOWN" });
    assert.throws(() => gossips[0]!.onMessage("/none", () => {}), { code: "GOSSIP_TOPIC_UNKNOWN" });
  });

  it("wait for subscribers until told to stop", async () => {
    const controller = new AbortController();
    const waiting = gossips[0]!.waitForSubscribers(TOPIC, 16, controller.signal);
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
  });

  it("are found by the endpoint that is registered, and dial nobody else", async () => {
    const endpoint = hosts[0]!.endpoints()[0]!;
    assert.equal(parseEndpoint(endpoint).peer, hosts[0]!.peerId);
    const wrong = endpoint.replace(hosts[0]!.peerId, hosts[1]!.peerId);
    const { host, gossip } = await create(99);
    await assert.rejects(host.connect(wrong));
    await host.connect(endpoint);
    await hosts[0]!.connect(endpoint);
    gossip.close();
    await host.stop();
  });

  it("refuse malformed endpoints, seeds and ports that are taken", async () => {
    for (const endpoint of ["", "localhost:1", "/ip4/127.0.0.1/tcp/1", "/ip4/300.0.0.1/tcp/1/p2p/x"]) {
      assert.throws(() => parseEndpoint(endpoint), { code: "ENDPOINT_MALFORMED" });
    }
    await assert.rejects(createHost({ seed: "0x12", listen: [], logger }), { code: "PEER_SEED_INVALID" });
    const taken = hosts[0]!.endpoints()[0]!.split("/p2p/")[0]!;
    await assert.rejects(createHost({ seed: seedOf(77), listen: [taken], logger }), {
      code: "LISTEN_FAILED",
    });
  });
});
