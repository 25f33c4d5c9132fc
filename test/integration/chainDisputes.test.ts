import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { type Hex, keccak256, numberToHex, stringToHex } from "viem";
import { createBlockSource } from "../../protocol/chain/blockSource.ts";
import { lostKey, vacancyKey } from "../../protocol/chain/disputeTypes.ts";
import { createChainFollower } from "../../protocol/chain/follower.ts";
import { groupContracts } from "../../protocol/chain/groupContracts.ts";
import { applyBlock, createGroupState, epochSet } from "../../protocol/chain/groupState.ts";
import { type GroupState, type Milestone, maskedMembers } from "../../protocol/chain/groupTypes.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { testAccount } from "../support/contracts/chain.ts";
import { createDisputeGroup, type DisputeGroup } from "../support/contracts/disputes.ts";
import { missedLeaf, offerLeaf } from "../support/contracts/exceptions.ts";
import { deployedGroup } from "../support/contracts/group.ts";
import { signCommit } from "../support/contracts/signing.ts";

/* The state that follows from events is what the contracts say of themselves. */

const logger = createSilentLogger();
/** More than a reorganisation here is deep. */
const CONFIRMATIONS = 4;

describe("a group's state, followed on chain", () => {
  let group: DisputeGroup;
  const cleanups: (() => void)[] = [];
  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup();
  });

  const deployed = () => deployedGroup(group);

  /** Follows the chain; `to` gives the state at a block once that is final. */
  function follow() {
    const source = createBlockSource({
      client: group.chain.publicClient,
      confirmations: CONFIRMATIONS,
      pollMs: 5,
      logger,
    });
    const follower = createChainFollower({
      source,
      chainId: group.chain.chainId,
      contracts: groupContracts(deployed()),
      startBlock: 1,
      store: ":memory:",
      logger,
    });
    const stop = new AbortController();
    cleanups.push(() => {
      stop.abort(new Error("stopped"));
      source.close();
      follower.close();
    });
    const blocks = follower.blocks(stop.signal);
    let state = createGroupState({ chainId: group.chain.chainId, group: deployed() });
    const milestones: Milestone[] = [];
    const hashes: Hex[] = [];
    return {
      milestones,
      hashes,
      async to(number: number): Promise<GroupState> {
        while ((state.head?.number ?? 0) < number) {
          const { value: block } = await blocks.next();
          const applied = applyBlock(state, block);
          state = applied.state;
          milestones.push(...applied.milestones);
          hashes.push(block.hash);
        }
        return state;
      },
    };
  }

  /** One by one: what Hardhat mines at once has parents that it does not have when it is asked for them. */
  const mine = async (blocks: number) => {
    for (let block = 0; block < blocks; block++) await group.chain.helpers.mine();
  };
  const passWindow = async (of: { deadline: bigint; deadlineBlock: bigint }) => {
    await mine(Math.max(0, Number(of.deadlineBlock) + 1 - (await latest())));
    await group.passWindow(of);
  };
  const latest = () => group.chain.helpers.time.latestBlock();
  /** Makes the newest block final, then follows to it. */
  async function caughtUp(follower: ReturnType<typeof follow>): Promise<GroupState> {
    const block = await latest();
    await mine(CONFIRMATIONS);
    return await follower.to(block);
  }

  const read = (name: string, ...args: unknown[]) => group.read.settlement<number>(name, args);
  /** Compares all that the contracts can be asked about. */
  async function assertSame(state: GroupState): Promise<void> {
    for (const info of state.orders.values()) await assertOrder(state, info.order);
    for (const { id, ...own } of state.providers.values()) {
      const its = await group.read.staking<typeof own>("provider", [id]);
      const { stake, locked, exiting } = its;
      assert.deepEqual([own.stake, own.locked, own.exiting], [stake, locked, exiting], `provider ${id}`);
    }
    for (const record of state.lost.values()) {
      const key = [record.provider, record.epoch, record.part];
      const its = await group.read.disputes<{ status: number; count: number }>("lostRecord", key);
      const status = ["none", "open", "protected", "appealed", "closed"][its.status];
      assert.deepEqual([record.status, record.entries.length], [status, its.count]);
    }
    const last = [await read("lastCertified"), await read("lastFinished")];
    // Epoch 0 is never certified: the contracts begin there, a state knows none.
    assert.deepEqual(
      [state.lastCertified, state.lastFinished].map((epoch) => Math.max(0, epoch)),
      last,
    );
    assert.equal(maskedMembers(state, 0), await read("masked", 0));
  }

  async function assertOrder(state: GroupState, order: Order): Promise<void> {
    const id = orderId(order);
    const info = state.orders.get(id)!;
    for (const [slot, own] of info.slots.entries()) {
      const its = await group.read.repairs<Record<string, number | boolean>>("slotOf", [order, slot]);
      const offer = own.offer ?? { provider: 0, deadline: 0 };
      const expected = {
        holder: own.holder ?? 0,
        since: own.holder === undefined ? 0 : own.since,
        former: own.former ?? 0,
        formerSince: own.formerSince ?? 0,
        until: own.until ?? 0,
        assignee: offer.provider,
        deadline: offer.deadline,
        expiries: own.expiries,
        vacant: own.holder === undefined,
        voided: own.voided,
      };
      assert.deepEqual(its, expected, `slot ${slot}`);
      const until = own.until;
      if (until === undefined) continue;
      const key = { orderId: id, slot, until };
      const fresh = { pot: 0n, reserved: 0n, closed: true };
      const { pot, reserved, closed } = state.vacancies.get(vacancyKey(key)) ?? fresh;
      const { slashed: _, ...bonus } = await group.read.repairs<{
        pot: bigint;
        reserved: bigint;
        closed: boolean;
        slashed: boolean;
      }>("bonusOf", [id, slot, until]);
      assert.deepEqual({ pot, reserved, closed }, bonus, `vacancy of slot ${slot}`);
    }
    const holders = await group.read.repairs<number[]>("holdersOf", [order]);
    const { status } = await group.read.orders<{ status: number }>("orderState", [id]);
    if (status !== OPEN) return;
    const set = epochSet(state, Math.floor((state.head!.timestamp - group.genesis) / 60) + 1);
    const challenged = set.slots
      .filter((slot) => slot.orderId === id)
      .map(({ slot, provider }) => [slot, provider]);
    assert.deepEqual(
      challenged,
      [...holders.entries()].filter(([, holder]) => holder !== 0),
    );
  }
  const OPEN = 1;
  const operator = (provider: number) => testAccount(2 + provider);
  const types = (milestones: readonly Milestone[]) => new Set(milestones.map(({ type }) => type));

  before(async () => {
    group = await createDisputeGroup({ slots: 3, providers: 7 });
  });
  after(() => group.chain.close());

  it("knows what becomes of slots, records and challenges, from eviction to the last bonus", async () => {
    const follower = follow();
    const { order, id } = group;
    const second = await group.openOrder({ salt: numberToHex(2, { size: 32 }) });
    const secondId = orderId(second);
    group.opened.set(secondId, second);
    await assertSame(await caughtUp(follower));

    await group.epoch(1);
    const entries = [group.entry(2), group.entry(2, 1, secondId)].sort((a, b) =>
      a.orderId < b.orderId ? -1 : 1,
    );
    const receipt = await group.epoch(
      2,
      missedLeaf(3),
      group.lost(3, entries),
      offerLeaf(4, order, 2, 5),
      offerLeaf(5, second, 2, 4),
    );
    const record = group.recorded(receipt);
    const evicted = await caughtUp(follower);
    await assertSame(evicted);
    const info = evicted.lost.get(lostKey({ provider: 3, epoch: 2, part: 0 }))!;
    assert.deepEqual(info.entries, record.entries);
    assert.deepEqual(
      [info.draw, BigInt(info.deadline), BigInt(info.deadlineBlock)],
      [record.draw, record.deadline, record.deadlineBlock],
    );

    // One takes its offer, the other lets it pass; the accused one appeals; another leaves.
    await group.onRepairs("acceptRepair", [order, 2], operator(4));
    await group.appeal(record);
    await group.onStaking("setExiting", [2, true]);
    await assertSame(await caughtUp(follower));
    await group.toEpoch(5);
    await group.epoch(5, offerLeaf(6, order, 1, 8), offerLeaf(7, second, 2, 8));
    const offered = await caughtUp(follower);
    await assertSame(offered);
    assert.deepEqual(offered.expiredOffers, [{ provider: 5, epoch: 4 }]);
    await group.onRepairs("acceptRepair", [order, 1], operator(6));
    await assertSame(await caughtUp(follower));

    // Direct challenges: one is answered, one is not.
    const answered = await group.challenge(0, 1);
    const silent = await group.challenge(0, 0, undefined, second);
    const open = await caughtUp(follower);
    assert.deepEqual(
      [...open.directChallenges.values()].map(({ ticket }) => ticket),
      [answered.ticket, silent.ticket],
    );
    const answer = await group.answer(answered.ticket.draw, { orderId: id, slot: 0, stripe: 1 });
    await group.onDisputes("respond", [answered.ticket, answer], operator(1));
    await passWindow(silent.ticket);
    await group.onDisputes("closeChallenge", [silent.ticket, second]);
    await passWindow(record);
    await group.closeRecord(record);
    const settled = await caughtUp(follower);
    await assertSame(settled);
    assert.equal(settled.directChallenges.size, 0);
    assert.equal(settled.orders.get(secondId)?.slots[0]?.holder, undefined);

    // Who repaired has proven its slots; the rest of the second order is given up.
    const next = await read("epochNow");
    await group.epoch(next);
    await group.onRepairs("claimBonus", [order, 2, evicted.orders.get(id)!.slots[2]!.until, next]);
    for (const slot of [0, 2]) await group.onRepairs("voidSlot", [second, slot]);
    await assertSame(await caughtUp(follower));

    const seen = types(follower.milestones);
    for (const type of [
      "slotEvicted",
      "lostRecorded",
      "repairOffered",
      "repairOfferExpired",
      "repairAccepted",
      "appealAccepted",
      "recordClosed",
      "challengeOpened",
      "challengeAnswered",
      "challengeUnanswered",
      "vacancyClosed",
      "bonusPaid",
      "slotVoided",
    ] as const) {
      assert.ok(seen.has(type), type);
    }
  });

  it("knows a keeper that signed two results, and masks it as the contract does", async () => {
    const follower = follow();
    const epoch = await read("epochNow");
    const a = group.certificate(epoch);
    const b = { ...a, resultsRoot: keccak256(stringToHex("others")) };
    const member = group.keepers[3]!;
    const sign = (it: typeof a) => signCommit(group.place, it, member.account);
    await group.onSettlement("reportEquivocation", [a, b, 3, await sign(a), await sign(b)]);
    const state = await caughtUp(follower);
    await assertSame(state);
    assert.deepEqual([maskedMembers(state, 0), state.keepers.get(member.id)?.slashed], [0b1000, true]);
    assert.equal(state.keepers.get(member.id)?.seat, undefined);
  });

  it("is that of the surviving branch after three blocks with a certificate were replaced", async () => {
    const follower = follow();
    const start = await caughtUp(follower);
    const epoch = (await read("epochNow")) + 1;
    await group.toEpoch(epoch);
    const fork = await latest();
    const snapshot = await group.chain.helpers.takeSnapshot();
    const lost = group.certificate(epoch, { resultsRoot: keccak256(stringToHex("lost branch")) });
    const kept = group.certificate(epoch, { resultsRoot: keccak256(stringToHex("kept branch")) });
    await group.certify(lost);
    await mine(2);
    assert.equal(await latest(), fork + 3);
    const before = await follower.to(fork + 3 - CONFIRMATIONS);
    assert.equal(before.certificates.has(epoch), false);
    await snapshot.restore();
    await group.chain.helpers.mine();
    await group.certify(kept);
    await mine(2);
    const end = await latest();
    const state = await caughtUp(follower);
    assert.equal(state.certificates.get(epoch)?.resultsRoot, kept.resultsRoot);
    await assertSame(state);

    const afresh = follow();
    assert.deepEqual(await afresh.to(end), state);
    assert.deepEqual(afresh.hashes, follower.hashes);
    assert.ok(start.head!.number < fork);
  });
});
