import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Abi, concatHex } from "viem";
import { groupFactoryAbi } from "../../protocol/abi/generated/GroupFactory.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { rejectsWith } from "../support/contracts/chain.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";
import { signCommit, signOrder, signOrderAll } from "../support/contracts/signing.ts";

/** Two groups of one factory and one token: other epochs and prices, the same keys and owners. */
let first: Group;
let second: Group;
before(async () => {
  first = await createGroup({ providers: 4 });
  const parameters = { epochLength: 90, termLength: 50, minPrice: 200n << 32n, lockShare: 5000 };
  second = await createGroup({ providers: 4, beside: first, parameters });
  for (const group of [first, second]) await group.onOrders("deposit", [10_000n * TOKENS]);
});
after(() => first.chain.close());

type State = { readonly status: number; readonly endEpoch: number; readonly escrow: bigint };
const stateOf = (group: Group, order: Order) => group.read.orders<State>("orderState", [orderId(order)]);
const lockedOf = async (group: Group) =>
  (await group.read.staking<{ locked: bigint }>("provider", [1])).locked;
const creditOf = (group: Group) => group.read.orders<bigint>("credit", [1]);
const RELEASED = 3;

test("groups of one factory have their own parameters, members, time and money", async () => {
  const { chain, factory } = first;
  assert.equal(await chain.read(factory, groupFactoryAbi as Abi, "groupCount"), 2);
  for (const [group, id, epochLength] of [
    [first, 1, 60],
    [second, 2, 90],
  ] as const) {
    assert.equal(await group.read.staking("groupId"), id);
    const parameters = await group.read.orders<{ epochLength: number; minPrice: bigint }>("parameters");
    assert.equal(parameters.epochLength, epochLength);
    const { settlement } = await group.read.staking<{ settlement: string }>("groupContracts");
    assert.equal(settlement, group.settlement);
  }
  const cheap = { price: 150n << 32n };
  await first.open(await first.order(cheap));
  await rejectsWith(second.open(await second.order(cheap)), "PriceTooLow", [150n << 32n, 200n << 32n]);
  assert.deepEqual(
    [await lockedOf(first), await lockedOf(second)],
    [3n * first.parameters.collateralPerShard, 0n],
  );
  await first.onStaking("setExiting", [1, true]);
  assert.equal((await second.read.staking<{ exiting: boolean }>("provider", [1])).exiting, false);
  await first.onStaking("setExiting", [1, false]);
});

test("what is signed for one group counts for nothing in the other", async () => {
  const order = await second.order();
  const signers = second.providers.map(({ account }) => account);
  await rejectsWith(second.open(await first.order()), "OrderOfOtherGroup", [
    first.settlement,
    second.settlement,
  ]);
  const foreign = await signOrderAll(first.place, order, signers);
  await rejectsWith(second.open(order, { providers: foreign }), "ProviderSignatureInvalid");
  const payer = await signOrder(first.place, order, second.user);
  await rejectsWith(second.open(order, { payer }), "PayerSignatureInvalid", [second.user.address]);

  await second.toEpoch(1);
  const certificate = second.certificate(1);
  const votes = second.keepers
    .slice(0, 3)
    .map(({ account }) => signCommit(first.place, certificate, account));
  const signatures = concatHex(await Promise.all(votes));
  await rejectsWith(second.onSettlement("certify", [certificate, 0b111, signatures]), "SignatureInvalid");
  await second.certify(certificate);
  assert.deepEqual(
    [await first.read.settlement("lastCertified"), await second.read.settlement("lastCertified")],
    [0, 1],
  );
});

test("an order moves to another group as a new order over the same shards, and nothing is lost in between", async (t) => {
  const gas: bigint[] = [];
  const order = await first.order({ endEpoch: 60 });
  await first.open(order);
  const started = await first.read.settlement<number>("epochNow");
  // Whatever passes until all is settled: nobody has to serve a byte for the move.
  const certifyAll = async (group: Group) => {
    const now = await group.read.settlement<number>("epochNow");
    const from = (await group.read.settlement<number>("lastCertified")) + 1;
    for (let epoch = from; epoch <= now; epoch++) await group.certify(group.certificate(epoch));
  };
  await first.toEpoch(started + 3);
  await certifyAll(first);
  await certifyAll(second);
  const before = { balance: await first.read.orders<bigint>("balanceOf", [first.user.address]) };

  const moved = await second.order({
    ...{ shardRoot: order.shardRoot, stripes: order.stripes, policy: order.policy, manifest: order.manifest },
    ...{ endEpoch: (await second.read.settlement<number>("epochNow")) + 30 },
  });
  gas.push((await second.open(moved)).gasUsed);
  assert.equal((await stateOf(first, order)).endEpoch, 60, "both are open");

  await second.toEpoch(moved.startEpoch);
  gas.push((await first.onOrders("end", [order])).gasUsed);
  const { endEpoch } = await stateOf(first, order);
  assert.ok(
    first.startOf(endEpoch) > second.startOf(moved.startEpoch),
    "the old one ends after the new one started",
  );
  await rejectsWith(first.onOrders("releaseCollateral", [order]), "OrderNotClosed");

  await first.toEpoch(endEpoch);
  await certifyAll(first);
  gas.push((await first.onOrders("settle", [order, endEpoch])).gasUsed);
  gas.push((await first.onOrders("releaseCollateral", [order])).gasUsed);
  const old = await stateOf(first, order);
  assert.deepEqual([old.status, old.escrow], [RELEASED, 0n]);
  const pay = (price: bigint, epochs: number) => (price * 3n * BigInt(epochs)) >> 32n;
  assert.equal(
    await creditOf(first),
    pay(order.price, endEpoch - order.startEpoch),
    "paid to the last epoch",
  );
  const cost = await first.read.orders<{ total: bigint }>("cost", [{ ...order, endEpoch }]);
  const whole = await first.read.orders<{ total: bigint }>("cost", [order]);
  assert.equal(
    (await first.read.orders<bigint>("balanceOf", [first.user.address])) - before.balance,
    whole.total - cost.total,
    "the payer has back what was not used",
  );
  assert.equal(
    await lockedOf(first),
    3n * first.parameters.collateralPerShard,
    "only the other order's are locked",
  );
  assert.equal(await lockedOf(second), 3n * second.parameters.collateralPerShard);

  await second.toEpoch(moved.startEpoch + 2);
  await certifyAll(second);
  await second.onOrders("settle", [moved, moved.startEpoch + 2]);
  assert.equal(await creditOf(second), pay(moved.price, 2), "and from its first epoch in the new group");
  // What a move costs: `open` in one group, `end`, `settle` and `releaseCollateral` in the other.
  const total = gas.reduce((sum, used) => sum + used, 0n);
  t.diagnostic(`gas of a move, four slots: ${gas.join(" + ")} = ${total}`);
  assert.ok(total < 800_000n, `${total} gas`);
});
