import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeAbiParameters, encodeEventTopics, type Hex } from "viem";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import type { Ticket } from "../../../protocol/chain/disputeTypes.ts";
import { MemoError } from "../../../protocol/errors.ts";
import type { Clock } from "../../../protocol/runtime/clock.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork, deployment, owner } from "./memoryNetwork.ts";

const [group] = deployment.groups;

function log(
  eventName: "ChallengeOpened" | "ChallengeUnanswered",
  indexed: object,
  rest: readonly unknown[],
) {
  const item = disputesAbi.find((one) => one.type === "event" && one.name === eventName)!;
  const inputs = (item as { inputs: readonly { indexed?: boolean }[] }).inputs.filter((one) => !one.indexed);
  return {
    address: group!.disputes,
    topics: encodeEventTopics({ abi: disputesAbi, eventName, args: indexed as never }),
    data: encodeAbiParameters(inputs as never, rest as never),
  };
}

/** An order of three slots, and a chain on which a challenge can be opened; time passes when somebody waits. */
async function setUp() {
  const network = createMemoryNetwork({ providers: 4 });
  const { orderId, order } = await network
    .client()
    .store(noise(10, 1), { name: "it", policy: "copies(3)", epochs: 5 });
  const sent: { name: string; args: readonly unknown[]; value: bigint }[] = [];
  network.sent.length = 0;
  network.onSend = (name, args, value) => {
    sent.push({ name, args, value });
    if (name === "challenge") {
      const [, slot, stripe] = args as [unknown, number, number];
      const ticket: Ticket = {
        id: 7n,
        orderId,
        slot,
        stripe,
        providerId: order.providers[slot]!,
        since: order.startEpoch,
        until: 0,
        challenger: owner.address,
        bond: value,
        deadline: BigInt(network.chainTime + 120),
        deadlineBlock: BigInt(network.head + 12),
        draw: orderId,
        ownerLane: true,
        asBlob: false,
      };
      network.challenges.set(7n, { ticket, outcome: undefined });
      const { id, providerId, challenger } = ticket;
      return [log("ChallengeOpened", { id, providerId, challenger }, [ticket])];
    }
    const { ticket } = network.challenges.get(7n)!;
    return [log("ChallengeUnanswered", { id: 7n, providerId: ticket.providerId }, [9n, true])];
  };
  let waits = 0;
  let onWait = () => {};
  const clock: Clock = {
    now: () => Date.now(),
    async sleep() {
      waits++;
      if (waits > 100) throw new Error("it waits for ever");
      network.chainTime += 12;
      network.head += 1;
      onWait();
      await new Promise(setImmediate);
    },
  };
  const answer = () => {
    const { ticket } = network.challenges.get(7n)!;
    const outcome = { answered: true, by: owner.address, reimbursed: 4n } as const;
    network.challenges.set(7n, { ticket, outcome });
  };
  return {
    network,
    orderId,
    order,
    sent,
    clock,
    answer,
    client: network.client({ clock }),
    whenWaiting: (action: () => void) => {
      onWait = action;
    },
    waits: () => waits,
  };
}

