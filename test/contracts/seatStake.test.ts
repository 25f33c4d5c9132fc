import assert from "node:assert/strict";
import { test } from "node:test";
import { zeroHash } from "viem";
import { assertBooks } from "../support/contracts/books.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { asContract, createGroup, TOKENS } from "../support/contracts/group.ts";

const BURNT = "0x000000000000000000000000000000000000dEaD";
const NO_SEAT = 255;

test("a keeper that took its stake back needs the minimum again for a seat", async () => {
  const group = await createGroup({ keepers: 5, providers: 0 });
  const minimum = group.parameters.minKeeperStake;
  const takeSeat = (from = group.owner) => group.onStaking("takeSeat", [5], from);
  await group.onStaking("requestUnbonding", [1, 5, 1000n * TOKENS]);
  await group.toEpoch(group.parameters.rejoinEpochs + 1);
  await rejectsWith(takeSeat(), "StakeTooLow", [0n, minimum]);
  await group.onStaking("addStake", [1, 5, minimum - 1n]);
  await rejectsWith(takeSeat(), "StakeTooLow", [minimum - 1n, minimum]);
  await group.onStaking("addStake", [1, 5, 1n]);
  await rejectsWith(takeSeat(group.user), "NotOwnerOrOperator");
  await takeSeat(group.keepers[4]!.account);
  assert.equal((await group.read.staking<{ seat: number }>("keeper", [5])).seat, 4);
  await group.chain.close();
});

test("a slashed keeper loses all its stake, on its way out or not, and its seat", async () => {
  const group = await createGroup({ keepers: 5, providers: 1 });
  await group.onStaking("addStake", [1, 2, 1000n * TOKENS + 19n]);
  await group.onStaking("requestUnbonding", [1, 2, 700n * TOKENS]);
  const settlement = await asContract(group, group.settlement);
  const reporter = testAccount(60).address;
  const before = await group.read.token<bigint>("balanceOf", [BURNT]);
  await group.onStaking("slashKeeper", [2, reporter], settlement);
  // 2,000 tokens and 19 wei: a twentieth, rounded down, is the reporter's.
  assert.equal(await group.read.token("balanceOf", [reporter]), 100n * TOKENS);
  assert.equal((await group.read.token<bigint>("balanceOf", [BURNT])) - before, 1900n * TOKENS + 19n);
  const keeper = await group.read.staking<Record<string, unknown>>("keeper", [2]);
  assert.deepEqual([keeper.stake, keeper.unbonding, keeper.unbondingAt, keeper.seat], [0n, 0n, 0n, NO_SEAT]);
  await rejectsWith(group.onStaking("withdrawStake", [1, 2]), "NothingUnbonding", [2]);
  await group.chain.helpers.mine();
  const block = await group.chain.publicClient.getBlockNumber();
  const seats = await group.read.staking<{ keeperId: number }[]>("seatsBefore", [block]);
  const seated = seats.map(({ keeperId }) => keeperId);
  assert.deepEqual(seated, [1, 3, 4, 5], "no roster names it again");
  await group.onStaking("slashKeeper", [2, reporter], settlement);
  assert.equal(await group.read.token("balanceOf", [reporter]), 100n * TOKENS, "there is nothing left");
  await assertBooks(group);
  await group.chain.close();
});

test("collateral is slashed up to what is locked, out of the stake, into the orders' contract", async () => {
  const group = await createGroup({ providers: 1 });
  const repairs = await asContract(group, group.repairs);
  const shard = group.parameters.collateralPerShard;
  await group.onStaking("lockCollateral", [[1], 2, zeroHash], repairs);
  await rejectsWith(group.onStaking("slashProvider", [1, 3, shard, zeroHash], repairs), "CollateralTooLow", [
    ...[1, 2n * shard, 3n * shard],
  ]);
  await rejectsWith(
    group.onStaking("slashProvider", [1, 2, 2n * shard + 1n, zeroHash], repairs),
    "CollateralTooLow",
    [1, 2n * shard, 2n * shard + 1n],
  );
  await rejectsWith(group.onStaking("slashProvider", [9, 1, 1n, zeroHash], repairs), "CollateralTooLow", [
    ...[9, 0n, shard],
  ]);
  await group.onStaking("slashProvider", [1, 2, 10n, zeroHash], repairs);
  const { stake, locked } = await group.read.staking<{ stake: bigint; locked: bigint }>("provider", [1]);
  assert.deepEqual([stake, locked], [1000n * TOKENS - 10n, 0n]);
  assert.equal(await group.read.token("balanceOf", [group.orders]), 10n);
  await group.onOrders("creditPayer", [group.user.address, zeroHash, 4n], repairs);
  await group.onOrders("creditProvider", [1, zeroHash, 3n], repairs);
  await group.onOrders("creditTreasury", [zeroHash, 3n], repairs);
  await assertBooks(group);
  await group.onOrders("withdrawTreasury", [0]);
  await group.onOrders("withdrawCredit", [1]);
  await assertBooks(group);
  await rejectsWith(group.onOrders("noteHandOver", [zeroHash, 0, 1n], repairs), "EscrowTooLow", [
    ...[zeroHash, 0n, 1n],
  ]);
  await group.chain.close();
});
