import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { numberToHex } from "viem";
import { eventsIn } from "../support/contracts/allowances.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { asContract, createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/* Providers and keepers of account 2; the tests speak for `Disputes` and `Repairs`. */
const KEEPER = 1;
const NEVER = 2 ** 32 - 1;
const ORDER = numberToHex(7, { size: 32 });

let group: Group;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createGroup({ providers: 2, keepers: 5 });
  await group.toEpoch(1);
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

type Stake = { stake: bigint; locked: bigint; jailedUntil: number };
const stakeOf = async (id = 1) => await group.read.staking<Stake>("provider", [id]);
const lock = async (shards = 1, ids = [1]) =>
  await group.onStaking("lockCollateral", [ids, shards, ORDER], await asContract(group, group.repairs));
const slash = async (from: "disputes" | "repairs", shards: number, taken: bigint) =>
  await group.onStaking("slashProvider", [1, shards, taken, ORDER], await asContract(group, group[from]));
const epochNow = async () => await group.read.settlement<number>("epochNow");

test("a provider that lost data takes no slots for rejoinEpochs, then it does", async () => {
  const shard = group.parameters.collateralPerShard;
  await lock(3);
  const receipt = await slash("disputes", 3, 3n * shard);
  const until = (await epochNow()) + group.parameters.rejoinEpochs;
  const stake = 1000n * TOKENS - 3n * shard;
  assert.deepEqual(eventsIn(receipt), [
    ["ProviderSlashed", 1, ORDER, 3n * shard, stake],
    ["ProviderJailed", 1, until],
  ]);
  const { stake: left, locked, jailedUntil } = await stakeOf();
  assert.deepEqual([left, locked, jailedUntil], [stake, 0n, until]);
  await rejectsWith(lock(), "JailNotOver", [1, until]);
  await rejectsWith(lock(1, [2, 1]), "JailNotOver", [1, until]);
  await group.toEpoch(until - 1);
  await rejectsWith(lock(), "JailNotOver", [1, until]);
  await group.toEpoch(until);
  assert.equal((await stakeOf()).jailedUntil, 0);
  await lock();
});

test("a second slash begins the time anew, and what is locked stays locked", async () => {
  const shard = group.parameters.collateralPerShard;
  await lock(5);
  await slash("disputes", 1, shard);
  await group.toEpoch(3);
  await slash("disputes", 1, 1n);
  assert.equal((await stakeOf()).jailedUntil, 3 + group.parameters.rejoinEpochs);
  assert.equal((await stakeOf()).locked, 3n * shard);
});

test("who pays a bonus for leaving is not jailed, and the rest of its collateral is free", async () => {
  const shard = group.parameters.collateralPerShard;
  await lock(2);
  const receipt = await slash("repairs", 2, shard / 2n);
  assert.deepEqual(eventsIn(receipt), [
    ["CollateralReleased", 1, ORDER, 2n * shard - shard / 2n],
    ["ProviderSlashed", 1, ORDER, shard / 2n, 1000n * TOKENS - shard / 2n],
  ]);
  assert.deepEqual(await stakeOf().then(({ locked, jailedUntil }) => [locked, jailedUntil]), [0n, 0]);
  await lock();
  const nothing = await slash("repairs", 1, 0n);
  assert.deepEqual(eventsIn(nothing), [["CollateralReleased", 1, ORDER, shard]]);
});

test("a keeper that leaves its seat by itself takes none for rejoinEpochs", async () => {
  await group.onStaking("requestUnbonding", [KEEPER, 5, 1000n * TOKENS]);
  const from = (await epochNow()) + group.parameters.rejoinEpochs;
  assert.equal((await group.read.staking<{ rejoinEpoch: number }>("keeper", [5])).rejoinEpoch, from);
  await group.onStaking("addStake", [KEEPER, 5, 1000n * TOKENS]);
  await rejectsWith(group.onStaking("takeSeat", [5]), "RejoinTooEarly", [5, 1, from]);
  await group.toEpoch(from - 1);
  await rejectsWith(group.onStaking("takeSeat", [5]), "RejoinTooEarly", [5, from - 1, from]);
  await group.toEpoch(from);
  const receipt = await group.onStaking("takeSeat", [5], group.keepers[4]!.account);
  assert.deepEqual(eventsIn(receipt), [["KeeperSeated", 5, 4]]);
  await rejectsWith(group.onStaking("takeSeat", [5]), "KeeperAlreadySeated", [5, 4]);
});

test("who takes out only a part keeps its seat", async () => {
  await group.onStaking("addStake", [KEEPER, 5, 1n]);
  await group.onStaking("requestUnbonding", [KEEPER, 5, 1n]);
  const { seat, rejoinEpoch } = await group.read.staking<{ seat: number; rejoinEpoch: number }>(
    "keeper",
    [5],
  );
  assert.deepEqual([seat, rejoinEpoch], [4, 0]);
});

test("a slashed keeper never takes a seat again", async () => {
  await group.onStaking("slashKeeper", [5, group.user.address], await asContract(group, group.settlement));
  assert.equal((await group.read.staking<{ rejoinEpoch: number }>("keeper", [5])).rejoinEpoch, NEVER);
  await group.onStaking("addStake", [KEEPER, 5, 1000n * TOKENS]);
  await group.toEpoch(1000);
  await rejectsWith(group.onStaking("takeSeat", [5]), "KeeperEjected", [5]);
  await group.onStaking("requestUnbonding", [KEEPER, 5, 1000n * TOKENS]);
  await group.onStaking("addStake", [KEEPER, 5, 1000n * TOKENS]);
  await rejectsWith(group.onStaking("takeSeat", [5]), "KeeperEjected", [5]);
});

test("who was outbid may come back at once, with more", async () => {
  const { address } = testAccount(63);
  for (let id = 6; id <= 32; id++) {
    await group.onStaking("registerKeeper", [numberToHex(1000 + id, { size: 20 }), "/k", 1000n * TOKENS]);
  }
  const refused = group.onStaking("registerKeeper", [address, "/k", 1000n * TOKENS]);
  await rejectsWith(refused, "SeatOutbid", [1000n * TOKENS, 1000n * TOKENS]);
  const receipt = await group.onStaking("registerKeeper", [address, "/k", 1000n * TOKENS + 1n]);
  assert.deepEqual(eventsIn(receipt, "KeeperUnseated"), [["KeeperUnseated", 32, 31, 33]]);
  await rejectsWith(group.onStaking("takeSeat", [32]), "SeatOutbid", [1000n * TOKENS, 1000n * TOKENS]);
  await group.onStaking("addStake", [KEEPER, 32, 1n]);
  const back = await group.onStaking("takeSeat", [32]);
  assert.deepEqual(eventsIn(back), [
    ["KeeperUnseated", 31, 30, 32],
    ["KeeperSeated", 32, 30],
  ]);
});