describe("direct challenge", () => {
  it("names the shard, sends exactly the bond, and tells of the answer", async () => {
    const { client, orderId, order, sent, answer, whenWaiting } = await setUp();
    whenWaiting(answer);
    const opened: bigint[] = [];
    const { ticket, outcome } = await client.challenge(orderId, {
      slot: 2,
      stripe: 0,
      onOpened: ({ id }) => opened.push(id),
    });
    assert.deepEqual(outcome, { answered: true, by: owner.address, reimbursed: 4n });
    assert.deepEqual([ticket.slot, ticket.stripe, ticket.providerId], [2, 0, order.providers[2]]);
    assert.deepEqual(
      sent.map(({ name, args, value }) => [name, ...args.slice(1), value]),
      [["challenge", 2, 0, 10n ** 15n]],
    );
    assert.deepEqual(opened, [7n]);
  });

  it("chooses a slot that somebody holds and a stripe when none is named", async () => {
    const { client, network, orderId, sent, answer, whenWaiting } = await setUp();
    network.evict(orderId, 0);
    network.evict(orderId, 2);
    whenWaiting(answer);
    await client.challenge(orderId);
    assert.equal(sent[0]!.args[1], 1);
  });

  it("is closed by its opener once time and blocks are over, not before", async () => {
    for (const slow of ["blocks", "seconds"] as const) {
      const { client, network, orderId, sent, whenWaiting } = await setUp();
      const start = { head: network.head, time: network.chainTime };
      // The one passes faster than the other: both have to be over.
      whenWaiting(() => {
        if (slow === "blocks") network.chainTime += 100;
        else network.head += 10;
      });
      const { outcome } = await client.challenge(orderId, { slot: 0, stripe: 0 });
      assert.deepEqual(outcome, { answered: false, evicted: true, reward: 9n });
      assert.equal(sent.at(-1)!.name, "closeChallenge");
      if (slow === "blocks") assert.equal(network.head, start.head + 13);
      else assert.equal(network.chainTime, start.time + 132);
    }
  });

  it("takes the outcome from the chain when somebody else was faster", async () => {
    const { client, network, orderId } = await setUp();
    const open = network.onSend;
    network.onSend = (name, args, value) => {
      if (name !== "closeChallenge") return open(name, args, value);
      const { ticket } = network.challenges.get(7n)!;
      network.challenges.set(7n, { ticket, outcome: { answered: false, evicted: true, reward: 5n } });
      throw new MemoError("CONTRACT_TicketUnknown", "gone");
    };
    const { outcome } = await client.challenge(orderId, { slot: 0, stripe: 0 });
    assert.deepEqual(outcome, { answered: false, evicted: true, reward: 5n });
  });

  it("shows the bond first, and spends nothing when it is declined", async () => {
    const { client, network, orderId, sent } = await setUp();
    network.bond = 3n;
    const shown: bigint[] = [];
    const confirm = async ({ bond }: { bond: bigint }) => {
      shown.push(bond);
      return false;
    };
    await assert.rejects(client.challenge(orderId, { confirm }), { code: "CHALLENGE_DECLINED" });
    assert.deepEqual([shown, sent], [[3n], []]);
  });

  it("says what is missing when the wallet has no more than the bond", async () => {
    const { client, network, orderId, sent, answer, whenWaiting } = await setUp();
    network.money.native = network.bond;
    await assert.rejects(client.challenge(orderId), { code: "NATIVE_BALANCE_TOO_LOW" });
    assert.deepEqual(sent, []);
    network.money.native = network.bond + 1n;
    whenWaiting(answer);
    assert.equal((await client.challenge(orderId)).outcome.answered, true);
  });

  it("refuses shards that the order does not have", async () => {
    const { client, orderId, order, answer, whenWaiting } = await setUp();
    for (const wrong of [{ slot: 3 }, { stripe: order.stripes }]) {
      await assert.rejects(client.challenge(orderId, wrong), { code: "SHARD_UNKNOWN" });
    }
    whenWaiting(answer);
    await client.challenge(orderId, { slot: 2, stripe: order.stripes - 1 });
  });

  it("explains what the contract refuses, and passes on what it does not know", async () => {
    const { client, network, orderId } = await setUp();
    for (const [code, text] of [
      ["CONTRACT_ChallengeTooLate", /nobody has to answer/],
      ["CONTRACT_ChallengeAlreadyOpen", /another stripe/],
      ["CONTRACT_BondWrong", /Try again/],
      ["CONTRACT_Other", /^raw$/],
    ] as const) {
      network.onSend = () => {
        throw new MemoError(code, "raw");
      };
      await assert.rejects(client.challenge(orderId), (error: MemoError) => {
        assert.equal(error.code, code);
        assert.match(error.message, text);
        return true;
      });
    }
  });
});

describe("a direct challenge that comes too late", () => {
  it("is refused before any coin is asked for", async () => {
    const { client, network, orderId, sent } = await setUp();
    network.bondOf = () => {
      throw new MemoError("CONTRACT_ChallengeTooLate", "raw");
    };
    const confirm = () => assert.fail("there is no bond to confirm");
    await assert.rejects(client.challenge(orderId, { confirm }), (error: MemoError) => {
      assert.equal(error.code, "CONTRACT_ChallengeTooLate");
      assert.match(error.message, /nobody has to answer/);
      return true;
    });
    assert.deepEqual(sent, []);
  });
});

describe("closing a direct challenge", () => {
  const ID: Hex = `0x${"11".repeat(32)}`;

  async function open() {
    const made = await setUp();
    made.network.onSend("challenge", [made.order, 1, 0], 1n);
    made.sent.length = 0;
    return made;
  }

  it("waits for the last second and the last block", async () => {
    const { client, network, sent } = await open();
    const { deadline, deadlineBlock } = network.challenges.get(7n)!.ticket;
    for (const [time, block] of [
      [Number(deadline), Number(deadlineBlock) + 1],
      [Number(deadline) + 1, Number(deadlineBlock)],
    ] as const) {
      network.chainTime = time;
      network.head = block;
      await assert.rejects(client.closeChallenge(7n), { code: "CHALLENGE_WINDOW_OPEN" });
    }
    assert.deepEqual(sent, []);
    network.chainTime = Number(deadline) + 1;
    network.head = Number(deadlineBlock) + 1;
    assert.deepEqual((await client.closeChallenge(7n)).outcome, {
      answered: false,
      evicted: true,
      reward: 9n,
    });
  });

  it("only looks one up that is over, and says when there is none", async () => {
    const { client, sent, answer } = await open();
    answer();
    assert.equal((await client.closeChallenge(7n)).outcome.answered, true);
    assert.deepEqual(sent, []);
    await assert.rejects(client.closeChallenge(8n), { code: "CHALLENGE_NOT_FOUND" });
    await assert.rejects(client.challenge(ID), { code: "ORDER_NOT_FOUND" });
  });
});
