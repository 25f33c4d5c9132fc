import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { numberToHex } from "viem";
import { eventsIn } from "../support/contracts/allowances.ts";
import { assertBooks } from "../support/contracts/books.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { asContract, createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/* Terms of four epochs; an order from epoch 1 to 9 is settled and closed, both terms are over. */
const PROVIDER = 0;
const KEEPER = 1;
const stranger = testAccount(50);
const heir = testAccount(51);
const fresh = testAccount(52);

let group: Group;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createGroup({ providers: 3, parameters: { termLength: 4 } });
  await group.onOrders("deposit", [1000n * TOKENS]);
  const order = await group.order({ policy: (1 << 16) | (2 << 8) | 1, startEpoch: 1, endEpoch: 9 });
  await group.open(order);
  for (let epoch = 1; epoch <= 8; epoch++) {
    await group.toEpoch(epoch);
    if (epoch === 3) await group.onSettlement("rotate", []);
    await group.certify(group.certificate(epoch));
  }
  await group.onOrders("settle", [order, 9]);
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const tokensOf = async (address: string) => await group.read.token<bigint>("balanceOf", [address]);

test("a keeper's share goes to its owner, whoever asks, whatever became of its key", async () => {
  const { keepers } = await group.read.orders<{ keepers: bigint }>("pool", [1]);
  await group.onStaking("setOperator", [KEEPER, 2, fresh.address]);
  await group.onStaking("transferOwnership", [KEEPER, 2, heir.address]);
  await group.onStaking("acceptOwnership", [KEEPER, 2], heir);
  const receipt = await group.onOrders("claimKeeperFee", [1, 2], stranger);
  assert.deepEqual(eventsIn(receipt, "KeeperFeeClaimed"), [
    ["KeeperFeeClaimed", 1, 2, heir.address, keepers / 4n],
  ]);
  assert.equal(await tokensOf(heir.address), keepers / 4n);
  await rejectsWith(group.onOrders("claimKeeperFee", [1, 2], heir), "NothingToWithdraw", []);
  await assertBooks(group);
});

test("only keepers of the term's roster have a share, once all its epochs are finished", async () => {
  await rejectsWith(group.onOrders("claimKeeperFee", [1, 5]), "NotOnRoster", [1, 5]);
  await rejectsWith(group.onOrders("claimKeeperFee", [1, 0]), "NotOnRoster", [1, 0]);
  await rejectsWith(group.onOrders("claimKeeperFee", [2, 1]), "TermNotOver", [2]);
});

test("a provider's credit goes to its owner, whoever asks", async () => {
  await group.onStaking("transferOwnership", [PROVIDER, 1, heir.address]);
  await group.onStaking("acceptOwnership", [PROVIDER, 1], heir);
  const credit = await group.read.orders<bigint>("credit", [1]);
  const receipt = await group.onOrders("withdrawCredit", [1], stranger);
  assert.deepEqual(eventsIn(receipt, "CreditWithdrawn"), [["CreditWithdrawn", 1, heir.address, credit]]);
  assert.equal(await tokensOf(heir.address), credit);
  await rejectsWith(group.onOrders("withdrawCredit", [1]), "NothingToWithdraw", []);
});

test("pools say what was paid for a term, claimed or not", async () => {
  const before = await group.read.orders("pool", [0]);
  await group.onOrders("claimKeeperFee", [0, 1]);
  await group.onOrders("withdrawTreasury", [0]);
  assert.deepEqual(await group.read.orders("pool", [0]), before);
  const id = numberToHex(1, { size: 32 });
  const receipt = await group.onOrders("creditTreasury", [id, 0n], await asContract(group, group.repairs));
  assert.deepEqual(eventsIn(receipt), [["TreasuryCredited", 2, id, 0n]]);
});
