import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { keccak256, numberToHex, stringToHex } from "viem";
import type { SetRenewal } from "../../protocol/allowance.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { eventsIn, signAllowance } from "../support/contracts/allowances.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { createRepairGroup, type RepairGroup } from "../support/contracts/repairs.ts";
import { signOrderAll } from "../support/contracts/signing.ts";

/* Providers 1 to 4 hold the slots of an order rs(2,2) from epoch 1 to 41: its last eighth are epochs 36 to 40. */
const END = 41;
const stranger = testAccount(60);

let group: RepairGroup;
let pristine: Awaited<ReturnType<RepairGroup["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createRepairGroup({ order: { endEpoch: END } });
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const payer = () => group.user.address;
const price = () => group.order.price;
const setRenewal = async (maxPrice = price(), epochs = 40, times = 2, from = group.user) =>
  await group.onAllowances("setRenewal", [group.id, maxPrice, epochs, times], from);
const nextOrder = (overrides: Partial<Order> = {}, order: Order = group.order): Order => ({
  ...order,
  startEpoch: order.endEpoch,
  endEpoch: order.endEpoch + 40,
  openBy: BigInt(group.startOf(overrides.startEpoch ?? order.endEpoch)),
  salt: numberToHex(9, { size: 32 }),
  ...overrides,
});
async function renew(next: Order = nextOrder(), order: Order = group.order) {
  const signers = next.providers.map((id) => testAccount(2 + id));
  const signatures = await signOrderAll(group.place, next, signers);
  return await group.onOrders("renew", [order, next, signatures], stranger);
}
const renewalOf = async (id = group.id) => {
  const { maxPrice, epochs, left } = await group.read.allowances<{
    maxPrice: bigint;
    epochs: number;
    left: number;
  }>("renewalOf", [payer(), id]);
  return [maxPrice, epochs, left];
};

test("anybody continues an order on its payer's terms, which pass on", async () => {
  const set = await setRenewal();
  assert.deepEqual(eventsIn(set), [["RenewalSet", payer(), group.id, price(), 40, 2]]);
  await group.toEpoch(36);
  const next = nextOrder();
  const cost = (await group.read.orders<{ total: bigint }>("cost", [next])).total;
  const balance = await group.balance();
  const receipt = await renew(next);
  const nextId = orderId(next);
  assert.deepEqual(eventsIn(receipt, "RenewalUsed", "OrderRenewed"), [
    ["RenewalUsed", payer(), group.id, nextId, 1],
    ["OrderRenewed", group.id, nextId],
  ]);
  assert.equal(balance - (await group.balance()), cost);
  assert.deepEqual(await renewalOf(), [0n, 0, 0]);
  assert.deepEqual(await renewalOf(nextId), [price(), 40, 1]);
  // The second, and last.
  await rejectsWith(renew(nextOrder({ salt: numberToHex(10, { size: 32 }) })), "RenewalMissing", [
    ...[payer(), group.id],
  ]);
  await group.toEpoch(next.endEpoch - 1);
  const last = nextOrder({}, next);
  await renew(last, next);
  assert.deepEqual(await renewalOf(orderId(last)), [0n, 0, 0]);
  await group.toEpoch(last.endEpoch - 1);
  await rejectsWith(renew(nextOrder({}, last), last), "RenewalMissing", [payer(), orderId(last)]);
});

test("from the first epoch of the last eighth to the last one", async () => {
  await setRenewal();
  await group.toEpoch(35);
  await rejectsWith(renew(), "NotInLastEighth", [group.id, 35, 36, END]);
  await group.toEpoch(40);
  await renew();
  await pristine.restore();
  await setRenewal();
  await group.toEpoch(END);
  await rejectsWith(renew(), "NotInLastEighth", [group.id, END, 36, END]);
});

test("nothing but the payer's terms: price, length, content", async () => {
  await setRenewal(price() + 5n);
  await group.toEpoch(36);
  await rejectsWith(renew(nextOrder({ price: price() + 6n })), "RenewalTooDear", [
    ...[group.id, price() + 6n, price() + 5n],
  ]);
  const other = keccak256(stringToHex("other"));
  const cases: [string, Partial<Order>][] = [
    ["OWNER", { owner: stranger.address }],
    ["PAYER", { payer: stranger.address }],
    ["SHARD_ROOT", { shardRoot: other }],
    ["STRIPES", { stripes: group.order.stripes + 1 }],
    ["POLICY", { policy: (1 << 16) | (3 << 8) | 1 }],
    ["LAYOUT", { layout: 1 }],
    ["EPOCHS", { endEpoch: END + 41 }],
    ["EPOCHS", { endEpoch: END + 39 }],
    ["MIN_EPOCHS", { minEpochs: group.order.minEpochs + 1 }],
    ["MANIFEST", { manifest: { ...group.order.manifest, digest: other } }],
  ];
  for (const [what, change] of cases) {
    await rejectsWith(renew(nextOrder(change)), "RenewalDiffers", [
      ...[group.id, stringToHex(what, { size: 32 })],
    ]);
  }
  await renew(nextOrder({ price: price() + 5n, minEpochs: 0 }));
});

test("it starts where the order ends", async () => {
  await setRenewal();
  await group.toEpoch(36);
  for (const startEpoch of [END - 1, END + 1]) {
    const next = nextOrder({ startEpoch, endEpoch: startEpoch + 40 });
    await rejectsWith(renew(next), "RenewalStartWrong", [group.id, startEpoch, END]);
  }
  await rejectsWith(renew(nextOrder({ openBy: BigInt(group.startOf(36)) })), "OpenByInvalid");
});

test("nobody is displaced: the holders of now, each at its slot", async () => {
  await setRenewal();
  await group.toEpoch(36);
  const wrong = (slot: number, providerId: number, holder: number) => [
    ...[group.id, BigInt(slot), providerId, holder],
  ];
  await rejectsWith(renew(nextOrder({ providers: [1, 2, 3, 5] })), "RenewalHolderWrong", wrong(3, 5, 4));
  await rejectsWith(renew(nextOrder({ providers: [2, 1, 3, 4] })), "RenewalHolderWrong", wrong(0, 2, 1));
  await rejectsWith(renew(nextOrder({ providers: [1, 2, 3] })), "RenewalHolderWrong", wrong(3, 0, 4));
  await rejectsWith(renew(nextOrder({ providers: [1, 2, 3, 4, 5] })), "PolicyInvalid");
});

test("who took a slot over holds it; a vacant one keeps the order from going on", async () => {
  await setRenewal();
  for (let epoch = 1; epoch <= 2; epoch++) await group.epoch(epoch);
  await group.evict(3, 0);
  await group.toEpoch(36);
  const vacant = [group.id, 0n, 1, 0];
  await rejectsWith(renew(), "RenewalHolderWrong", vacant);
  await rejectsWith(renew(nextOrder({ providers: [0, 2, 3, 4] })), "RenewalHolderWrong", [
    group.id,
    0n,
    0,
    0,
  ]);
  await pristine.restore();
  await setRenewal();
  for (let epoch = 1; epoch <= 2; epoch++) await group.epoch(epoch);
  await group.evict(3, 0);
  await group.epoch(4, group.offer(5, 0, 6));
  await group.accept(0, 5);
  await group.toEpoch(36);
  await rejectsWith(renew(), "RenewalHolderWrong", [group.id, 0n, 1, 5]);
  await renew(nextOrder({ providers: [5, 2, 3, 4] }));
});

test("an order that was ended early, or that is not open, does not go on", async () => {
  await setRenewal();
  await group.toEpoch(37);
  await group.certify(group.certificate(37));
  await group.onOrders("end", [group.order]);
  await rejectsWith(renew(), "OrderEndsEarly", [group.id, 38]);
  const unopened = nextOrder({ salt: numberToHex(77, { size: 32 }) });
  await rejectsWith(renew(nextOrder({}, unopened), unopened), "OrderNotOpen", [orderId(unopened)]);
});

test("it takes the payer's balance and every holder's signature, as any order", async () => {
  await setRenewal();
  await group.toEpoch(36);
  const next = nextOrder();
  const signers = [1, 2, 3, 5].map((id) => testAccount(2 + id));
  const foreign = await signOrderAll(group.place, next, signers);
  await rejectsWith(group.onOrders("renew", [group.order, next, foreign]), "ProviderSignatureInvalid");
  await group.onOrders("requestWithdrawal", [await group.balance()]);
  await group.chain.helpers.time.increase(1);
  // What is only announced can still be spent.
  await renew(next);
});

test("a payer gives terms, changes them and takes them back", async () => {
  await rejectsWith(setRenewal(0n), "RenewalInvalid", [0n, 40]);
  await rejectsWith(setRenewal(1n, 0), "RenewalInvalid", [1n, 0]);
  await setRenewal();
  await setRenewal(7n, 3, 1);
  assert.deepEqual(await renewalOf(), [7n, 3, 1]);
  const receipt = await setRenewal(0n, 0, 0);
  assert.deepEqual(eventsIn(receipt), [["RenewalSet", payer(), group.id, 0n, 0, 0]]);
  await setRenewal(price(), 40, 2, group.owner);
  await group.toEpoch(36);
  await rejectsWith(renew(), "RenewalMissing", [payer(), group.id]);
});

test("anyone hands in terms that the payer has signed, once and in time", async () => {
  const deadline = BigInt(await group.chain.time()) + 60n;
  const terms: SetRenewal = {
    ...{ payer: payer(), orderId: group.id, maxPrice: price(), epochs: 40, times: 1, nonce: 5n, deadline },
  };
  const signature = await signAllowance(group, "SetRenewal", terms, group.user);
  const handIn = async (change: Partial<SetRenewal> = {}) =>
    await group.onAllowances(
      "setRenewalBySignature",
      [...Object.values({ ...terms, ...change }), signature],
      stranger,
    );
  const changes: Partial<SetRenewal>[] = [
    { orderId: numberToHex(1, { size: 32 }) },
    { maxPrice: price() + 1n },
    { epochs: 41 },
    { times: 2 },
    { nonce: 6n },
    { deadline: deadline + 1n },
  ];
  for (const change of changes) await rejectsWith(handIn(change), "SignatureInvalid", [payer()]);
  await rejectsWith(handIn({ payer: stranger.address }), "SignatureInvalid", [stranger.address]);
  const receipt = await handIn();
  assert.deepEqual(eventsIn(receipt), [
    ["NoncesInvalidated", payer(), 0n, 32n],
    ["RenewalSet", payer(), group.id, price(), 40, 1],
  ]);
  await rejectsWith(handIn(), "NonceUsed", [payer(), 5n]);
  await rejectsWith(handIn({ deadline: 1n }), "SignatureExpired");
});

test("only the orders' contract uses terms", async () => {
  await setRenewal();
  const use = group.onAllowances("useRenewal", [group.order, nextOrder()]);
  await rejectsWith(use, "CallerNotAllowed", [payer()]);
});

test("the holders lock collateral for it, too, before the order is over", async () => {
  const { locked } = await group.stakeOf(1);
  await setRenewal();
  await group.toEpoch(36);
  await renew();
  assert.equal((await group.stakeOf(1)).locked, 2n * locked);
});
