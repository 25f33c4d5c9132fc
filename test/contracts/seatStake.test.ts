import assert from "node:assert/strict";
import { test } from "node:test";
import { rejectsWith } from "../support/contracts/chain.ts";
import { createGroup, TOKENS } from "../support/contracts/group.ts";

test("a keeper that took its stake back needs the minimum again for a seat", async () => {
  const group = await createGroup({ keepers: 5, providers: 0 });
  const minimum = group.parameters.minKeeperStake;
  const takeSeat = (from = group.owner) => group.onStaking("takeSeat", [5], from);
  await group.onStaking("requestUnbonding", [1, 5, 1000n * TOKENS]);
  await rejectsWith(takeSeat(), "StakeTooLow", [0n, minimum]);
  await group.onStaking("addStake", [1, 5, minimum - 1n]);
  await rejectsWith(takeSeat(), "StakeTooLow", [minimum - 1n, minimum]);
  await group.onStaking("addStake", [1, 5, 1n]);
  await rejectsWith(takeSeat(group.user), "NotOwnerOrOperator");
  await takeSeat(group.keepers[4]!.account);
  assert.equal((await group.read.staking<{ seat: number }>("keeper", [5])).seat, 4);
  await group.chain.close();
});
