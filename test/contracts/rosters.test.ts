import assert from "node:assert/strict";
import { test } from "node:test";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { createGroup, TOKENS } from "../support/contracts/group.ts";

const TERM = { parameters: { termLength: 4 } };

test("the first roster is in force at once, the next only from the last epoch of a term", async () => {
  const group = await createGroup({ keepers: 4, providers: 0, ...TERM });
  const first = group.keepers.map(({ account }) => account.address);
  assert.deepEqual(await group.read.settlement("roster", [0]), first);
  assert.deepEqual(
    await group.read.settlement("rosterKeepers", [7]),
    [1, 2, 3, 4],
    "it stays until replaced",
  );
  await rejectsWith(group.onSettlement("rotate", []), "RotationNotDue", [0, 3]);

  await group.onStaking("registerKeeper", [testAccount(36).address, "/k/5", 1000n * TOKENS]);
  await group.toEpoch(3);
  await group.onSettlement("rotate", []);
  assert.deepEqual(await group.read.settlement("roster", [0]), first);
  assert.deepEqual(await group.read.settlement("rosterKeepers", [1]), [1, 2, 3, 4, 5]);
  await rejectsWith(group.onSettlement("rotate", []), "RotationNotDue", [3, 7]);

  // The epoch's own roster certifies it, although the next one is written already.
  await rejectsWith(
    group.onSettlement("certify", [
      group.certificate(3),
      ...(await group.signatures(group.certificate(3), [0, 1])),
    ]),
    "QuorumWrong",
    [2n, 3n],
  );
  await group.certify(group.certificate(3));
  await group.toEpoch(4);
  const next = group.certificate(4);
  await rejectsWith(group.certify(next), "QuorumWrong", [3n, 4n]);
  await group.onSettlement("certify", [next, ...(await group.signatures(next, [0, 1, 2, 3]))]);
  await group.chain.close();
});

test("a roster needs four seats, all taken in an earlier block", async () => {
  const group = await createGroup({ keepers: 3, providers: 0, rotate: false });
  await rejectsWith(group.onSettlement("rotate", []), "SeatsTooFew", [3n, 4n]);
  await group.onStaking("registerKeeper", [testAccount(35).address, "/k/4", 1000n * TOKENS]);
  // Simulated on the block that took the fourth seat.
  await rejectsWith(group.onSettlement("rotate", []), "SeatsTooFew", [3n, 4n]);
  await group.chain.helpers.mine();
  await group.onSettlement("rotate", []);
  assert.equal(await group.read.settlement("rosterSize", [0]), 4n);
  await group.chain.close();
});

test("a member of the roster keeps its stake until it is off it", async () => {
  const group = await createGroup({ keepers: 5, providers: 0, parameters: { termLength: 150 } });
  await group.onStaking("requestUnbonding", [1, 5, 1000n * TOKENS]);
  assert.equal((await group.read.staking<{ seat: number }>("keeper", [5])).seat, 255);
  await rejectsWith(group.onStaking("withdrawStake", [1, 5]), "UnbondingNotOver");
  await group.toEpoch(149);
  await rejectsWith(group.onStaking("withdrawStake", [1, 5]), "KeeperOnRoster", [5]);
  await group.onSettlement("rotate", []);
  await rejectsWith(group.onStaking("withdrawStake", [1, 5]), "KeeperOnRoster", [5]);
  await group.toEpoch(150);
  await group.onStaking("withdrawStake", [1, 5]);
  await rejectsWith(group.onStaking("withdrawStake", [1, 5]), "NothingUnbonding", [5]);
  await group.chain.close();
});

test("a newcomer to a full table outbids the smallest stake, the last one seated among equals", async () => {
  const group = await createGroup({ keepers: 32, providers: 0 });
  const register = async (stake: bigint) =>
    await group.onStaking("registerKeeper", [testAccount(10).address, "/k/33", stake]);
  await rejectsWith(register(1000n * TOKENS), "SeatOutbid", [1000n * TOKENS, 1000n * TOKENS]);
  await group.onStaking("addStake", [1, 32, 1n]);
  await register(1001n * TOKENS);
  const seat = async (id: number) => (await group.read.staking<{ seat: number }>("keeper", [id])).seat;
  assert.deepEqual([await seat(31), await seat(32), await seat(33)], [255, 31, 30]);
  await rejectsWith(group.onStaking("takeSeat", [31]), "SeatOutbid");
  await rejectsWith(group.onStaking("takeSeat", [33]), "KeeperAlreadySeated", [33, 30]);
  await group.onStaking("addStake", [1, 31, TOKENS]);
  await group.onStaking("takeSeat", [31]);
  assert.deepEqual([await seat(30), await seat(31)], [255, 29]);
  await group.chain.close();
});
