import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { StoreResult } from "../../client/store/store.ts";
import { embeddedAccount } from "../../scripts/embedded/accounts.ts";
import { sendAll } from "../../scripts/embedded/calls.ts";
import { optOutOfRepairs } from "../../scripts/story/acts/optOut.ts";
import { holdersOf, senderOf, targetsOf } from "../../scripts/story/acts/play.ts";
import { readAcceptances, readRecord } from "../../scripts/story/acts/repair.ts";
import { settleUp } from "../../scripts/story/acts/settling.ts";
import { readDisputeLogs, readRepairLogs, readSettlementLogs } from "../../scripts/story/groupLogs.ts";
import { betweenEpochs, lastFinished, untilFinished, untilHappened } from "../../scripts/story/waiting.ts";
import { type FaultNetwork, startFaultNetwork } from "./harness/faultNetwork.ts";
import { storeGarbage } from "./harness/garbage.ts";
import {
  canVoid,
  missedEpochs,
  refusalToUnbond,
  setExiting,
  until,
  untilLost,
  untilTaken,
} from "./harness/happenings.ts";
import { countShards, startProviderProcess } from "./harness/providerProcess.ts";

/*
 * Stories of a whole network, one after the other on the same one. Each has holders of its own, as far as those of
 * earlier ones are dead, leaving or not to be offered anything for a while; whatever is repaired goes to any of the rest.
 */
const PROVIDERS = 18;
/** Epochs in which no keeper runs; fewer than maxGap, so all of them count for pay. */
const DOWN_EPOCHS = 5;
/** Providers whose stake is rightly taken in the end. */
const guilty = new Set<number>();

let faults: FaultNetwork;
let garbage: StoreResult;
before(async () => {
  faults = await startFaultNetwork({ providers: PROVIDERS });
});
after(() => faults?.stop());

/** Whatever a story was about: nothing is lost, nobody honest loses stake, supply is conserved. */
const assertJust = () => faults.assertJust({ providers: [...guilty] });

/** Providers die, between two epochs. Their owners know, and take them off the list of those that repair. */
async function stopForGood(providers: readonly number[]): Promise<void> {
  const { network, nodes } = faults;
  await optOutOfRepairs(network, providers);
  await betweenEpochs(network);
  for (const id of providers) {
    await nodes.stopProvider(id);
    guilty.add(id);
  }
}

test("garbage is stored: its commitments are right, its stripes are no codewords, one holder dies", async () => {
  const { network, kzg } = faults;
  const bytes = new Uint8Array(randomBytes(100_000));
  garbage = await storeGarbage(network, { kzg, bytes, policy: "rs(2,1)", among: [7, 8, 9], epochs: 150 });
  await network.advanceTo(garbage.order.startEpoch);
  const [dead = 0] = garbage.order.providers;
  await stopForGood([dead]);
  await untilLost(faults.network, dead);
  await assertJust();
});

test("with exactly k shards left of every stripe, both lost slots are rebuilt and the bytes come back", async () => {
  const { network } = faults;
  const bytes = randomBytes(600_000);
  const { order, orderId } = await faults.store(bytes, "rs(2,2)", [1, 2, 3, 4]);
  const dead = order.providers.slice(0, 2);
  await stopForGood(dead);
  const [epoch, other] = [
    await untilLost(faults.network, dead[0]!),
    await untilLost(faults.network, dead[1]!),
  ];
  assert.equal(epoch, other);
  // Two of two parities are gone: U_0 = 2 epochs after the first silent one.
  const [first = 0] = await missedEpochs(faults.network, dead[0]!);
  assert.equal(epoch - first, 2);
  const repairers = [
    await untilTaken(faults.network, orderId, dead[0]!),
    await untilTaken(faults.network, orderId, dead[1]!),
  ];
  assert.equal(new Set([...order.providers, ...repairers]).size, 6);
  assert.deepEqual(
    (await holdersOf(network, order)).toSorted(),
    [...order.providers.slice(2), ...repairers].toSorted(),
  );
  assert.ok((await faults.read(orderId)).equals(bytes));
  await assertJust();
});

