import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createWalletClient, custom, type PublicClient } from "viem";
import { hardhat } from "viem/chains";
import { createGroupView, type GroupView } from "../../client/chain/groupView.ts";
import { type Client, createClient } from "../../client/createClient.ts";
import { redundancyBar } from "../../client/status/redundancy.ts";
import { createTransactor, type Transactor } from "../../protocol/chain/transactor.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { testAccount } from "../support/contracts/chain.ts";
import { deployedGroup } from "../support/contracts/group.ts";
import { createRepairGroup, type RepairGroup } from "../support/contracts/repairs.ts";

/* A user's client against the contracts, without any node. */

const BOND = 10n ** 15n;

async function setUp() {
  const group = await createRepairGroup();
  const { publicClient } = group.chain;
  const deployed = deployedGroup(group);
  const { chainId } = group.chain;
  const view: GroupView = createGroupView({ client: publicClient, chainId, group: deployed });
  const transport = custom({ request: publicClient.request as PublicClient["request"] });
  const transactor: Transactor = createTransactor({
    walletClient: createWalletClient({ account: group.user, chain: hardhat, transport }),
    publicClient,
    logger: createSilentLogger(),
    pollMs: 5,
  });
  let whileWaiting = async () => {};
  /** Whoever waits for the chain sees time pass on it. */
  const clock: Clock = {
    now: () => systemClock.now(),
    async sleep() {
      await whileWaiting();
      await group.chain.helpers.mine(1);
      await group.chain.helpers.time.increase(12);
    },
  };
  const client: Client = createClient({
    rpcUrl: "http://127.0.0.1:1",
    deployment: {
      chainId,
      factory: { address: group.settlement, startBlock: 1 },
      storeRegistry: { address: group.settlement, startBlock: 1 },
      token: group.token,
      groups: [deployed],
    },
    account: group.user,
    view,
    transactor,
    clock,
  });
  const whenWaiting = (action: () => Promise<void>) => {
    whileWaiting = action;
  };
  const end = async () => {
    transactor.close();
    await client.close();
    await group.chain.close();
  };
  return { group, view, client, whenWaiting, end };
}

describe("the status of an order whose slot is lost and repaired", () => {
  let at: Awaited<ReturnType<typeof setUp>>;
  let group: RepairGroup;
  let record: Awaited<ReturnType<RepairGroup["evict"]>>;
  const statusNow = () => at.client.status(group.id);
  before(async () => {
    at = await setUp();
    group = at.group;
  });
  after(() => at.end());

  it("is whole at first", async () => {
    const status = await statusNow();
    assert.deepEqual([redundancyBar(status.slots), status.spare, status.faults], ["[####]", 2, []]);
    await group.epoch(1);
    await group.epoch(2);
  });

  it("tells of the eviction and that it may be appealed", async () => {
    record = await group.evict(3, 0);
    const status = await statusNow();
    assert.deepEqual([redundancyBar(status.slots), status.spare], ["[.###]", 1]);
    const { deadline, entries } = record;
    assert.deepEqual(status.slots[0]!.former, { provider: 1, until: entries[0]!.until });
    assert.deepEqual(status.faults, [{ epoch: 3, slot: 0, provider: 1, kind: "lost" }]);
    assert.deepEqual(status.disputes, [
      {
        kind: "lost",
        provider: 1,
        epoch: 3,
        part: 0,
        slots: [0],
        status: "open",
        deadline: Number(deadline),
      },
    ]);
  });

  it("tells of the offer, and of who took it", async () => {
    await group.epoch(4, group.offer(5, 0, 7));
    const offered = await statusNow();
    assert.equal(redundancyBar(offered.slots), "[>###]");
    assert.deepEqual(offered.slots[0]!.offer, { provider: 5, deadline: 7 });
    assert.equal(offered.repairs[0]!.outcome, "offered");
    await group.accept(0, 5);
    const taken = await statusNow();
    assert.deepEqual([redundancyBar(taken.slots), taken.slots[0]!.provider, taken.spare], ["[####]", 5, 2]);
    assert.deepEqual(taken.repairs, [
      { slot: 0, provider: 5, offered: 4, deadline: 7, outcome: "accepted", since: 5 },
    ]);
  });

  it("tells what came back, and the bonus, once the dispute is closed", async () => {
    await group.epoch(5);
    await group.close(record);
    await group.claim(0, record.entries[0]!.until, 5);
    await group.settle(6);
    const status = await statusNow();
    assert.deepEqual(status.disputes, []);
    assert.ok(status.repairs[0]!.bonus! > 0n);
    const { settled, slashed, returned, total } = status.refunded;
    // Nobody held the slot in epoch 3 and 4: the payer has them back, and what slashing gave.
    assert.ok(settled > 0n && slashed > 0n, JSON.stringify([settled, slashed, returned].map(String)));
    assert.equal(total, settled + slashed + returned);
  });

  it("ends early, is settled, closed and released with its present holders", async () => {
    const { endEpoch } = await at.client.end(group.id);
    assert.equal(endEpoch, (await at.view.epochs()).now + 1);
    for (let epoch = 6; epoch < endEpoch; epoch++) {
      if (epoch > (await at.view.epochs()).lastCertified) await group.epoch(epoch);
    }
    assert.equal((await at.client.settle(group.id)).state, "released");
    const locked = await Promise.all([1, 2, 3, 4, 5].map((id) => group.stakeOf(id)));
    assert.deepEqual(
      locked.map((stake) => stake.locked),
      [0n, 0n, 0n, 0n, 0n],
    );
    await group.books();
    const overview = await at.client.overview();
    assert.deepEqual([overview.orders, overview.ended], [[], 1]);
  });
});

