import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Hex } from "viem";
import { renewalKey } from "../../../protocol/chain/allowanceTypes.ts";
import { cutoffTime, epochStart, seedTime } from "../../../protocol/chain/epochs.ts";
import type { FinalBlock, GroupLog } from "../../../protocol/chain/groupContracts.ts";
import { applyBlock, applyBlocks, createGroupState } from "../../../protocol/chain/groupState.ts";
import { type GroupState, type Milestone, rosterOf } from "../../../protocol/chain/groupTypes.ts";
import { epochSeed } from "../../../protocol/challenge/seed.ts";
import { address, blockOf, GENESIS, hash, logOf, openedLog, testDeployment } from "./blocks.ts";

const group = testDeployment.groups[0]!;
const fresh = () => createGroupState({ chainId: 31_337, group });
const names = (milestones: readonly Milestone[]) =>
  milestones.map((milestone) =>
    "epoch" in milestone ? `${milestone.type} ${milestone.epoch}` : milestone.type,
  );
const sets = (milestones: readonly Milestone[]) =>
  milestones.flatMap((milestone) => (milestone.type === "epochStarted" ? [milestone.set] : []));

describe("time milestones", () => {
  it("come at the first block at or after start, seed time and cut-off of each epoch", () => {
    const times = [
      GENESIS - 1,
      GENESIS,
      GENESIS + 19,
      GENESIS + 20,
      GENESIS + 39,
      GENESIS + 41,
      GENESIS + 60,
    ];
    let state = fresh();
    const seen = times.map((time, index) => {
      const applied = applyBlock(state, blockOf(index + 1, time));
      state = applied.state;
      return names(applied.milestones);
    });
    assert.deepEqual(seen, [[], ["epochStarted 0"], [], ["seed 0"], [], ["cutoff 0"], ["epochStarted 1"]]);
  });

  it("of several epochs in one block come in the order in which they were due", () => {
    const before = applyBlock(fresh(), blockOf(1, GENESIS - 5)).state;
    const { milestones } = applyBlock(before, blockOf(2, GENESIS + 2 * 60 + 25));
    assert.deepEqual(names(milestones), [
      "epochStarted 0",
      "seed 0",
      "cutoff 0",
      "epochStarted 1",
      "seed 1",
      "cutoff 1",
      "epochStarted 2",
      "seed 2",
    ]);
  });

  it("come before the events of their block", () => {
    const rotated = logOf("settlement", "RosterRotated", {
      term: 0,
      keeperIds: [1],
      operators: [address(1)],
    });
    const { milestones } = applyBlock(fresh(), blockOf(1, GENESIS, [rotated]));
    assert.deepEqual(names(milestones), ["epochStarted 0", "rosterRotated"]);
  });

  it("of epochs that had passed before the group's first block never come", () => {
    const { milestones, state } = applyBlock(fresh(), blockOf(1, GENESIS + 1_000_000 * 60 + 5));
    assert.deepEqual(names(milestones), ["epochStarted 1000000"]);
    assert.deepEqual(names(applyBlock(state, blockOf(2, GENESIS + 1_000_000 * 60 + 20)).milestones), [
      "seed 1000000",
    ]);
  });

  it("give with a cut-off the state before its block: what comes in it counts for the next epoch", () => {
    const opened = openedLog(1, { sequence: 0, startEpoch: 1, endEpoch: 9 });
    const late = openedLog(2, { sequence: 1, startEpoch: 2, endEpoch: 9 });
    const { milestones } = applyBlocks(fresh(), [
      blockOf(1, GENESIS, [opened]),
      blockOf(2, GENESIS + 40, [late]),
    ]);
    const cutoff = milestones.find((milestone) => milestone.type === "cutoff")!;
    assert.deepEqual([cutoff.epoch, cutoff.block, cutoff.before.head?.number], [0, 2, 1]);
    assert.deepEqual([...cutoff.before.orders.keys()], [hash(1)]);
  });

  it("give the seed of the block's own randomness, different for each epoch", () => {
    const before = applyBlock(fresh(), blockOf(1, GENESIS - 5)).state;
    const block = blockOf(2, GENESIS + 90);
    const { state, milestones } = applyBlock(before, block);
    const seeds = milestones.flatMap((milestone) => (milestone.type === "seed" ? [milestone.seed] : []));
    const expected = [0, 1].map((epoch) =>
      epochSeed({ chainId: 31_337, group: group.settlement, epoch, prevRandao: block.prevRandao }),
    );
    assert.deepEqual(seeds, expected);
    assert.equal(state.seeds.get(1)?.seed, expected[1]);
    assert.equal(state.seeds.get(1)?.block, 2);
  });
});