test("a provider killed with kill -9 in the middle of a repair goes on where it was, and has the slot", async () => {
  const { network, nodes } = faults;
  const { conductor } = network;
  const bytes = randomBytes(6_000_000);
  const { order, orderId } = await faults.store(bytes, "rs(2,1)", [16, 17, 18]);
  const [dead = 0] = order.providers;
  await stopForGood([dead]);
  const offer = async () =>
    (await readRepairLogs(network))
      .filter((log) => log.eventName === "RepairOffered")
      .find(({ args }) => args.orderId === orderId)?.args;
  await untilHappened(network, "The offer", 12, async () => (await offer()) !== undefined);

  // It learns of the offer only when blocks on top are final: here that is in a process of its own.
  const repairer = (await offer())!.providerId;
  const before = await conductor.hold(async () => {
    await nodes.stopProvider(repairer);
    return countShards(network, repairer);
  });
  const first = await conductor.hold(() => startProviderProcess(network, repairer));
  const { number } = await conductor.head();
  await conductor.mineUntil((head) => head.number >= number + 3n);
  await until(() => countShards(network, repairer) >= before + 3);
  first.kill("SIGKILL");
  await first.ended;
  const done = countShards(network, repairer) - before;
  assert.ok(done < order.stripes, `${done} of ${order.stripes} were rebuilt when it was killed`);
  assert.equal(
    (await readAcceptances(network)).some((each) => each.orderId === orderId),
    false,
  );

  const second = await startProviderProcess(network, repairer);
  // Nothing is mined but for the transaction that it sends when it is done.
  await until(async () => (await readAcceptances(network)).some((each) => each.orderId === orderId));
  second.kill("SIGTERM");
  await second.ended;
  await nodes.startProvider(repairer);
  assert.equal(await untilTaken(faults.network, orderId, dead), repairer);
  assert.ok((await holdersOf(network, order)).includes(repairer));
  assert.deepEqual(await missedEpochs(faults.network, repairer), []);
  const next = await betweenEpochs(network);
  await untilFinished(network, next + 1);
  assert.deepEqual(await missedEpochs(faults.network, repairer), []);
  assert.ok((await faults.read(orderId)).equals(bytes));
  await assertJust();
});

test("more than m lost: nothing can be rebuilt, so both slots are given up and the user is refunded", async () => {
  const { network } = faults;
  const { order, orderId, cost } = await faults.store(randomBytes(10_000), "copies(2)", [5, 6]);
  await stopForGood(order.providers);
  for (const id of order.providers) await untilLost(faults.network, id);
  const voided = async () =>
    (await readRepairLogs(network))
      .filter((log) => log.eventName === "SlotVoided")
      .filter(({ args }) => args.orderId === orderId)
      .map(({ args }) => args.slot);
  for (const slot of [0, 1]) {
    if ((await voided()).includes(slot)) continue;
    await sendAll(senderOf(network), [
      {
        ...targetsOf(network).repairs,
        account: embeddedAccount("outsider"),
        functionName: "voidSlot",
        args: [order, slot],
      },
    ]);
  }
  assert.deepEqual((await voided()).toSorted(), [0, 1]);
  // All but the few epochs that were proven, of an order that would have gone on for long.
  const refunded = await settleUp(network, { order, orderId });
  assert.ok(refunded > (cost * 8n) / 10n, `${refunded} of ${cost}`);
  await assert.rejects(faults.read(orderId), { code: "TOO_FEW_SHARDS" });
  await assertJust();
});