describe("a user's direct challenge", () => {
  let at: Awaited<ReturnType<typeof setUp>>;
  let group: RepairGroup;
  let unanswered = 0n;
  before(async () => {
    at = await setUp();
    group = at.group;
    await group.epoch(1);
  });
  after(() => at.end());

  it("is answered by who has the shard", async () => {
    let asked: bigint | undefined;
    at.whenWaiting(async () => {
      if (asked === undefined) return;
      const id = asked;
      asked = undefined;
      assert.equal(redundancyBar((await at.client.status(group.id)).slots), "[##?#]");
      const { ticket } = await at.view.disputes.challenge(id);
      await group.onDisputes(
        "respond",
        [ticket, await group.answer(ticket.draw, ticket)],
        testAccount(2 + 3),
      );
    });
    const bonds: bigint[] = [];
    const { outcome, ticket } = await at.client.challenge(group.id, {
      slot: 2,
      stripe: 1,
      onOpened: ({ id }) => {
        asked = id;
      },
      async confirm({ bond }) {
        bonds.push(bond);
        return true;
      },
    });
    assert.equal(outcome.answered, true);
    assert.deepEqual([bonds, ticket.ownerLane], [[BOND], true]);
    assert.equal(redundancyBar((await at.client.status(group.id)).slots), "[####]");
  });

  it("takes the slot from who says nothing until the window is over", async () => {
    at.whenWaiting(async () => {});
    const before = await at.view.walletOf(group.user.address);
    const { outcome, ticket } = await at.client.challenge(group.id, { slot: 3, stripe: 0 });
    unanswered = ticket.id;
    assert.ok(!outcome.answered && outcome.evicted && outcome.reward > 0n);
    const after = await at.view.walletOf(group.user.address);
    // The bond is back; what is gone is gas.
    assert.ok(before.native - after.native < BOND, `${before.native - after.native}`);
    const status = await at.client.status(group.id);
    assert.equal(redundancyBar(status.slots), "[###.]");
    assert.equal(status.faults[0]?.kind, "unanswered");
    assert.ok(status.refunded.slashed > 0n);
  });

  it("is refused where nobody has to answer any more, before anything is spent", async () => {
    await assert.rejects(at.client.challenge(group.id, { slot: 3, stripe: 0 }), {
      code: "CONTRACT_ChallengeTooLate",
    });
    await assert.rejects(at.client.closeChallenge(99n), { code: "CHALLENGE_NOT_FOUND" });
  });

  it("that somebody else closed is only looked up", async () => {
    assert.equal((await at.client.closeChallenge(unanswered)).outcome.answered, false);
  });
});