describe("set of an epoch", () => {
  const at = (epoch: number, second = 0) => GENESIS + epoch * 60 + second;

  it("has the orders of the last block before the start, not those of the block that passes it", () => {
    const { milestones } = applyBlocks(fresh(), [
      blockOf(1, at(0) + 1, [openedLog(1, { sequence: 0, startEpoch: 1, endEpoch: 5 })]),
      blockOf(2, at(1), [openedLog(2, { sequence: 1, startEpoch: 1, endEpoch: 5 })]),
      blockOf(3, at(2)),
    ]);
    const orders = sets(milestones).map((set) => [...new Set(set.slots.map((slot) => slot.orderId))]);
    assert.deepEqual(orders, [[], [hash(1)], [hash(1), hash(2)]]);
    assert.equal(sets(milestones)[1]?.block, 1);
  });

  it("numbers slots by the order of opening, then slot, and groups them by provider", () => {
    const { milestones } = applyBlocks(fresh(), [
      blockOf(1, at(0), [
        openedLog(9, { sequence: 0, startEpoch: 1, endEpoch: 5, providers: [7, 3] }),
        openedLog(4, { sequence: 1, startEpoch: 1, endEpoch: 5, providers: [3, 5] }),
      ]),
      blockOf(2, at(1)),
    ]);
    const set = sets(milestones)[1]!;
    assert.deepEqual(
      set.slots.map(({ sequence, slot, provider }) => [sequence, slot, provider]),
      [
        [0, 0, 7],
        [0, 1, 3],
        [1, 0, 3],
        [1, 1, 5],
      ],
    );
    assert.deepEqual([...set.byProvider.keys()], [3, 5, 7]);
    assert.deepEqual(
      set.byProvider.get(3)?.map((slot) => slot.orderId),
      [hash(9), hash(4)],
    );
  });

  it("leaves an order out before its first epoch, from its last on, and after it was ended or closed", () => {
    const { milestones } = applyBlocks(fresh(), [
      blockOf(1, at(0), [
        openedLog(1, { sequence: 0, startEpoch: 2, endEpoch: 3 }),
        openedLog(2, { sequence: 1, startEpoch: 1, endEpoch: 9 }),
        openedLog(3, { sequence: 2, startEpoch: 1, endEpoch: 9 }),
      ]),
      blockOf(2, at(1)),
      blockOf(3, at(2, 1), [
        logOf("orders", "OrderEnding", { orderId: hash(2), by: address(1), endEpoch: 3 }),
      ]),
      blockOf(4, at(2, 2), [logOf("orders", "OrderClosed", { orderId: hash(3) })]),
      blockOf(5, at(3)),
    ]);
    const orders = sets(milestones).map((set) => [...new Set(set.slots.map((slot) => Number(slot.orderId)))]);
    assert.deepEqual(orders, [[], [2, 3], [1, 2, 3], []]);
  });

  it("carries the state that it was taken from, certificates included", () => {
    const certified = logOf("settlement", "EpochCertified", {
      epoch: 1,
      term: 0,
      submitter: address(1),
      round: 0,
      resultsRoot: hash(1),
      exceptionsRoot: hash(2),
      exceptions: 0,
      absent: 0,
      leader: 2,
      signers: 7,
    });
    const { milestones, state } = applyBlocks(fresh(), [
      blockOf(1, at(1)),
      blockOf(2, at(2), [certified]),
      blockOf(3, at(3)),
    ]);
    const started = milestones.filter((milestone) => milestone.type === "epochStarted");
    assert.deepEqual(
      started.map(({ epoch, before }) => [epoch, before.lastCertified]),
      [
        [1, -1],
        [2, -1],
        [3, 1],
      ],
    );
    assert.deepEqual(
      [
        state.certificates.get(1)?.leader,
        state.certificates.get(1)?.block,
        state.certificates.get(1)?.blockHash,
      ],
      [2, 2, hash(2)],
    );
  });
});

