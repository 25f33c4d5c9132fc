import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { numberToHex } from "viem";
import { eventsIn } from "../support/contracts/allowances.ts";
import { rejectsWith } from "../support/contracts/chain.ts";
import { asContract, createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/* A provider with 100 tokens of stake, a tenth of a token per shard, and a quarter of the stake per epoch. */
const SHARD = TOKENS / 10n;
const ORDER = numberToHex(7, { size: 32 });

let group: Group;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createGroup({
    providers: 2,
    parameters: { lockShare: 2500, collateralPerShard: SHARD, minProviderStake: 100n * TOKENS },
  });
  await group.onStaking("requestUnbonding", [0, 1, 900n * TOKENS]);
  await group.toEpoch(1);
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const lock = async (shards: number, ids = [1]) =>
  await group.onStaking("lockCollateral", [ids, shards, ORDER], await asContract(group, group.repairs));
const release = async (shards: number) =>
  await group.onStaking("releaseCollateral", [[1], shards, ORDER], await asContract(group, group.repairs));
const locked = async () => (await group.read.staking<{ locked: bigint }>("provider", [1])).locked;

test("at most lockShare of the stake is locked anew in an epoch, in one lock or in many", async () => {
  await rejectsWith(lock(251), "LockCapReached", [1, 251n * SHARD, 25n * TOKENS]);
  const receipt = await lock(200);
  assert.deepEqual(eventsIn(receipt), [["CollateralLocked", 1, ORDER, 200n * SHARD]]);
  await rejectsWith(lock(51), "LockCapReached", [1, 251n * SHARD, 25n * TOKENS]);
  await lock(50);
  await rejectsWith(lock(1), "LockCapReached", [1, 251n * SHARD, 25n * TOKENS]);
  await group.toEpoch(2);
  await lock(250);
  await rejectsWith(lock(1), "LockCapReached", [1, 251n * SHARD, 25n * TOKENS]);
  assert.equal(await locked(), 500n * SHARD);
});

test("what is released in the same epoch counts as locked anew all the same", async () => {
  await lock(250);
  const receipt = await release(250);
  assert.deepEqual(eventsIn(receipt), [["CollateralReleased", 1, ORDER, 25n * TOKENS]]);
  assert.equal(await locked(), 0n);
  await rejectsWith(lock(1), "LockCapReached", [1, 251n * SHARD, 25n * TOKENS]);
});

test("one provider at its limit refuses the whole lock", async () => {
  await lock(250);
  await rejectsWith(lock(1, [2, 1]), "LockCapReached", [1, 251n * SHARD, 25n * TOKENS]);
  await lock(1, [2]);
});

test("no more than the stake is ever locked, and no more released than is locked", async () => {
  for (let epoch = 2; epoch <= 5; epoch++) {
    await group.toEpoch(epoch);
    await lock(epoch === 5 ? 249 : 250);
  }
  await group.toEpoch(6);
  await rejectsWith(lock(2), "StakeNotFree", [1, SHARD, 2n * SHARD]);
  await lock(1);
  await rejectsWith(lock(1), "StakeNotFree", [1, 0n, SHARD]);
  await rejectsWith(group.onStaking("requestUnbonding", [0, 1, 1n]), "StakeNotFree", [1, 0n, 1n]);
  await rejectsWith(release(1001), "CollateralTooLow", [1, 100n * TOKENS, 1001n * SHARD]);
  await release(1000);
  assert.equal(await locked(), 0n);
});

test("who is below the minimum stake, or unknown, locks nothing", async () => {
  await lock(1);
  const disputes = await asContract(group, group.disputes);
  await group.onStaking("slashProvider", [1, 1, 1n, ORDER], disputes);
  await group.toEpoch(1 + group.parameters.rejoinEpochs);
  await rejectsWith(lock(1), "StakeTooLow", [100n * TOKENS - 1n, 100n * TOKENS]);
  await rejectsWith(lock(1, [3]), "ProviderUnknown", [3]);
});