test("a provider that comes and goes is unpaid while it is away, and loses nothing", async () => {
  const { network, nodes } = faults;
  const bytes = randomBytes(50_000);
  const { order, orderId } = await faults.store(bytes, "rs(2,1)", [10, 11, 12]);
  const [flapping = 0] = order.providers;
  const away: number[] = [];
  for (let time = 0; time < 3; time++) {
    const epoch = await betweenEpochs(network);
    await nodes.stopProvider(flapping);
    await untilFinished(network, epoch);
    away.push(epoch);
    await nodes.startProvider(flapping);
    await untilFinished(network, epoch + 1);
  }
  assert.deepEqual(await missedEpochs(faults.network, flapping), away);
  assert.equal(await readRecord(network, flapping), undefined);
  assert.ok((await holdersOf(network, order)).includes(flapping));
  assert.ok((await faults.read(orderId)).equals(bytes));
  await assertJust();
});

test("a provider leaves cleanly: others take its slots, it pays their bonus and has the rest of its stake", async () => {
  const { network } = faults;
  const bytes = randomBytes(50_000);
  const { order, orderId } = await faults.store(bytes, "rs(2,1)", [10, 11, 12]);
  const leaving = order.providers[1]!;
  const held = await faults.stakeOf(leaving);
  assert.equal(await refusalToUnbond(faults.network, leaving, held.stake), "CONTRACT_StakeNotFree");
  await setExiting(faults.network, leaving);
  await untilHappened(
    network,
    "The departure",
    12,
    async () => (await faults.stakeOf(leaving)).locked === 0n,
  );
  assert.notEqual(await untilTaken(faults.network, orderId, leaving), leaving);
  const left = await faults.stakeOf(leaving);
  // It pays the bonus of those who take over, and no more: 0.0002 tokens per shard.
  const bonus = held.stake - left.stake;
  assert.ok(bonus > 0n && bonus <= held.locked / 5n, String(bonus));
  assert.equal(await refusalToUnbond(faults.network, leaving, left.stake), undefined);
  assert.equal(await readRecord(network, leaving), undefined);
  assert.ok((await faults.read(orderId)).equals(bytes));
  guilty.add(leaving);
  await assertJust();
});

test("who wants to leave while it is accused keeps its collateral locked until the dispute is over", async () => {
  const { network, nodes } = faults;
  const { orderId, order } = await faults.store(randomBytes(50_000), "rs(2,1)", [13, 14, 15]);
  const accused = order.providers[0]!;
  const { stake } = await faults.stakeOf(accused);
  await betweenEpochs(network);
  await nodes.stopProvider(accused);
  guilty.add(accused);
  const epoch = await untilLost(faults.network, accused);
  await setExiting(faults.network, accused);
  assert.equal(await refusalToUnbond(faults.network, accused, stake), "CONTRACT_StakeNotFree");
  const closed = async () =>
    (await readDisputeLogs(network))
      .filter((log) => log.eventName === "RecordClosed")
      .some(({ args }) => args.providerId === accused && args.epoch === epoch && args.slashed);
  await untilTaken(faults.network, orderId, accused);
  await untilHappened(network, "The end of the dispute", 12, closed);
  const after = await faults.stakeOf(accused);
  assert.equal(after.locked, 0n);
  assert.ok(after.stake < stake);
  assert.equal(await refusalToUnbond(faults.network, accused, after.stake), undefined);
  await nodes.startProvider(accused);
  await assertJust();
});

test("an appeal in the last block of its window is accepted", async () => {
  const { network, nodes } = faults;
  const accused = [14, 15].find((id) => !guilty.has(id))!;
  const others = [10, 11, 12].filter((id) => !guilty.has(id));
  await faults.store(randomBytes(50_000), "rs(2,1)", [accused, ...others]);
  await betweenEpochs(network);
  const bribed = [1, 2, 3];
  for (const id of bribed) {
    await nodes.stopKeeper(id);
    await nodes.startKeeper(id, { deafTo: { keepers: [4], providers: [accused] } });
  }
  await untilLost(faults.network, accused);
  // Before it can have seen the record: blocks are final only later.
  await nodes.stopProvider(accused);
  for (const id of bribed) {
    await nodes.stopKeeper(id);
    await nodes.startKeeper(id);
  }
  const record = (await readRecord(network, accused))!;
  // The next block is the last in which it can answer.
  const isLast = async () => {
    const { number, timestamp } = await network.conductor.head();
    return timestamp >= Number(record.deadline) - 5 && number >= record.deadlineBlock - 1n;
  };
  await untilHappened(network, "The last block of the window", 4, isLast);
  await nodes.startProvider(accused);
  const accepted = async () =>
    (await readDisputeLogs(network))
      .filter((log) => log.eventName === "AppealAccepted")
      .find(({ args }) => args.providerId === accused);
  await untilHappened(network, "The appeal", 1, async () => (await accepted()) !== undefined);
  const { number, timestamp } = await network.chain.publicClient.getBlock({
    blockNumber: (await accepted())!.blockNumber,
  });
  assert.ok(timestamp <= record.deadline || number <= record.deadlineBlock);
  await assertJust();
});