describe("events", () => {
  const apply = (...logs: Parameters<typeof blockOf>[2] & object) =>
    applyBlock(fresh(), blockOf(1, GENESIS - 9, logs));
  const provider = {
    providerId: 4,
    owner: address(1),
    operator: address(2),
    domain: hash(3),
    ask: 5n,
    repairs: true,
    endpoint: "/e",
  };
  const keeper = { keeperId: 2, owner: address(1), operator: address(2), seat: 0, endpoint: "/k" };

  it("tell of providers and what they change", () => {
    const { state, milestones } = apply(
      logOf("staking", "ProviderRegistered", provider),
      logOf("staking", "ProviderUpdated", {
        providerId: 4,
        domain: hash(8),
        ask: 6n,
        repairs: false,
        endpoint: "/f",
      }),
    );
    assert.deepEqual(state.providers.get(4), {
      id: 4,
      owner: address(1),
      operator: address(2),
      domain: hash(8),
      ask: 6n,
      repairs: false,
      endpoint: "/f",
      formerOperators: [],
      stake: 0n,
      locked: 0n,
      lockedAnew: { epoch: 0, amount: 0n },
      jailedUntil: 0,
      exiting: false,
      registeredAt: 1,
    });
    assert.deepEqual(names(milestones), ["providerChanged", "providerChanged"]);
  });

  it("tell of a provider's stake, its collateral and that it wants to leave", () => {
    const amounts = (...logs: GroupLog[]) => {
      const { state, milestones } = apply(logOf("staking", "ProviderRegistered", provider), ...logs);
      const { stake, locked, exiting } = state.providers.get(4)!;
      return [stake, locked, exiting, milestones.length - 1];
    };
    const staked = logOf("staking", "StakeDeposited", { role: 0, id: 4, amount: 90n, stake: 90n });
    const locked = logOf("staking", "CollateralLocked", { providerId: 4, orderId: hash(1), amount: 50n });
    const released = logOf("staking", "CollateralReleased", { providerId: 4, orderId: hash(1), amount: 20n });
    const slash = { providerId: 4, orderId: hash(1), amount: 30n, stake: 60n };
    const unbonding = { role: 0, id: 4, amount: 15n, availableAt: 9n, stake: 75n };
    assert.deepEqual(amounts(staked), [90n, 0n, false, 0]);
    assert.deepEqual(amounts(staked, locked), [90n, 50n, false, 0]);
    assert.deepEqual(amounts(staked, locked, released), [90n, 30n, false, 0]);
    assert.deepEqual(amounts(staked, locked, logOf("staking", "ProviderSlashed", slash)), [
      60n,
      20n,
      false,
      0,
    ]);
    assert.deepEqual(amounts(staked, logOf("staking", "UnbondingRequested", unbonding)), [75n, 0n, false, 0]);
    const exiting = (yes: boolean) => logOf("staking", "ProviderExiting", { providerId: 4, exiting: yes });
    assert.deepEqual(amounts(exiting(true)), [0n, 0n, true, 1]);
    assert.deepEqual(amounts(exiting(true), exiting(false)), [0n, 0n, false, 2]);
  });

  it("tell what a provider locked anew in the epoch of the block, and nothing of what is freed", () => {
    const locked = (amount: bigint) =>
      logOf("staking", "CollateralLocked", { providerId: 4, orderId: hash(1), amount });
    const released = logOf("staking", "CollateralReleased", { providerId: 4, orderId: hash(1), amount: 5n });
    const first = apply(logOf("staking", "ProviderRegistered", provider), locked(50n));
    const of = (before: GroupState, number: number, time: number, ...logs: GroupLog[]) => {
      const { state } = applyBlock(before, blockOf(number, time, logs));
      return state;
    };
    const same = of(first.state, 2, GENESIS + 59, locked(7n), released);
    const next = of(same, 3, GENESIS + 60, locked(3n));
    assert.deepEqual(same.providers.get(4)?.lockedAnew, { epoch: 0, amount: 7n });
    assert.deepEqual(next.providers.get(4)?.lockedAnew, { epoch: 1, amount: 3n });
    assert.equal(next.providers.get(4)?.locked, 55n);
  });

  it("tell of new keys and owners, each of its own role, and of a jail", () => {
    const started = { role: 0, id: 4, from: address(1), to: address(70) };
    const { state, milestones } = apply(
      logOf("staking", "ProviderRegistered", provider),
      logOf("staking", "KeeperRegistered", { ...keeper, keeperId: 4 }),
      logOf("staking", "OperatorChanged", { role: 0, id: 4, operator: address(60), former: address(2) }),
      logOf("staking", "OperatorChanged", { role: 1, id: 4, operator: address(61), former: address(9) }),
      logOf("staking", "OwnershipTransferStarted", started),
      logOf("staking", "OwnershipTransferred", { role: 1, id: 4, to: address(71), from: address(1) }),
      logOf("staking", "ProviderJailed", { providerId: 4, untilEpoch: 12 }),
    );
    const [its, keepers] = [state.providers.get(4)!, state.keepers.get(4)!];
    assert.deepEqual([its.operator, its.owner, its.jailedUntil], [address(60), address(1), 12]);
    assert.deepEqual(its.formerOperators, [{ operator: address(2), until: state.head!.timestamp }]);
    assert.deepEqual([keepers.operator, keepers.owner], [address(61), address(71)]);
    const changes = ["providerChanged", "keeperChanged", "keeperChanged", "providerChanged"];
    assert.deepEqual(names(milestones).slice(2), changes);
    const transferred = logOf("staking", "OwnershipTransferred", { ...started, to: address(70) });
    const later = applyBlock(state, blockOf(2, GENESIS + 1, [transferred])).state;
    assert.equal(later.providers.get(4)?.owner, address(70));
  });

  it("tell on what terms orders go on, and pass them to the order that follows", () => {
    const terms = { payer: address(20), orderId: hash(1), maxPrice: 9n, epochs: 30, left: 2 };
    const set = apply(logOf("allowances", "RenewalSet", terms)).state;
    const key = renewalKey(address(20), hash(1));
    assert.deepEqual(set.renewals.get(key), terms);
    const used = (orderId: Hex, nextOrderId: Hex, left: number) =>
      logOf("allowances", "RenewalUsed", { payer: address(20), orderId, nextOrderId, left });
    const once = applyBlock(set, blockOf(2, GENESIS, [used(hash(1), hash(2), 1)])).state;
    assert.deepEqual([...once.renewals.values()], [{ ...terms, orderId: hash(2), left: 1 }]);
    const twice = applyBlock(once, blockOf(3, GENESIS, [used(hash(2), hash(3), 0)])).state;
    assert.equal(twice.renewals.size, 0);
    const back = logOf("allowances", "RenewalSet", { ...terms, left: 0 });
    assert.equal(applyBlock(set, blockOf(2, GENESIS, [back])).state.renewals.size, 0);
  });

  it("about a keeper's stake do not touch the provider of the same number", () => {
    const { state } = apply(
      logOf("staking", "ProviderRegistered", provider),
      logOf("staking", "StakeDeposited", { role: 1, id: 4, amount: 7n, stake: 7n }),
      logOf("staking", "UnbondingRequested", { role: 1, id: 4, amount: 7n, availableAt: 1n, stake: 1n }),
    );
    assert.equal(state.providers.get(4)?.stake, 0n);
  });

  it("tell of keepers, their seats and the rosters by term", () => {
    const { state } = apply(
      logOf("staking", "KeeperRegistered", keeper),
      logOf("staking", "KeeperUpdated", { keeperId: 2, endpoint: "/m" }),
      logOf("staking", "KeeperUnseated", { keeperId: 2, seat: 0, by: 3 }),
      logOf("settlement", "RosterRotated", { term: 2, keeperIds: [2], operators: [address(2)] }),
      logOf("settlement", "RosterRotated", { term: 5, keeperIds: [3], operators: [address(3)] }),
    );
    assert.deepEqual([state.keepers.get(2)?.endpoint, state.keepers.get(2)?.seat], ["/m", undefined]);
    const seated = applyBlock(
      state,
      blockOf(2, GENESIS - 8, [logOf("staking", "KeeperSeated", { keeperId: 2, seat: 6 })]),
    );
    assert.equal(seated.state.keepers.get(2)?.seat, 6);
    assert.deepEqual(
      [1, 2, 4, 5, 9].map((term) => rosterOf(state, term)?.keeperIds[0]),
      [undefined, 2, 2, 3, 3],
    );
  });

  it("tell of orders from opening to close", () => {
    const { state } = apply(
      openedLog(1, { sequence: 6, startEpoch: 2, endEpoch: 9 }),
      logOf("orders", "OrderSettled", { orderId: hash(1), fromEpoch: 2, toEpoch: 4 }),
      logOf("orders", "OrderEnding", { orderId: hash(1), by: address(1), endEpoch: 5 }),
      logOf("orders", "OrderClosed", { orderId: hash(1) }),
    );
    const info = state.orders.get(hash(1));
    assert.deepEqual(
      [info?.sequence, info?.settledTo, info?.endEpoch, info?.order.endEpoch, info?.closed],
      [6, 4, 5, 9, true],
    );
  });

  it("tell of missed and finished epochs", () => {
    const { state, milestones } = apply(
      logOf("settlement", "ProviderMissed", { epoch: 3, providerId: 7, fromEpoch: 2 }),
      logOf("settlement", "ProviderMissed", { epoch: 3, providerId: 9, fromEpoch: 2 }),
      logOf("settlement", "EpochFinished", { epoch: 3, lapsed: false, gap: 1, dead: 0 }),
    );
    assert.deepEqual(state.missed.get(3), [7, 9]);
    assert.deepEqual(state.finished.get(3), { lapsed: false, gap: 1, dead: 0 });
    assert.equal(state.lastFinished, 3);
    assert.deepEqual(names(milestones), ["missed 3", "missed 3", "finished 3"]);
  });

  it("about what was never announced are refused: the log is cut", () => {
    for (const log of [
      logOf("orders", "OrderClosed", { orderId: hash(1) }),
      logOf("staking", "ProviderUpdated", { ...provider, providerId: 99 }),
      logOf("settlement", "ExceptionsApplied", { epoch: 1, from: 0, to: 1 }),
    ]) {
      assert.throws(() => apply(log), { code: "GROUP_LOG_INCOMPLETE" });
    }
  });
});

