import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { numberToHex } from "viem";
import { type Order, orderId } from "../../protocol/order.ts";
import { eventsIn } from "../support/contracts/allowances.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/* Three providers; account 1 pays, account 50 owns the order. */
const CANCELLED = 4;
const owner = testAccount(50);

let group: Group;
let order: Order;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createGroup({ providers: 3 });
  await group.onOrders("deposit", [1000n * TOKENS]);
  order = await group.order({
    policy: (1 << 16) | (2 << 8) | 1,
    owner: owner.address,
    openBy: BigInt(group.startOf(1)),
  });
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const statusOf = async () =>
  (await group.read.orders<{ status: number }>("orderState", [orderId(order)])).status;

test("owner or payer make a signed order void for ever", async () => {
  for (const by of [owner, group.user]) {
    await pristine.restore();
    const receipt = await group.onOrders("cancel", [order], by);
    assert.deepEqual(eventsIn(receipt), [["OrderCancelled", orderId(order), by.address]]);
    assert.equal(await statusOf(), CANCELLED);
    await rejectsWith(group.open(order), "OrderIsCancelled", [orderId(order)]);
    await rejectsWith(group.onOrders("cancel", [order], by), "OrderIsCancelled", [orderId(order)]);
  }
});

test("nobody else does, and not once it is open", async () => {
  await rejectsWith(group.onOrders("cancel", [order], group.owner), "NotOwnerOrPayer", [group.owner.address]);
  await group.open(order);
  await rejectsWith(group.onOrders("cancel", [order]), "OrderAlreadyOpened", [orderId(order)]);
});

test("who calls itself the owner cancels another order than the one that was signed", async () => {
  await group.onOrders("cancel", [{ ...order, owner: group.owner.address }], group.owner);
  await group.open(order);
});

test("a cancelled order can be neither ended, settled, announced nor released", async () => {
  await group.onOrders("cancel", [order]);
  await rejectsWith(group.onOrders("end", [order]), "OrderNotOpen", [orderId(order)]);
  await rejectsWith(group.onOrders("settle", [order, 9]), "OrderNotOpen", [orderId(order)]);
  await rejectsWith(group.onOrders("announceExpiry", [order]), "OrderNotOpen", [orderId(order)]);
  await rejectsWith(group.onOrders("releaseCollateral", [order]), "OrderNotClosed", [orderId(order)]);
});

test("another order of the same parties opens all the same", async () => {
  await group.onOrders("cancel", [order]);
  await group.open({ ...order, salt: numberToHex(2, { size: 32 }) });
});
