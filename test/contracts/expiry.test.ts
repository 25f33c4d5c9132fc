import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { numberToHex } from "viem";
import { type Order, orderId } from "../../protocol/order.ts";
import { eventsIn } from "../support/contracts/allowances.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/* An order from epoch 1 to 17: its last eighth are epochs 15 and 16. A short one from 1 to 5: epoch 4. */
const stranger = testAccount(50);

let group: Group;
let order: Order;
let short: Order;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createGroup({ providers: 3 });
  await group.onOrders("deposit", [1000n * TOKENS]);
  const common = { policy: (1 << 16) | (2 << 8) | 1, startEpoch: 1 };
  order = await group.order({ ...common, endEpoch: 17 });
  short = await group.order({ ...common, endEpoch: 5, salt: numberToHex(1, { size: 32 }) });
  await group.open(order);
  await group.open(short);
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const announce = async (it = order) => await group.onOrders("announceExpiry", [it], stranger);

test("anybody says once, in the last eighth, that an order ends", async () => {
  const id = orderId(order);
  await group.toEpoch(14);
  await rejectsWith(announce(), "NotInLastEighth", [id, 14, 15, 17]);
  await group.toEpoch(15);
  const receipt = await announce();
  assert.deepEqual(eventsIn(receipt), [["OrderExpiring", id, group.user.address, group.user.address, 17]]);
  assert.equal((await group.read.orders<{ announced: boolean }>("orderState", [id])).announced, true);
  await rejectsWith(announce(), "ExpiryAlreadyAnnounced", [id]);
});

test("the last epoch of a short order is enough of an eighth, and after the end it is too late", async () => {
  const id = orderId(short);
  await group.toEpoch(3);
  await rejectsWith(announce(short), "NotInLastEighth", [id, 3, 4, 5]);
  await group.toEpoch(5);
  await rejectsWith(announce(short), "NotInLastEighth", [id, 5, 4, 5]);
  await pristine.restore();
  await group.toEpoch(4);
  await announce(short);
});

test("an early end is announced as the end that counts", async () => {
  await group.toEpoch(5);
  await group.certify(group.certificate(5));
  await group.onOrders("end", [order]);
  const receipt = await announce();
  assert.equal(eventsIn(receipt)[0]!.at(-1), 6);
});

test("an announced order settles and ends as any other", async () => {
  await group.toEpoch(15);
  await announce();
  await group.certify(group.certificate(15));
  await group.onOrders("settle", [order, 17]);
  const { announced, settledTo } = await group.read.orders<{ announced: boolean; settledTo: number }>(
    "orderState",
    [orderId(order)],
  );
  assert.deepEqual([announced, settledTo], [true, 16]);
});
