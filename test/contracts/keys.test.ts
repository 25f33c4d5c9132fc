import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { zeroAddress } from "viem";
import { eventsIn } from "../support/contracts/allowances.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { createGroup, type Group } from "../support/contracts/group.ts";
import { signOrderAll } from "../support/contracts/signing.ts";

/* Three providers (operators 3 to 5) and four keepers (operators 32 to 35) of account 2. */
const PROVIDER = 0;
const KEEPER = 1;
const ROLES = [
  { name: "provider", role: PROVIDER, operatorOf: "providerOf", first: 3, unknown: "ProviderUnknown" },
  { name: "keeper", role: KEEPER, operatorOf: "keeperOf", first: 32, unknown: "KeeperUnknown" },
] as const;
const fresh = testAccount(60);
const heir = testAccount(61);

let group: Group;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createGroup({ providers: 3 });
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

for (const { name, role, operatorOf, first, unknown } of ROLES) {
  const idOf = async (address: string) => await group.read.staking<number>(operatorOf, [address]);
  const former = testAccount(first);

  test(`a ${name}'s owner makes another key the operator, and the former one is free`, async () => {
    const receipt = await group.onStaking("setOperator", [role, 1, fresh.address]);
    assert.deepEqual(eventsIn(receipt), [["OperatorChanged", role, 1, fresh.address, former.address]]);
    assert.deepEqual([await idOf(former.address), await idOf(fresh.address)], [0, 1]);
    const { operator } = await group.read.staking<{ operator: string }>(name, [1]);
    assert.equal(operator, fresh.address);
    await group.onStaking("setOperator", [role, 2, former.address]);
    assert.equal(await idOf(former.address), 2);
  });

  test(`nobody else sets a ${name}'s operator, and every key serves one id of the role`, async () => {
    for (const from of [former, group.user]) {
      await rejectsWith(group.onStaking("setOperator", [role, 1, fresh.address], from), "NotOwner", [
        ...[from.address, group.owner.address],
      ]);
    }
    await rejectsWith(group.onStaking("setOperator", [role, 1, zeroAddress]), "OperatorMissing", []);
    const second = testAccount(first + 1).address;
    await rejectsWith(group.onStaking("setOperator", [role, 1, second]), "OperatorTaken", [second, 2]);
    await rejectsWith(group.onStaking("setOperator", [role, 1, former.address]), "OperatorTaken", [
      ...[former.address, 1],
    ]);
    await rejectsWith(group.onStaking("setOperator", [role, 9, fresh.address]), unknown, [9]);
    // Keys of the other role are no obstacle.
    const other = testAccount(role === PROVIDER ? 32 : 3).address;
    await group.onStaking("setOperator", [role, 1, other]);
  });

  test(`a ${name} goes to another owner in two steps, with stake and unbonding`, async () => {
    const started = await group.onStaking("transferOwnership", [role, 1, heir.address]);
    assert.deepEqual(eventsIn(started), [
      ["OwnershipTransferStarted", role, 1, group.owner.address, heir.address],
    ]);
    assert.equal(await group.read.staking("pendingOwner", [role, 1]), heir.address);
    assert.equal(await group.read.staking("pendingOwner", [1 - role, 1]), zeroAddress);
    await rejectsWith(group.onStaking("acceptOwnership", [role, 1]), "NotPendingOwner", [
      ...[group.owner.address, heir.address],
    ]);
    const accepted = await group.onStaking("acceptOwnership", [role, 1], heir);
    assert.deepEqual(eventsIn(accepted), [
      ["OwnershipTransferred", role, 1, heir.address, group.owner.address],
    ]);
    assert.equal(await group.read.staking("pendingOwner", [role, 1]), zeroAddress);
    await rejectsWith(group.onStaking("acceptOwnership", [role, 1], heir), "NotPendingOwner", [
      ...[heir.address, zeroAddress],
    ]);
    await rejectsWith(group.onStaking("requestUnbonding", [role, 1, 1n]), "NotOwner", [
      ...[group.owner.address, heir.address],
    ]);
    const { stake } = await group.read.staking<{ stake: bigint }>(name, [1]);
    await group.onStaking("requestUnbonding", [role, 1, stake], heir);
    await group.chain.helpers.time.increase(group.parameters.unbondingDelay);
    if (role === KEEPER) return;
    await group.onStaking("withdrawStake", [role, 1]);
    assert.equal(await group.read.token("balanceOf", [heir.address]), stake);
  });

  test(`an offered ${name} can be taken back, and only its owner offers it`, async () => {
    await rejectsWith(group.onStaking("transferOwnership", [role, 1, heir.address], former), "NotOwner", [
      ...[former.address, group.owner.address],
    ]);
    await rejectsWith(group.onStaking("transferOwnership", [role, 9, heir.address]), unknown, [9]);
    await group.onStaking("transferOwnership", [role, 1, heir.address]);
    await group.onStaking("transferOwnership", [role, 1, zeroAddress]);
    await rejectsWith(group.onStaking("acceptOwnership", [role, 1], heir), "NotPendingOwner", [
      ...[heir.address, zeroAddress],
    ]);
  });
}

test("a stolen operator key is out at once: its signatures open nothing any more", async () => {
  const order = await group.order({ policy: (1 << 16) | (2 << 8) | 1 });
  const stolen = testAccount(3);
  await group.onOrders("deposit", [10_000n * 10n ** 18n]);
  await group.onStaking("setOperator", [PROVIDER, 1, fresh.address]);
  await rejectsWith(group.open(order), "ProviderSignatureInvalid", [
    ...[0n, 1, stolen.address, fresh.address],
  ]);
  const facts = [1, "/p/new", `0x${"00".repeat(32)}`, 1n, true];
  await rejectsWith(group.onStaking("updateProvider", facts, stolen), "NotOwnerOrOperator", [stolen.address]);
  await group.onStaking("updateProvider", facts, fresh);
  const signers = [fresh, testAccount(4), testAccount(5)];
  await group.open(order, { providers: await signOrderAll(group.place, order, signers) });
});

test("a keeper of the roster frees no stake by changing its key", async () => {
  const { stake } = await group.read.staking<{ stake: bigint }>("keeper", [1]);
  await group.onStaking("requestUnbonding", [KEEPER, 1, stake]);
  await group.onStaking("setOperator", [KEEPER, 1, fresh.address]);
  await group.chain.helpers.time.increase(group.parameters.unbondingDelay);
  await rejectsWith(group.onStaking("withdrawStake", [KEEPER, 1]), "KeeperOnRoster", [1]);
});
