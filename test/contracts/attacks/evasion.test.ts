import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak256, stringToHex, zeroHash } from "viem";
import { rejectsWith, testAccount } from "../../support/contracts/chain.ts";
import { createGroup, TOKENS } from "../../support/contracts/group.ts";
import { createRepairGroup } from "../../support/contracts/repairs.ts";
import { signCommit } from "../../support/contracts/signing.ts";

/* Whoever is to be slashed tries to be gone. More of the kind: exits.test.ts, directChallenges.test.ts, keys.test.ts. */

const PROVIDER = 0;
const KEEPER = 1;
const stranger = testAccount(55);

test("an accused provider unbonds, leaves, changes its key and its owner: its collateral is slashed all the same", async () => {
  const group = await createRepairGroup();
  await group.epoch(1);
  const record = await group.evict(2, 0);
  const { stake, locked } = await group.stakeOf(1);
  assert.ok(locked > 0n);
  await rejectsWith(group.onStaking("requestUnbonding", [PROVIDER, 1, stake - locked + 1n]), "StakeNotFree", [
    ...[1, stake - locked, stake - locked + 1n],
  ]);
  const left = group.parameters.minProviderStake;
  await group.onStaking("requestUnbonding", [PROVIDER, 1, stake - left]);
  await group.onStaking("setExiting", [1, true]);
  await group.onStaking("setOperator", [PROVIDER, 1, testAccount(56).address]);
  await group.onStaking("transferOwnership", [PROVIDER, 1, stranger.address]);
  await group.onStaking("acceptOwnership", [PROVIDER, 1], stranger);
  await rejectsWith(group.onStaking("requestUnbonding", [PROVIDER, 1, left], stranger), "StakeNotFree");
  await group.close(record);
  const after = await group.stakeOf(1);
  assert.deepEqual([after.stake, after.locked], [left - locked, 0n]);
  // What was free when it asked is paid to the owner of now, after the delay.
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay);
  await group.onStaking("withdrawStake", [PROVIDER, 1]);
  assert.equal(await group.read.token("balanceOf", [stranger.address]), stake - left);
  await group.books();
  await group.chain.close();
});

test("a keeper that unbonded and gave its key and itself away still answers for what it signed", async () => {
  const group = await createGroup({ keepers: 5, providers: 0 });
  const account = group.keepers[4]!.account;
  await group.onStaking("requestUnbonding", [KEEPER, 5, 1000n * TOKENS]);
  await group.onStaking("setOperator", [KEEPER, 5, stranger.address]);
  await group.onStaking("transferOwnership", [KEEPER, 5, stranger.address]);
  await group.onStaking("acceptOwnership", [KEEPER, 5], stranger);
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay - 600);
  await rejectsWith(group.onStaking("withdrawStake", [KEEPER, 5]), "UnbondingNotOver");
  const a = group.certificate(1);
  const b = { ...a, resultsRoot: keccak256(stringToHex("another")) };
  const votes = [await signCommit(group.place, a, account), await signCommit(group.place, b, account)];
  await group.onSettlement("reportEquivocation", [a, b, 4, ...votes], group.user);
  await rejectsWith(group.onStaking("withdrawStake", [KEEPER, 5]), "NothingUnbonding", [5]);
  await group.chain.close();
});

test("stake of one role is not reached through the other, nor freed by it", async () => {
  const group = await createRepairGroup({ keepers: 4 });
  const { account } = group.keepers[3]!;
  await group.onStaking("registerProvider", [account.address, "/p", zeroHash, 1n, true, 1000n * TOKENS]);
  const a = group.certificate(1);
  const b = { ...a, resultsRoot: keccak256(stringToHex("another")) };
  const votes = [await signCommit(group.place, a, account), await signCommit(group.place, b, account)];
  await group.onSettlement("reportEquivocation", [a, b, 3, ...votes], stranger);
  assert.equal((await group.stakeOf(8)).stake, 1000n * TOKENS);
  await rejectsWith(group.onStaking("addStake", [KEEPER, 9, TOKENS]), "KeeperUnknown", [9]);
  await group.books();
  await group.chain.close();
});

test("a seat that is taken in the block of a rotation is not in its roster", async () => {
  const group = await createGroup({ keepers: 6, providers: 0, parameters: { termLength: 10 } });
  await group.toEpoch(9);
  const { chain } = group;
  await chain.publicClient.request({ method: "evm_setAutomine" as never, params: [false] as never });
  const args = [stranger.address, "/late", 5000n * TOKENS];
  const send = async (run: () => Promise<unknown>) => void run().catch(() => undefined);
  await send(() => group.onStaking("registerKeeper", args));
  await send(() => group.onSettlement("rotate", []));
  await new Promise<void>((done) => setImmediate(done));
  for (let tries = 0; tries < 200; tries++) {
    const pending = await chain.publicClient.getBlockTransactionCount({ blockTag: "pending" });
    if (pending >= 2) break;
  }
  await chain.helpers.mine();
  await chain.publicClient.request({ method: "evm_setAutomine" as never, params: [true] as never });
  assert.deepEqual(await group.read.settlement("rosterKeepers", [1]), [1, 2, 3, 4, 5, 6]);
  assert.equal(await group.read.staking("keeperCount"), 7);
  await chain.close();
});