test("with one keeper of four down every epoch is certified, and its absence is noted", async () => {
  const { network, nodes } = faults;
  const epoch = await betweenEpochs(network);
  await nodes.stopKeeper(4);
  await untilFinished(network, epoch + 1);
  await nodes.startKeeper(4);
  const certified = (await readSettlementLogs(network)).filter((log) => log.eventName === "EpochCertified");
  for (const each of [epoch, epoch + 1]) {
    const certificate = certified.find(({ args }) => args.epoch === each);
    assert.equal(certificate?.args.absent, 0b1000, `epoch ${each}`);
  }
  await assertJust();
});

test("with all keepers down for a while epochs are gaps: nobody misses them, no clock runs in them", async () => {
  const { network, nodes } = faults;
  const records = async () =>
    (await readDisputeLogs(network)).filter((log) => log.eventName === "LostRecorded").length;
  const lostBefore = await records();
  const epoch = await betweenEpochs(network);
  for (let id = 1; id <= 4; id++) await nodes.stopKeeper(id);
  await network.advanceTo(epoch + DOWN_EPOCHS);
  for (let id = 1; id <= 4; id++) await nodes.startKeeper(id);
  await untilHappened(network, "The first certificate after the gap", 6, async () => {
    return (await lastFinished(network)) >= epoch;
  });
  const finished = (await readSettlementLogs(network)).filter((log) => log.eventName === "EpochFinished");
  const next = finished.find(({ args }) => args.epoch >= epoch);
  // The last epochs of the gap can still be decided when the keepers are back: proofs wait for whoever asks.
  assert.ok(next !== undefined && next.args.gap >= DOWN_EPOCHS - 2, String(next?.args.gap));
  assert.equal(next.args.dead, 0);
  assert.equal(await records(), lostBefore);
  await untilFinished(network, next.args.epoch + 2);
  const missed = (await readSettlementLogs(network)).filter((log) => log.eventName === "ProviderMissed");
  assert.deepEqual(
    missed.filter(({ args }) => args.epoch >= epoch).map(({ args }) => args.providerId),
    [],
  );
  await assertJust();
});

test("nobody but its user pays for the garbage: repairers refuse it, and it is given up", async () => {
  const { network } = faults;
  const { order, orderId } = garbage;
  const ofGarbage = async () =>
    (await readRepairLogs(network)).filter((log) => "orderId" in log.args && log.args.orderId === orderId);
  const expired = async () =>
    (await ofGarbage()).filter((log) => log.eventName === "RepairOfferExpired").map(({ args }) => args);
  const given = async () => (await ofGarbage()).some((log) => log.eventName === "SlotVoided");
  await untilHappened(network, "The last expired offer", 25, async () => {
    return (await given()) || (await canVoid(faults.network, order));
  });
  if (!(await given())) {
    await sendAll(senderOf(network), [
      {
        ...targetsOf(network).repairs,
        account: embeddedAccount("outsider"),
        functionName: "voidSlot",
        args: [order, 0],
      },
    ]);
  }
  assert.ok(await given());
  const unwilling = (await expired()).map(({ providerId }) => providerId);
  assert.ok(unwilling.length >= 2, String(unwilling));
  assert.equal(
    (await ofGarbage()).some((log) => log.eventName === "RepairAccepted"),
    false,
  );
  await assertJust();
});