describe("any chain", () => {
  /** Blocks with rising timestamps; some open an order that starts within the next epochs. */
  const chains: fc.Arbitrary<FinalBlock[]> = fc
    .array(
      fc.record({
        wait: fc.integer({ min: 0, max: 150 }),
        opens: fc.option(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 5 }))),
      }),
      { minLength: 1, maxLength: 30 },
    )
    .map((steps) => {
      let time = GENESIS - 100;
      return steps.map(({ wait, opens }, index) => {
        time += wait;
        const epoch = Math.max(0, Math.floor((time - GENESIS) / 60));
        const startEpoch = epoch + (opens?.[0] ?? 0);
        const logs =
          opens === null
            ? []
            : [openedLog(index + 1, { sequence: index, startEpoch, endEpoch: startEpoch + opens[1] })];
        return blockOf(index + 1, time, logs);
      });
    });

  it("gives the same state and milestones however its blocks are grouped", () => {
    fc.assert(
      fc.property(chains, fc.nat(30), (blocks, cut) => {
        const whole = applyBlocks(fresh(), blocks);
        const first = applyBlocks(fresh(), blocks.slice(0, cut));
        const second = applyBlocks(first.state, blocks.slice(cut));
        assert.deepEqual(second.state, whole.state);
        assert.deepEqual([...first.milestones, ...second.milestones], whole.milestones);
      }),
    );
  });

  it("never puts an order into a set that was opened at or after the start, nor outside its epochs", () => {
    fc.assert(
      fc.property(chains, (blocks) => {
        const { milestones, state } = applyBlocks(fresh(), blocks);
        for (const set of sets(milestones)) {
          const start = epochStart(group.parameters, set.epoch);
          const expected = [...state.orders.values()].filter(
            ({ openedAt, order }) =>
              openedAt.timestamp < start && order.startEpoch <= set.epoch && set.epoch < order.endEpoch,
          );
          assert.deepEqual(
            new Set(set.slots.map((slot) => slot.orderId)),
            new Set(expected.map(({ id }) => id)),
          );
        }
      }),
    );
  });

  it("brings every milestone of every epoch once, from a block that is due and whose parent is not", () => {
    fc.assert(
      fc.property(chains, (blocks) => {
        const counts = new Map<string, number>();
        let state = fresh();
        for (const [index, block] of blocks.entries()) {
          const applied = applyBlock(state, block);
          state = applied.state;
          for (const milestone of applied.milestones) {
            if (milestone.type !== "epochStarted" && milestone.type !== "seed" && milestone.type !== "cutoff")
              continue;
            const name = `${milestone.type} ${milestone.epoch}`;
            counts.set(name, (counts.get(name) ?? 0) + 1);
            const due = { epochStarted: epochStart, seed: seedTime, cutoff: cutoffTime }[milestone.type](
              group.parameters,
              milestone.epoch,
            );
            assert.ok(block.timestamp >= due);
            if (index > 0) assert.ok(blocks[index - 1]!.timestamp < due);
          }
        }
        assert.ok([...counts.values()].every((count) => count === 1));
        const first = Math.max(0, Math.floor((blocks[0]!.timestamp - GENESIS) / 60));
        const last = Math.floor((blocks.at(-1)!.timestamp - GENESIS) / 60);
        for (let epoch = first; epoch <= last; epoch++) assert.ok(counts.has(`epochStarted ${epoch}`));
      }),
    );
  });

  it("leaves every state that was handed out as it was", () => {
    fc.assert(
      fc.property(chains, (blocks) => {
        const half = applyBlocks(fresh(), blocks.slice(0, 5)).state;
        const copy = structuredClone(half);
        applyBlocks(half, blocks.slice(5));
        assert.deepEqual(half, copy);
      }),
    );
  });
});
